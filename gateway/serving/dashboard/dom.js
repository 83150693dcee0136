// Elements from values: text is always text, never markup, so nothing that an exchange or a client sends can become a program.

/** Make an element. Properties starting with "on" are listeners, `class` and `data`/`aria` ones are attributes. */
export function h(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "value") made.value = value;
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

/** Make an element of an SVG picture. */
export function s(tag, properties = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(properties)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

/** Give `element` the text, touching the page only if it differs. */
export function say(element, text) {
  const wanted = String(text);
  if (element.textContent !== wanted) element.textContent = wanted;
}

/**
 * Keep the children of `parent` in step with `items`: one child for each key, made once, updated in place, in order.
 * So what has the focus keeps it, and a screen reader is not told of what did not change.
 */
export function keep(parent, items, keyOf, make, update) {
  const old = parent.kept ?? new Map();
  const now = new Map();
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    const child = old.get(key) ?? make(item);
    now.set(key, child);
    update(child, item);
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
  }
  for (const [key, child] of old) if (!now.has(key)) child.remove();
  parent.kept = now;
}

/** A notice that goes away by itself, and is read out. */
export function notice(text, kind = "info") {
  const place = document.getElementById("notices");
  const made = h("p", { class: `notice ${kind}` }, text);
  place.append(made);
  while (place.childElementCount > 4) place.firstElementChild.remove();
  setTimeout(() => made.remove(), 8000);
}
