// The page: every operation of the OpenAPI document, the messages of the AsyncAPI document, and a search over both.

import { Schemas, make, worded } from "./schemas.js";
import { form } from "./trying.js";

const byId = (id) => document.getElementById(id);
const entries = []; // what is searched: an element and its words

async function documentAt(path) {
  const reply = await fetch(path);
  if (!reply.ok) throw new Error(`${path}: ${reply.status}`);
  return reply.json();
}

function block(title, ...children) {
  return [make("h3", {}, title), ...children];
}

function parameters(operation, schemas) {
  if (!operation.parameters.length) return [];
  const list = make("ul", { class: "fields" });
  for (const one of operation.parameters) {
    const needed = one.required ? "" : " (optional)";
    list.append(make("li", {}, make("code", {}, one.name), ` in ${one.in}${needed}, `, schemas.kind(one.schema), ...worded(one.description && `: ${one.description}`)));
  }
  return block("Parameters", list);
}

function body(operation, schemas) {
  const media = operation.requestBody?.content["application/json"];
  return media ? block("Body", schemas.fields(media.schema)) : [];
}

function answers(operation, schemas) {
  const list = make("div");
  for (const [status, answer] of Object.entries(operation.responses)) {
    const details = make("details", { class: "schema" }, make("summary", {}, `${status}: ${answer.description.split("\n")[0]}`));
    const inner = make("div", { class: "body" });
    if (answer.description.includes("\n")) inner.append(make("p", { class: "text" }, ...worded(answer.description.split("\n").slice(2).join("\n"))));
    for (const [media, { schema }] of Object.entries(answer.content ?? {})) {
      inner.append(make("p", { class: "faint" }, media), schemas.fields(schema.allOf ? schema.allOf[0] : schema));
    }
    details.append(inner);
    list.append(details);
  }
  return block("Answers", list);
}

function scopes(operation) {
  const needed = operation.security.flatMap((one) => one.token ?? []);
  if (!operation.security.length) return "No token is needed.";
  return needed.length ? `Needs the scope ${needed.join(", ")}.` : "Any good token will do.";
}

function operationElement(method, path, operation, schemas) {
  const name = make("span", { class: `method ${method}` }, method.toUpperCase());
  const summary = make("summary", {}, name, " ", make("span", { class: "path" }, path), ` ${operation.summary}`);
  const details = make("details", { class: "operation", id: operation.operationId }, summary);
  const fill = () => {
    if (details.children.length > 1) return;
    const inner = make("div", { class: "body" });
    if (operation.description) inner.append(make("p", { class: "text" }, ...worded(operation.description)));
    inner.append(make("p", { class: "faint" }, scopes(operation)));
    inner.append(...parameters(operation, schemas), ...body(operation, schemas), ...answers(operation, schemas));
    if (path !== "/v1/ws") inner.append(...block("Try it", form(method, path, operation, schemas)));
    details.append(inner);
  };
  details.addEventListener("toggle", fill);
  const codes = Object.values(operation.responses).map((one) => one.description).join(" ");
  entries.push([details, `${method} ${path} ${operation.summary} ${operation.description ?? ""} ${operation.tags} ${codes}`]);
  return details;
}

function showOperations(openapi, schemas) {
  const place = byId("operations");
  for (const { name, description } of openapi.tags) {
    const group = make("section", { "aria-labelledby": `group-${name}` });
    for (const [path, item] of Object.entries(openapi.paths)) {
      for (const [method, operation] of Object.entries(item)) {
        if (operation.tags.includes(name)) group.append(operationElement(method, path, operation, schemas));
      }
    }
    if (!group.children.length) continue;
    group.prepend(make("h2", { id: `group-${name}` }, name), make("p", { class: "faint" }, description));
    place.append(group);
    addGroup(name, name);
  }
}

function addGroup(id, text) {
  byId("groups").append(make("li", {}, make("a", { href: `#group-${id}` }, text)));
}

function schemaElement(name, id, schema, schemas, examples = []) {
  const details = make("details", { class: "schema", id }, make("summary", {}, make("code", {}, name)));
  details.addEventListener("toggle", () => {
    if (details.children.length > 1) return;
    const inner = make("div", { class: "body" });
    const text = schemas.resolve(schema).description;
    if (text) inner.append(make("p", { class: "text" }, ...worded(text)));
    inner.append(schemas.fields(schema));
    for (const one of examples) inner.append(make("pre", { tabindex: "0" }, JSON.stringify(one.payload, null, 2)));
    details.append(inner);
  });
  entries.push([details, `${name} ${JSON.stringify(schemas.resolve(schema))}`]);
  return details;
}

function showMessages(asyncapi) {
  const schemas = new Schemas(asyncapi.components.schemas, "stream");
  const place = byId("messages");
  place.append(make("p", { class: "text" }, ...worded(asyncapi.info.description)));
  for (const [name, message] of Object.entries(asyncapi.components.messages)) {
    place.append(schemaElement(name, `message-${name}`, message.payload, schemas, message.examples));
  }
  const codes = make("ul", { class: "fields" });
  for (const [code, text] of Object.entries(asyncapi["x-close-codes"])) codes.append(make("li", {}, make("code", {}, code), ` ${text}`));
  place.append(make("h3", {}, "Close codes"), codes);
  for (const [name, schema] of Object.entries(asyncapi.components.schemas)) {
    byId("schemas").append(schemaElement(`${name} (stream)`, `stream-${name}`, schema, schemas));
  }
  addGroup("messages", "stream messages");
}

function search() {
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const [element, text] of entries) {
    element.hidden = !words.every((word) => text.includes(word));
    shown += element.hidden ? 0 : 1;
  }
  for (const group of byId("operations").children) {
    group.hidden = ![...group.querySelectorAll("details.operation")].some((one) => !one.hidden);
  }
  byId("found").textContent = words.length ? `${shown} found` : "";
}

function openTarget() {
  const element = byId(decodeURIComponent(location.hash.slice(1)));
  if (element?.tagName === "DETAILS") element.open = true;
  element?.scrollIntoView();
}

async function start() {
  const openapi = await documentAt("/openapi.json");
  const schemas = new Schemas(openapi.components.schemas, "schema");
  byId("version").textContent = openapi.info.version;
  byId("about").append(...worded(openapi.info.description));
  showOperations(openapi, schemas);
  for (const [name, schema] of Object.entries(openapi.components.schemas)) {
    byId("schemas").append(schemaElement(name, `schema-${name}`, schema, schemas));
  }
  showMessages(await documentAt("/asyncapi.json"));
  addGroup("schemas", "schemas");
  for (const entry of entries) entry[1] = entry[1].toLowerCase();
  byId("tools").addEventListener("submit", (event) => event.preventDefault());
  byId("search").addEventListener("input", search);
  addEventListener("hashchange", openTarget);
  addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target.closest("input, textarea")) return;
    event.preventDefault();
    byId("search").focus();
  });
  openTarget();
}

start().catch((problem) => {
  byId("about").className = "bad";
  byId("about").textContent = `The documents cannot be had: ${problem.message}`;
});
