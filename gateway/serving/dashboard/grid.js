// A table of very many rows: only those that are seen exist, so ten thousand cost as much as thirty.

import { h, say } from "./dom.js";

const ROW = 28;
const SPARE = 8;
const QUIET = 700;
let grids = 0;

/**
 * A table with a filter.
 *
 * columns: [{ title, of: (item) => text, class, kind }]; `open` is called with the item of a row that is chosen,
 * `filtered` with what was typed.
 */
export class Grid {
  constructor(label, columns, { keyOf, textOf, open = () => {}, filtered = () => {} }) {
    Object.assign(this, { columns, keyOf, textOf, open, filtered });
    this.name = `grid${(grids += 1)}`;
    this.items = [];
    this.shown = [];
    this.rows = [];
    this.chosen = null;
    this.filter = h("input", { type: "search", placeholder: "Filter", "aria-label": `Filter ${label}`, oninput: () => this.typed() });
    this.told = h("span", { class: "told" });
    this.aloud = h("span", { class: "aloud", role: "status" });
    this.top = space(columns.length);
    this.bottom = space(columns.length);
    this.body = h("tbody", {}, this.top, this.bottom);
    const heads = columns.map((column) => h("th", { scope: "col", class: column.class }, column.title));
    this.table = h("table", { role: "grid", tabindex: 0, "aria-label": label, onkeydown: (event) => this.key(event) },
      h("thead", {}, h("tr", { "aria-rowindex": 1 }, heads)), this.body);
    this.window = h("div", { class: "window", onscroll: () => this.later() }, this.table);
    this.element = h("div", { class: "grid" }, h("div", { class: "row" }, this.filter, this.told, this.aloud), this.window);
  }

  /** Show these from now on; where the viewer is, they stay. */
  show(items) {
    this.items = items;
    this.stale = true;
    this.later();
  }

  /** Filter by this from now on. */
  look(text) {
    this.filter.value = text;
    this.typed();
  }

  typed() {
    this.stale = true;
    this.later();
    this.filtered(this.filter.value.trim());
    clearTimeout(this.speaking);
    this.speaking = setTimeout(() => say(this.aloud, `${this.shown.length} of ${this.items.length} rows`), QUIET);
  }

  refilter() {
    this.stale = false;
    const words = this.filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    this.shown = words.length ? this.items.filter((item) => {
      const text = this.textOf(item).toLowerCase();
      return words.every((word) => text.includes(word));
    }) : this.items;
    say(this.told, words.length ? `${this.shown.length} of ${this.items.length}` : `${this.items.length}`);
    this.table.setAttribute("aria-rowcount", this.shown.length + 1);
    this.window.style.height = `min(62vh, ${(this.shown.length + 2) * ROW}px)`;
  }

  /** Draw once in the next frame, however often this is called. */
  later() {
    if (this.due) return;
    this.due = true;
    requestAnimationFrame(() => {
      this.due = false;
      if (this.stale) this.refilter();
      this.draw();
    });
  }

  draw() {
    const height = this.window.clientHeight || 400;
    const first = Math.max(0, Math.min(this.shown.length, Math.floor(this.window.scrollTop / ROW)) - SPARE);
    const last = Math.min(this.shown.length, Math.ceil((this.window.scrollTop + height) / ROW) + SPARE);
    while (this.rows.length < last - first) this.rows.push(this.row());
    const used = this.rows.slice(0, last - first);
    this.table.removeAttribute("aria-activedescendant");
    used.forEach((row, place) => this.fill(row, first + place));
    this.top.firstElementChild.style.height = `${first * ROW}px`;
    this.bottom.firstElementChild.style.height = `${Math.max(0, this.shown.length - last) * ROW}px`;
    const wanted = [this.top, ...used.map((row) => row.element), this.bottom];
    if (this.body.childElementCount !== wanted.length) this.body.replaceChildren(...wanted);
  }

  row() {
    const cells = this.columns.map((column) => h("td", { class: column.class }));
    const made = { element: h("tr", { id: `${this.name}-${this.rows.length}` }, cells), cells, item: null };
    made.element.addEventListener("click", () => this.choose(made.item));
    return made;
  }

  fill(row, index) {
    const item = this.shown[index];
    const isChosen = this.chosen !== null && this.keyOf(item) === this.chosen;
    row.item = item;
    row.element.setAttribute("aria-rowindex", index + 2);
    row.element.setAttribute("aria-selected", isChosen);
    if (isChosen) this.table.setAttribute("aria-activedescendant", row.element.id);
    this.columns.forEach((column, place) => {
      const cell = row.cells[place];
      const text = column.of(item);
      say(cell, text);
      if (column.class === "wide") cell.title = text;
      if (column.kind) cell.dataset.kind = column.kind(item);
    });
  }

  choose(item) {
    this.chosen = this.keyOf(item);
    this.later();
    this.open(item);
  }

  key(event) {
    const page = Math.max(1, Math.floor(this.window.clientHeight / ROW) - 2);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    const at = this.chosen === null ? -1 : this.shown.findIndex((item) => this.keyOf(item) === this.chosen);
    if (event.key === "Enter" && at >= 0) this.open(this.shown[at]);
    else if (event.key in steps && this.shown.length) this.step(at, steps[event.key]);
    else return;
    event.preventDefault();
  }

  step(at, by) {
    const place = Math.max(0, Math.min(this.shown.length - 1, at + by));
    this.chosen = this.keyOf(this.shown[place]);
    const top = place * ROW;
    const height = this.window.clientHeight - 2 * ROW;
    if (top < this.window.scrollTop) this.window.scrollTop = top;
    else if (top > this.window.scrollTop + height) this.window.scrollTop = top - height;
    this.later();
  }
}

function space(columns) {
  return h("tr", { class: "space", "aria-hidden": "true" }, h("td", { colspan: columns }));
}
