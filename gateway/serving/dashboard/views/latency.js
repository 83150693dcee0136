// How long messages take, over time: percentiles of what each interval added to the gateway's own histograms.

import * as api from "../api.js";
import { h, keep, s, say, trouble } from "../dom.js";
import { seconds } from "../format.js";
import { percentile, read } from "../metrics.js";
import { pause, poll } from "../poll.js";

export const title = "Latency";

const EVERY = 5000;
const KEPT = 15 * 60 * 1000;
const LEAST = 2 * 60 * 1000;
const JOINED = 30 * 1000;
const HIGH = 200;
const LEFT = 56;
const QUANTILES = { p50: 0.5, p90: 0.9, p99: 0.99 };
const never = new AbortController().signal;
const series = new Map();
let asking = null;
let wrongNow = "";

/** Once it was opened it goes on in the background, so that the picture has no hole where another view was looked at. */
export async function open(root, signal) {
  const charts = h("div", { class: "cards" });
  const problem = trouble();
  root.append(h("p", {}, "What was measured since this was opened, for a quarter of an hour. Each point is of five seconds: half, nine tenths and 99 of 100 were quicker."), problem, charts);
  asking ??= poll(sample, EVERY, never, (wrong) => { wrongNow = wrong.message; });
  while (!signal.aborted) {
    say(problem, wrongNow || (series.size ? "" : "There is nothing to show yet."));
    keep(charts, [...series.values()], (one) => one.name, card, draw);
    await pause(series.size ? EVERY : EVERY / 10, signal);
  }
}

async function sample(signal) {
  const told = read(await api.text("/metrics", signal));
  wrongNow = "";
  for (const histogram of told.values()) add(histogram, Date.now());
}

function add(histogram, at) {
  const one = series.get(histogram.name) ?? { name: histogram.name, help: histogram.help, before: null, points: [] };
  series.set(histogram.name, one);
  const point = { at };
  for (const [name, share] of Object.entries(QUANTILES)) point[name] = one.before === null ? null : percentile(one.before, histogram, share);
  one.before = histogram;
  one.points = [...one.points, point].filter((kept) => at - kept.at <= KEPT);
}

function card(one) {
  const parts = { picture: s("svg", { class: "chart", role: "img" }), told: h("p", { class: "facts" }), begin: h("span") };
  const made = h("section", { class: "card", "aria-label": one.help }, h("h3", {}, one.help), parts.told, parts.picture,
    h("p", { class: "axis-line", "aria-hidden": "true" }, parts.begin, h("span", {}, "now")));
  made.parts = parts;
  return made;
}

function draw(made, one) {
  const { picture, told, begin } = made.parts;
  const last = one.points.at(-1);
  const text = last.p50 === null ? "nothing in the last five seconds" : Object.keys(QUANTILES).map((name) => `${name} ${seconds(last[name])}`).join(", ");
  say(told, text);
  picture.setAttribute("aria-label", `${one.help}: ${text}`);
  const all = one.points.flatMap((point) => Object.keys(QUANTILES).map((name) => point[name])).filter((value) => value > 0);
  const least = Math.log10(all.reduce((low, value) => Math.min(low, value), 1e-3));
  const most = Math.log10(all.reduce((high, value) => Math.max(high, value), 1e-2));
  const wide = picture.clientWidth || 600;
  const y = (value) => HIGH - 10 - ((HIGH - 30) * (Math.log10(Math.max(value, 10 ** least)) - least)) / (most - least);
  const span = Math.max(LEAST, last.at - one.points[0].at);
  const x = (at) => wide - 8 - ((wide - LEFT - 8) * (last.at - at)) / span;
  say(begin, `${seconds(span / 1000)} ago`);
  const lines = Object.keys(QUANTILES).map((name) => s("path", { class: name, d: path(one.points, name, x, y) }));
  picture.setAttribute("viewBox", `0 0 ${wide} ${HIGH}`);
  picture.replaceChildren(...ticks(least, most).map((power) => mark(10 ** power, y, wide)), ...legend(wide), ...lines);
}

function mark(value, y, wide) {
  const text = s("text", { x: 4, y: y(value) + 4 });
  text.textContent = seconds(value);
  return s("g", {}, s("line", { class: "axis", x1: LEFT, x2: wide, y1: y(value), y2: y(value) }), text);
}

function legend(wide) {
  return Object.keys(QUANTILES).flatMap((name, place) => {
    const left = wide - 216 + 72 * place;
    const text = s("text", { class: "name", x: left + 34, y: 14 });
    text.textContent = name;
    return [s("path", { class: name, d: `M${left},10 h28` }), text];
  });
}

function ticks(least, most) {
  const first = Math.ceil(least);
  return Array.from({ length: Math.max(0, Math.floor(most) - first + 1) }, (_, step) => first + step);
}

/** A line through the points; where nothing was measured for long it is broken, and a point alone is a dot. */
function path(points, name, x, y) {
  let drawn = "";
  let before = -Infinity;
  for (const point of points.filter((one) => one[name] !== null)) {
    const place = `${x(point.at).toFixed(1)},${y(point[name]).toFixed(1)}`;
    drawn += point.at - before > JOINED ? `M${place} h0.1 ` : `L${place} `;
    before = point.at;
  }
  return drawn;
}
