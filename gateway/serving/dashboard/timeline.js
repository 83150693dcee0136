// A connection's states over time, as a strip: what it was, for how long, and why it changed.

import { h, s, scroll } from "./dom.js";
import { clock, moment, seconds } from "./format.js";

const MOST = 15 * 60;
const LEAST = 2 * 60;
const THIN = 450;
const TALL = { ERROR: [0, 12], CONNECTED: [3, 9] };
const OTHER = [3, 9];

/** How many seconds to draw of `histories`, so that they can be compared: all of them, if that is a quarter of an hour or less. */
export function spanOf(histories, now) {
  const first = histories.reduce((least, history) => Math.min(least, history[0]?.at_us ?? now), now);
  return Math.min(MOST, Math.max(LEAST, (now - first) / 1e6));
}

/** Draw the last `span` seconds of `history` (newest last) that led to `state`; `now` is in microseconds. */
export function timeline(history, state, now, span) {
  const begin = now - span * 1e6;
  const strip = s("svg", { viewBox: `0 0 ${span} 12`, preserveAspectRatio: "none", class: "timeline", role: "img",
    "aria-label": spoken(history, state) });
  const seen = pieces(history, now).filter((piece) => piece.until > begin);
  for (const piece of [...seen.filter((one) => one.state !== "ERROR"), ...seen.filter((one) => one.state === "ERROR")]) {
    strip.append(bar(piece, begin, span));
  }
  return strip;
}

/** Errors are drawn last and taller: they are short, and colours are not for everybody. */
function bar(piece, begin, span) {
  const from = Math.max(piece.from, begin);
  const [y, height] = TALL[piece.state] ?? OTHER;
  const width = Math.max(span / THIN, (piece.until - from) / 1e6);
  const made = s("rect", { x: Math.min((from - begin) / 1e6, span - width), y, height, width, class: `state ${piece.state}` });
  const told = s("title");
  told.textContent = `${piece.state} ${seconds((piece.until - piece.from) / 1e6)} from ${clock(piece.from)}: ${piece.reason}`;
  made.append(told);
  return made;
}

/** The stretches of time in one state each, oldest first. */
function pieces(history, now) {
  return history.map((step, place) => ({
    state: step.after,
    from: step.at_us,
    until: place + 1 < history.length ? history[place + 1].at_us : now,
    reason: reason(step),
  }));
}

/** Why a step was taken. */
export function reason(step) {
  return step.text ? `${step.reason}: ${step.text}` : step.reason;
}

function spoken(history, state) {
  const last = history.slice(-4).map((step) => `${step.after} at ${clock(step.at_us)} (${step.reason})`);
  return `Timeline. Now ${state}; ${last.join(", ") || "no changes yet"}`;
}

/** The changes as a list, newest first, for whoever wants to read them. */
export function changes(history) {
  const rows = [...history].reverse().map((step) => h("tr", {},
    h("td", { title: moment(step.at_us) }, clock(step.at_us)),
    h("td", {}, String(step.epoch)),
    h("td", {}, badge(step.before), " → ", badge(step.after)),
    h("td", {}, step.reason),
    h("td", { class: "wide", title: step.text }, step.text)));
  const heads = ["When", "Epoch", "Change", "Reason", "Text"].map((title) => h("th", { scope: "col" }, title));
  return scroll("Changes",
    h("table", { "aria-label": "Changes, newest first" }, h("thead", {}, h("tr", {}, heads)), h("tbody", {}, rows)));
}

/** A state as a word in its colour. */
function badge(state) {
  return h("span", { class: `badge ${state}` }, state);
}
