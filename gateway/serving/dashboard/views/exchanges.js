// Every exchange: what it offers, what is used of its limits, and what was listed and delisted lately.

import * as api from "../api.js";
import { h, keep, say, trouble } from "../dom.js";
import { clock, count, many, seconds } from "../format.js";
import { poll } from "../poll.js";

export const title = "Exchanges";

export function open(root, signal) {
  const list = h("ul", { class: "cards", "aria-label": "Exchanges" });
  const problem = trouble();
  root.append(problem, list);
  return poll(async () => {
    const { exchanges } = await api.get("/api/v1/exchanges", signal);
    say(problem, "");
    keep(list, exchanges, (item) => item.id, card, fill);
  }, 2000, signal, (wrong) => say(problem, wrong.message));
}

function card(item) {
  const parts = { facts: h("p", { class: "facts" }), why: h("p", { class: "why" }), limits: h("ul", { class: "limits", "aria-label": `Limits of ${item.id}` }), listings: h("p", { class: "facts" }) };
  const made = h("li", { class: "card" }, h("h3", {}, item.id), parts.facts, parts.why, h("h4", {}, "Limits of the exchange"), parts.limits, parts.listings);
  made.parts = parts;
  return made;
}

function fill(made, item) {
  const { facts, why, limits, listings } = made.parts;
  say(why, item.problem ?? "");
  if (item.channels === undefined) return;
  say(facts, [`environment ${item.environment}`, many(item.instruments, "instrument"), many(item.connections.length, "connection"),
    item.heartbeat_interval === null ? "heartbeat as the plugin has it" : `heartbeat every ${seconds(item.heartbeat_interval)}`, `channels ${item.channels.join(", ")}`].join(" · "));
  keep(limits, Object.entries(item.limits), ([name]) => name, ([name]) => limit(name), (place, [, one]) => used(place, one));
  say(listings, item.listings.length ? `Lately: ${item.listings.slice(-5).map((one) => `${one.symbol} ${one.what} at ${clock(one.at_us)}`).join(", ")}` : "");
}

function limit(name) {
  const meter = h("meter", { min: 0, max: 1, low: 0.5, high: 0.8, optimum: 0, "aria-label": `${name}, used` });
  const text = h("span", { class: "told" });
  const made = h("li", {}, h("span", {}, name), meter, text);
  made.parts = { meter, text };
  return made;
}

function used(place, one) {
  const { meter, text } = place.parts;
  meter.max = one.allowed || 1;
  meter.low = meter.max * 0.5;
  meter.high = meter.max * 0.8;
  meter.value = one.used;
  say(text, `${count(one.used)} of ${count(one.allowed)}`);
}
