// Every connection: where it is in its life, why, how old its data are; and what may be done about it.

import * as api from "../api.js";
import { h, keep, notice, say, sure, trouble } from "../dom.js";
import { bytes, clock, count, many, now, seconds, since } from "../format.js";
import { Grid } from "../grid.js";
import { poll } from "../poll.js";
import { changes, reason, spanOf, timeline } from "../timeline.js";
import { eventGrid, fetchEvents } from "./events.js";

export const title = "Connections";

const ACTIONS = {
  rollover: { label: "Roll over", question: null },
  reconnect: { label: "Reconnect", question: "is cut and dialled again: its topics are interrupted." },
  drain: { label: "Drain", question: "takes no more streams and ends when it has none." },
};
const SCOPE = "Needs the scope connection:write where tokens are needed.";
const REDRAWN = 5e6;

export function open(root, signal, chosen) {
  return chosen ? one(root, signal, chosen) : all(root, signal);
}

function all(root, signal) {
  const list = h("ul", { class: "cards", "aria-label": "Connections" });
  const problem = trouble();
  const none = h("p", { class: "facts" });
  const only = h("input", { type: "checkbox" });
  root.append(h("label", { class: "row" }, only, "Only those that are not healthy"), problem, none, list);
  return poll(async () => {
    const { connections } = await api.get("/api/v1/connections", signal);
    const shown = only.checked ? connections.filter((item) => !item.is_healthy) : connections;
    say(problem, "");
    say(none, nothing(connections, shown));
    const span = spanOf(shown.map((item) => item.history), now());
    keep(list, shown, (item) => item.id, card, (made, item) => fill(made, item, span));
  }, 1000, signal, (wrong) => say(problem, wrong.message));
}

function nothing(connections, shown) {
  if (!connections.length) return "There is no connection yet; one is opened once somebody wants data.";
  return shown.length ? "" : `All ${connections.length} are healthy.`;
}

function card(item) {
  const parts = {
    state: h("span", { class: "badge" }), facts: h("p", { class: "facts" }), heart: h("p", { class: "facts" }),
    why: h("p", { class: "why" }), failed: h("p", { class: "why" }), strip: h("div"), begin: h("span"),
  };
  const link = h("a", { href: `#connections/${encodeURIComponent(item.id)}` }, item.id);
  const made = h("li", { class: "card" }, h("h3", {}, link, " ", parts.state), parts.why, parts.failed, parts.facts, parts.heart,
    parts.strip, h("p", { class: "axis-line", "aria-hidden": "true" }, parts.begin, h("span", {}, "now")), buttons(item.id));
  made.parts = parts;
  return made;
}

function fill(made, item, span) {
  const { state, facts, heart, why, failed } = made.parts;
  say(state, item.phase ? `${item.state}: ${item.phase}` : item.state);
  state.className = `badge ${item.state}`;
  say(why, why_of(item));
  say(failed, failure_of(item));
  say(facts, facts_of(item));
  say(heart, heart_of(item));
  made.dataset.healthy = item.is_healthy;
  draw(made, item, span);
}

/** Draw the strip anew where something changed, and else rarely, so that what it says of itself can be read. */
function draw(made, item, span) {
  const told = `${item.state} ${item.history.at(-1)?.at_us}`;
  const at = now();
  if (made.told === told && at - made.drawn < REDRAWN) return;
  Object.assign(made, { told, drawn: at });
  made.parts.strip.replaceChildren(timeline(item.history, item.state, at, span));
  say(made.parts.begin, `${seconds(span)} ago`);
}

function facts_of(item) {
  return [`for ${seconds(since(item.since_us))}`, `epoch ${item.epoch}`, many(item.streams, "stream"),
    `last message ${ago(item.ages.message)}`, oldest(item.ages.streams), item.draining ? "draining" : ""].filter(Boolean).join(" · ");
}

function oldest(streams) {
  const waiting = Object.entries(streams).filter(([, age]) => age === null).length;
  const [name, age] = Object.entries(streams).reduce((most, one) => (one[1] !== null && one[1] >= most[1] ? one : most), ["", -1]);
  return [name ? `oldest data ${ago(age)} (${name})` : "", waiting ? `${many(waiting, "stream")} without data` : ""].filter(Boolean).join(", ");
}

function heart_of(item) {
  const { pong, round_trip: trip } = item.ages;
  const every = item.heartbeat_interval === null ? "No heartbeat of ours" : `Heartbeat every ${seconds(item.heartbeat_interval)}`;
  return `${every} · last pong ${ago(pong)} · round trip ${seconds(trip)}`;
}

function ago(age) {
  return age === null ? "never" : `${seconds(age)} ago`;
}

function why_of(item) {
  const retry = item.retry_at_us ? `; tried again in ${seconds(Math.max(0, (item.retry_at_us - now()) / 1e6))}` : "";
  const told = item.reason ? `${reason(item)}${retry}` : "";
  const diagnosis = item.diagnosis ? reason({ reason: item.diagnosis.reason, text: item.diagnosis.text }) : "";
  return [told, item.is_healthy || item.unhealthy_because === told ? "" : item.unhealthy_because, diagnosis].filter(Boolean).join(" · ");
}

/** Why the connection was lost last, and why the last attempt to have it back failed, as far as it is remembered. */
function failure_of(item) {
  const failed = item.history.filter((step) => step.after === "ERROR");
  const lost = failed.findLast((step) => step.before === "CONNECTED");
  const last = failed.at(-1);
  return [lost && `Last lost ${told_of(lost)}`, last !== lost && `Last failed attempt ${told_of(last)}`].filter(Boolean).join(" · ");
}

function told_of(step) {
  return `${ago(since(step.at_us))}, at ${clock(step.at_us)}, epoch ${step.epoch}: ${reason(step)}`;
}

function buttons(id) {
  return h("div", { class: "row" }, Object.entries(ACTIONS).map(([action, { label }]) =>
    h("button", { type: "button", "aria-label": `${label} ${id}`, title: SCOPE, onclick: () => act(id, action) }, label)));
}

async function act(id, action) {
  const { label, question } = ACTIONS[action];
  if (question !== null && !(await sure(`${id} ${question}`, label))) return;
  try {
    await api.post(`/api/v1/connections/${path_of(id)}:${action}`);
    notice(`${label} ${id}: it was asked for.`);
  } catch (wrong) {
    notice(`${label} ${id}: refused, ${wrong.message}.`, "bad");
  }
}

function path_of(id) {
  return id.split("/").map(encodeURIComponent).join("/");
}

function one(root, signal, id) {
  const made = card({ id });
  const counters = h("dl", { class: "figures" });
  const history = h("div");
  const streams = new Grid("Streams", [
    { title: "Stream", of: (row) => row.name, class: "wide" },
    { title: "Last datum", of: (row) => (row.age === null ? "none yet" : ago(row.age)), class: "number" },
  ], { keyOf: (row) => row.name, textOf: (row) => row.name });
  const events = eventGrid("Events of the connection");
  const problem = trouble();
  root.append(h("p", {}, h("a", { href: "#connections" }, "All connections")), problem, h("ul", { class: "cards" }, made),
    h("h3", {}, "Changes"), history, h("h3", {}, "Events and their traces"), events.element,
    h("h3", {}, "Age of the data, by stream"), streams.element, h("h3", {}, "Counters"), counters);
  let told = "";
  const ask = async () => {
    const item = await api.get(`/api/v1/connections/${path_of(id)}`, signal);
    say(problem, "");
    fill(made, item, spanOf([item.history], now()));
    keep(counters, Object.entries(item.counters), ([name]) => name, counter, counted);
    streams.show(Object.entries(item.ages.streams).map(([name, age]) => ({ name, age })));
    const latest = JSON.stringify(item.history);
    if (latest !== told) history.replaceChildren(changes(item.history));
    told = latest;
  };
  const failed = (wrong) => say(problem, wrong.message);
  return Promise.all([poll(ask, 1000, signal, failed), poll(fetchEvents(events, (event) => event.connection === id), 2000, signal, failed)]);
}

function counter([name]) {
  return h("div", {}, h("dt", {}, name.replaceAll("_", " ")), h("dd"));
}

function counted(place, [name, value]) {
  say(place.lastElementChild, name.includes("bytes") ? bytes(value) : count(value));
}
