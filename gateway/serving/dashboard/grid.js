// A table of very many rows: only those that are seen exist, so ten thousand cost as much as thirty.

import { h, say } from "./dom.js";

const ROW = 28;
const SPARE = 8;

/**
 * A table with a filter.
 *
 * columns: [{ title, of: (item) => text, class }]; `open` is called with the item of a row that is chosen.
 */
export class Grid {
  constructor(label, columns, { keyOf, textOf, open }) {
    this.columns = columns;
    this.keyOf = keyOf;
    this.textOf = textOf;
    this.open = open;
    this.items = [];
    this.shown = [];
    this.rows = [];
    this.wanted = "";
    this.chosen = 0;
    this.filter = h("input", { type: "search", placeholder: "Filter", "aria-label": `Filter ${label}`, oninput: () => this.refilter() });
    this.told = h("span", { class: "told", role: "status" });
    this.body = h("tbody");
    this.top = h("tr", { class: "space", "aria-hidden": "true" }, h("td", { colspan: columns.length }));
    this.bottom = h("tr", { class: "space", "aria-hidden": "true" }, h("td", { colspan: columns.length }));
    const heads = columns.map((column) => h("th", { scope: "col", class: column.class }, column.title));
    this.table = h("table", { "aria-label": label }, h("thead", {}, h("tr", { "aria-rowindex": 1 }, heads)), this.body);
    this.window = h("div", { class: "window", tabindex: 0, role: "region", "aria-label": label,
      onscroll: () => this.later(), onkeydown: (event) => this.key(event) }, this.table);
    this.element = h("div", { class: "grid" }, h("div", { class: "row" }, this.filter, this.told), this.window);
    this.due = false;
  }

  /** Show these from now on; where the viewer is, they stay. */
  show(items) {
    this.items = items;
    this.refilter();
  }

  refilter() {
    const words = this.filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    this.shown = words.length ? this.items.filter((item) => {
      const text = this.textOf(item).toLowerCase();
      return words.every((word) => text.includes(word));
    }) : this.items;
    say(this.told, this.shown.length === this.items.length ? `${this.items.length}` : `${this.shown.length} of ${this.items.length}`);
    this.chosen = Math.max(0, Math.min(this.chosen, this.shown.length - 1));
    this.table.setAttribute("aria-rowcount", this.shown.length + 1);
    this.later();
  }

  /** Draw once in the next frame, however often this is called. */
  later() {
    if (this.due) return;
    this.due = true;
    requestAnimationFrame(() => {
      this.due = false;
      this.draw();
    });
  }

  draw() {
    const height = this.window.clientHeight || 400;
    const first = Math.max(0, Math.floor(this.window.scrollTop / ROW) - SPARE);
    const last = Math.min(this.shown.length, Math.ceil((this.window.scrollTop + height) / ROW) + SPARE);
    while (this.rows.length < last - first) this.rows.push(this.row());
    const used = this.rows.slice(0, last - first);
    used.forEach((row, place) => this.fill(row, first + place));
    this.top.firstElementChild.style.height = `${first * ROW}px`;
    this.bottom.firstElementChild.style.height = `${Math.max(0, this.shown.length - last) * ROW}px`;
    const wanted = [this.top, ...used.map((row) => row.element), this.bottom];
    if (this.body.childElementCount !== wanted.length) this.body.replaceChildren(...wanted);
  }

  row() {
    const cells = this.columns.map((column) => h("td", { class: column.class }));
    const made = { element: h("tr", {}, cells), cells, item: null };
    made.element.addEventListener("click", () => this.choose(made));
    return made;
  }

  fill(row, index) {
    const item = this.shown[index];
    row.item = item;
    row.element.setAttribute("aria-rowindex", index + 2);
    row.element.classList.toggle("chosen", index === this.chosen);
    this.columns.forEach((column, place) => {
      const cell = row.cells[place];
      const text = column.of(item);
      say(cell, text);
      if (column.kind) cell.dataset.kind = column.kind(item);
    });
  }

  choose(row) {
    this.chosen = this.shown.indexOf(row.item);
    this.later();
    if (this.open) this.open(row.item);
  }

  key(event) {
    const page = Math.max(1, Math.floor(this.window.clientHeight / ROW) - 2);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.key === "Enter" && this.open && this.shown.length) this.open(this.shown[this.chosen]);
    else if (event.key in steps) this.step(steps[event.key]);
    else return;
    event.preventDefault();
  }

  step(by) {
    this.chosen = Math.max(0, Math.min(this.shown.length - 1, this.chosen + by));
    const top = this.chosen * ROW;
    const height = this.window.clientHeight - 2 * ROW;
    if (top < this.window.scrollTop) this.window.scrollTop = top;
    else if (top > this.window.scrollTop + height) this.window.scrollTop = top - height;
    this.later();
  }
}
