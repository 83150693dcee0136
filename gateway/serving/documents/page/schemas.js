// Shows a JSON Schema as a list of fields, and makes an example of one.

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const LONG = 60; // characters of a pattern that are too many to be read

// What is between backquotes is code; a line break alone is none, as in Markdown.
export function worded(text) {
  return text.replace(/([^\n])\n(?![\n*])/g, "$1 ").split("`").map((part, index) => (index % 2 ? make("code", {}, part) : part));
}

export function nameOf(schema) {
  return schema?.$ref?.split("/").pop();
}

// Both documents have schemas; each is looked up in its own.
export class Schemas {
  constructor(named, prefix) {
    this.named = named;
    this.prefix = prefix;
  }

  resolve(schema) {
    return schema?.$ref ? this.named[nameOf(schema)] ?? {} : schema ?? {};
  }

  // One line that says what a value is; a schema with a name is a link to it.
  kind(schema) {
    const name = nameOf(schema);
    if (name) return make("a", { href: `#${this.prefix}-${name}` }, name);
    if (schema.allOf) return this.join(schema.allOf, " and ");
    if (schema.anyOf) return this.join(schema.anyOf, " or ");
    if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(" | ");
    if ("const" in schema) return JSON.stringify(schema.const);
    if (Array.isArray(schema.items)) return make("span", {}, "[", this.join(schema.items, ", "), "]");
    if (schema.prefixItems) return make("span", {}, "[", this.join(schema.prefixItems, ", "), "]");
    if (schema.type === "array") return make("span", {}, "list of ", this.kind(schema.items ?? {}));
    if (typeof schema.additionalProperties === "object") {
      return make("span", {}, "object of ", this.kind(schema.additionalProperties));
    }
    return [schema.type ?? "anything", ...limits(schema)].join(", ");
  }

  join(schemas, word) {
    const line = make("span");
    schemas.forEach((one, index) => line.append(...(index ? [word] : []), this.kind(one)));
    return line;
  }

  // The fields of an object, each with its kind and what is said of it.
  fields(schema) {
    const whole = this.resolve(schema);
    const list = make("ul", { class: "fields" });
    for (const [name, one] of Object.entries(whole.properties ?? {})) {
      const needed = whole.required?.includes(name) ? "" : " (optional)";
      const text = one.description ? worded(`: ${one.description}`) : [];
      list.append(make("li", {}, make("code", {}, name), `${needed} `, this.kind(one), ...text));
    }
    return list.children.length ? list : make("p", {}, this.kind(whole));
  }

  example(schema, depth = 0) {
    const whole = this.resolve(schema);
    if (whole.examples?.length) return whole.examples[0];
    if ("default" in whole) return whole.default;
    if ("const" in whole) return whole.const;
    if (whole.enum) return whole.enum[0];
    if (whole.anyOf) return this.example(whole.anyOf[0], depth);
    if (depth > 4) return null;
    if (whole.type === "object") {
      const needed = Object.entries(whole.properties ?? {}).filter(([name]) => whole.required?.includes(name));
      return Object.fromEntries(needed.map(([name, one]) => [name, this.example(one, depth + 1)]));
    }
    return { array: [], string: "", integer: 0, number: 0, boolean: false }[whole.type] ?? null;
  }
}

function limits(schema) {
  const told = [];
  if (schema.minimum !== undefined) told.push(`at least ${schema.minimum}`);
  if (schema.maximum !== undefined) told.push(`at most ${schema.maximum}`);
  if (schema.maxItems !== undefined) told.push(`at most ${schema.maxItems} of them`);
  if (schema.pattern?.length < LONG) told.push(`matching ${schema.pattern}`);
  if (schema.default !== undefined) told.push(`default ${JSON.stringify(schema.default)}`);
  return told;
}
