// Every connection: where it is in its life, why, how old its data are; and what may be done about it.

import * as api from "../api.js";
import { h, keep, notice, say } from "../dom.js";
import { bytes, count, seconds, since } from "../format.js";
import { Grid } from "../grid.js";
import { poll } from "../poll.js";
import { changes, timeline } from "../timeline.js";

export const title = "Connections";

const ACTIONS = { rollover: "Roll over", reconnect: "Reconnect", drain: "Drain" };

export function open(root, signal, chosen) {
  if (chosen) return one(root, signal, chosen);
  const list = h("ul", { class: "cards", "aria-label": "Connections" });
  const problem = h("p", { class: "problem", role: "status" });
  const none = h("p", { class: "facts" });
  root.append(problem, none, list);
  return poll(async () => {
    const { connections } = await api.get("/api/v1/connections", signal);
    say(problem, "");
    say(none, connections.length ? "" : "There is no connection yet; one is opened once somebody wants data.");
    keep(list, connections, (item) => item.id, card, fill);
  }, 1000, signal, (wrong) => wrong && say(problem, wrong.message));
}

function card(item) {
  const parts = {
    state: h("span", { class: "badge" }), facts: h("p", { class: "facts" }), why: h("p", { class: "why" }),
    strip: h("div", { class: "strip" }),
  };
  const link = h("a", { href: `#connections/${encodeURIComponent(item.id)}` }, item.id);
  const made = h("li", { class: "card" }, h("h3", {}, link, " ", parts.state), parts.facts, parts.why, parts.strip, buttons(item.id));
  made.parts = parts;
  return made;
}

function fill(made, item) {
  const { state, facts, why, strip } = made.parts;
  say(state, item.phase ? `${item.state}: ${item.phase}` : item.state);
  state.className = `badge ${item.state}`;
  say(facts, facts_of(item));
  say(why, why_of(item));
  made.dataset.healthy = item.is_healthy;
  strip.replaceChildren(timeline(item.history, item.state, Date.now() * 1000));
}

function facts_of(item) {
  const { message, pong, round_trip: trip } = item.ages;
  return [
    `for ${seconds(since(item.since_us))}`, `epoch ${item.epoch}`, `${count(item.streams)} streams`,
    `last message ${seconds(message)} ago`, `${heart(item.heartbeat_interval)}, last pong ${seconds(pong)} ago, round trip ${seconds(trip)}`,
  ].join(" · ");
}

function heart(interval) {
  return interval === null ? "no heartbeat of ours" : `heartbeat every ${seconds(interval)}`;
}

function why_of(item) {
  const retry = item.retry_at_us ? `; tried again in ${seconds(Math.max(0, item.retry_at_us / 1e6 - Date.now() / 1e3))}` : "";
  const reason = item.reason ? `${item.reason}${item.text ? `: ${item.text}` : ""}${retry}` : "";
  const diagnosis = item.diagnosis ? `${item.diagnosis.reason}: ${item.diagnosis.text}` : "";
  return [reason, item.is_healthy ? "" : item.unhealthy_because, diagnosis].filter(Boolean).join(" · ");
}

function buttons(id) {
  return h("div", { class: "row" }, Object.entries(ACTIONS).map(([action, label]) =>
    h("button", { type: "button", "aria-label": `${label} ${id}`, onclick: () => act(id, action, label) }, label)));
}

async function act(id, action, label) {
  if (action !== "rollover" && !confirm(`${label} ${id}? Its topics may be interrupted.`)) return;
  try {
    await api.post(`/api/v1/connections/${id}:${action}`);
    notice(`${label} of ${id} was asked for.`);
  } catch (wrong) {
    notice(`${label} of ${id} was refused: ${wrong.message}`, "bad");
  }
}

function one(root, signal, id) {
  const made = card({ id });
  const counters = h("dl", { class: "figures" });
  const history = h("div");
  const streams = new Grid("Streams", [
    { title: "Stream", of: (row) => row.name, class: "wide" },
    { title: "Last datum", of: (row) => (row.age === null ? "none yet" : `${seconds(row.age)} ago`), class: "number" },
  ], { keyOf: (row) => row.name, textOf: (row) => row.name });
  const problem = h("p", { class: "problem", role: "status" });
  root.append(h("p", {}, h("a", { href: "#connections" }, "All connections")), problem, h("ul", { class: "cards" }, made),
    h("h3", {}, "Counters"), counters, h("h3", {}, "Age of the data, by stream"), streams.element, h("h3", {}, "Changes"), history);
  let told = "";
  return poll(async () => {
    const item = await api.get(`/api/v1/connections/${id}`, signal);
    say(problem, "");
    fill(made, item);
    keep(counters, Object.entries(item.counters), ([name]) => name,
      ([name]) => h("div", {}, h("dt", {}, name.replaceAll("_", " ")), h("dd")),
      (place, [name, value]) => say(place.lastElementChild, name.includes("bytes") ? bytes(value) : count(value)));
    streams.show(Object.entries(item.ages.streams).map(([name, age]) => ({ name, age })));
    const now = JSON.stringify(item.history);
    if (now !== told) history.replaceChildren(changes(item.history));
    told = now;
  }, 1000, signal, (wrong) => wrong && say(problem, wrong.message));
}
