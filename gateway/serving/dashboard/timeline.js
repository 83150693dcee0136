// A connection's states over time, as a strip: what it was, for how long, and why it changed.

import { h, s } from "./dom.js";
import { clock, seconds } from "./format.js";

const SPAN = 15 * 60;

/** Draw the last quarter of an hour of `history` (newest last) that led to `state`; `now` is in microseconds. */
export function timeline(history, state, now) {
  const begin = now - SPAN * 1e6;
  const strip = s("svg", { viewBox: `0 0 ${SPAN} 10`, preserveAspectRatio: "none", class: "timeline", role: "img",
    "aria-label": spoken(history, state, now) });
  pieces(history, state, now).filter((piece) => piece.until > begin).forEach((piece) => {
    const from = Math.max(piece.from, begin);
    const bar = s("rect", { x: (from - begin) / 1e6, y: 0, height: 10, width: Math.max(1.5, (piece.until - from) / 1e6),
      class: `state ${piece.state}` });
    bar.append(s("title", {}, `${piece.state} ${seconds((piece.until - piece.from) / 1e6)} from ${clock(piece.from)}: ${piece.reason}`));
    strip.append(bar);
  });
  return strip;
}

/** The stretches of time in one state each, oldest first. */
export function pieces(history, state, now) {
  return history.map((step, place) => ({
    state: step.after,
    from: step.at_us,
    until: place + 1 < history.length ? history[place + 1].at_us : now,
    reason: step.text ? `${step.reason}, ${step.text}` : step.reason,
  }));
}

function spoken(history, state, now) {
  const last = history.slice(-4).map((step) => `${step.after} at ${clock(step.at_us)} (${step.reason})`);
  return `now ${state}; ${last.join(", ") || "no changes yet"}`;
}

/** The changes as a list, newest first, for whoever wants to read them. */
export function changes(history) {
  const rows = [...history].reverse().map((step) => h("tr", {},
    h("td", {}, clock(step.at_us)),
    h("td", {}, String(step.epoch)),
    h("td", {}, badge(step.before), " → ", badge(step.after)),
    h("td", {}, step.reason),
    h("td", { class: "wide" }, step.text ?? "")));
  const heads = ["When", "Epoch", "Change", "Reason", "Text"].map((title) => h("th", { scope: "col" }, title));
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Changes" },
    h("table", { "aria-label": "Changes, newest first" }, h("thead", {}, h("tr", {}, heads)), h("tbody", {}, rows)));
}

/** A state as a word in its colour. */
export function badge(state) {
  return h("span", { class: `badge ${state}` }, state);
}
