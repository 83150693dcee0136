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
  const wanted = new Set(items.map(keyOf));
  for (const [key, child] of old) if (!wanted.has(key)) child.remove();
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    const child = old.get(key) ?? make(item);
    now.set(key, child);
    update(child, item);
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
  }
  parent.kept = now;
}

/** A notice, which is read out; it goes away by itself, but a bad one waits until it is dismissed. */
export function notice(text, kind = "info") {
  const place = document.getElementById("notices");
  const made = h("p", { class: `notice ${kind}` }, text, " ",
    h("button", { type: "button", "aria-label": "Dismiss the notice", onclick: () => made.remove() }, "×"));
  place.append(made);
  while (place.childElementCount > 4) place.firstElementChild.remove();
  if (kind !== "bad") setTimeout(() => made.remove(), 8000);
}

/** Ask whoever looks whether they mean it; returns whether they do. */
export function sure(question, label) {
  const dialog = document.getElementById("sure-dialog");
  say(document.getElementById("sure-text"), question);
  say(document.getElementById("sure-yes"), label);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((answer) => dialog.addEventListener("close", () => answer(dialog.returnValue === "yes"), { once: true }));
}

/** A part of a page that scrolls, for the keyboard too. */
export function scroll(label, ...children) {
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label }, children);
}

/** A line for what is wrong, read out. */
export function trouble() {
  return h("p", { class: "problem", role: "status" });
}
