// How long messages take, over time: percentiles of what each interval added to the gateway's own histograms.

import * as api from "../api.js";
import { h, keep, s, say } from "../dom.js";
import { seconds } from "../format.js";
import { percentile, read } from "../metrics.js";
import { poll } from "../poll.js";

export const title = "Latency";

const EVERY = 2000;
const KEPT = 150;
const HIGH = 200;
const LEFT = 56;
const QUANTILES = { p50: 0.5, p90: 0.9, p99: 0.99 };

export function open(root, signal) {
  const charts = h("div", { class: "cards" });
  const problem = h("p", { class: "problem", role: "status" });
  root.append(h("p", {}, "Each point is what was measured in two seconds: half, nine tenths and 99 of 100 were quicker."), problem, charts);
  const series = new Map();
  return poll(async () => {
    const now = read(await api.text("/metrics", signal));
    for (const histogram of now.values()) add(series, histogram);
    say(problem, series.size ? "" : "There is nothing to show yet.");
    keep(charts, [...series.values()], (one) => one.name, card, draw);
  }, EVERY, signal, (wrong) => wrong && say(problem, wrong.message));
}

function add(series, histogram) {
  const one = series.get(histogram.name) ?? { name: histogram.name, help: histogram.help, before: null, points: [] };
  series.set(histogram.name, one);
  const point = {};
  for (const [name, share] of Object.entries(QUANTILES)) point[name] = one.before === null ? null : percentile(one.before, histogram, share);
  one.before = histogram;
  one.points = [...one.points, point].slice(-KEPT);
}

function card(one) {
  const parts = { picture: s("svg", { class: "chart", role: "img" }), told: h("p", { class: "facts" }) };
  const made = h("section", { class: "card", "aria-label": one.help }, h("h3", {}, one.help), parts.told, parts.picture);
  made.parts = parts;
  return made;
}

function draw(made, one) {
  const { picture, told } = made.parts;
  const last = one.points.at(-1);
  const text = Object.keys(QUANTILES).map((name) => `${name} ${seconds(last[name])}`).join(", ");
  say(told, last.p50 === null ? "nothing in the last two seconds" : text);
  picture.setAttribute("aria-label", `${one.help}: ${text}`);
  const all = one.points.flatMap((point) => Object.values(point)).filter((value) => value > 0);
  const least = Math.log10(Math.min(1e-3, ...all));
  const most = Math.log10(Math.max(1e-2, ...all));
  const wide = picture.clientWidth || 600;
  const y = (value) => HIGH - 10 - ((HIGH - 30) * (Math.log10(Math.max(value, 1e-9)) - least)) / (most - least);
  const x = (place) => LEFT + ((wide - LEFT - 8) * place) / (KEPT - 1);
  const lines = Object.keys(QUANTILES).map((name) => s("path", { class: name, d: path(one.points.map((point) => point[name]), x, y) }));
  picture.setAttribute("viewBox", `0 0 ${wide} ${HIGH}`);
  picture.replaceChildren(...ticks(least, most).map((power) => mark(10 ** power, y, wide)), ...legend(wide), ...lines);
}

function mark(value, y, wide) {
  const text = s("text", { x: 4, y: y(value) + 4 });
  text.textContent = seconds(value);
  return s("g", {}, s("line", { class: "axis", x1: LEFT, x2: wide, y1: y(value), y2: y(value) }), text);
}

function legend(wide) {
  return Object.keys(QUANTILES).map((name, place) => {
    const text = s("text", { class: `name ${name}`, x: wide - 130 + 42 * place, y: 14 });
    text.textContent = name;
    return text;
  });
}

function ticks(least, most) {
  const first = Math.ceil(least);
  return Array.from({ length: Math.max(0, Math.floor(most) - first + 1) }, (_, step) => first + step);
}

function path(values, x, y) {
  let drawn = "";
  let pen = "M";
  values.forEach((value, place) => {
    if (value === null) { pen = "M"; return; }
    drawn += `${pen}${x(place).toFixed(1)},${y(value).toFixed(1)} `;
    pen = "L";
  });
  return drawn;
}
