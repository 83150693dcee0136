// Every account: whether its connection is up, where its orders, balances and positions are, and having it up or down.

import * as api from "../api.js";
import { h, keep, notice, say, sure, trouble } from "../dom.js";
import { poll } from "../poll.js";

export const title = "Accounts";

const CHANNELS = ["orders", "balances", "positions"];
const SCOPE = "Needs the scope connection:write where tokens are needed.";

export function open(root, signal) {
  const list = h("ul", { class: "cards", "aria-label": "Accounts" });
  const problem = trouble();
  const none = h("p", { class: "facts" });
  root.append(problem, none, list);
  return poll(async () => {
    const { accounts } = await api.get("/api/v1/accounts", signal);
    const { exchanges } = await api.get("/api/v1/exchanges", signal);
    const offered = new Map(exchanges.map((exchange) => [exchange.id, exchange.channels ?? []]));
    say(problem, "");
    say(none, accounts.length ? "" : "No account is configured.");
    keep(list, accounts, (item) => item.id, card, (made, item) => fill(made, item, offered.get(item.exchange) ?? []));
  }, 2000, signal, (wrong) => say(problem, wrong.message));
}

function card(item) {
  const parts = { state: h("span", { class: "badge" }), facts: h("p", { class: "facts" }), why: h("p", { class: "why" }),
    key: h("p", { class: "why" }),
    places: h("ul", { class: "places row", "aria-label": `Connections and data of ${item.id}` }),
    up: button(item.id, "connect", "Connect"), down: button(item.id, "disconnect", "Disconnect") };
  const made = h("li", { class: "card" }, h("h3", {}, item.id, " ", parts.state), parts.why, parts.key, parts.facts, parts.places,
    h("div", { class: "row" }, parts.up, parts.down));
  made.parts = parts;
  return made;
}

function button(id, action, label) {
  return h("button", { type: "button", "aria-label": `${label} ${id}`, title: SCOPE, onclick: () => act(id, action, label) }, label);
}

function fill(made, item, offered) {
  const { state, facts, why, key, places, up, down } = made.parts;
  say(state, item.state);
  state.className = `badge ${item.state}`;
  say(why, item.problem);
  say(key, item.key?.excess.length ? `Its key ${item.key.excess.join(" and ")}: reading, from this address, would do.` : "");
  say(facts, [`exchange ${item.exchange}`, item.is_healthy ? "healthy" : "not healthy", item.held_down ? "held down until it is asked for" : ""].filter(Boolean).join(" · "));
  made.dataset.healthy = item.is_healthy;
  up.disabled = down.disabled = item.connection === null;
  keep(places, [...item.connections.map(connection), ...CHANNELS.filter((name) => offered.includes(name)).map((name) => data(item, name))],
    ([where]) => where, ([where, text]) => h("li", {}, h("a", { href: `#${where}` }, text)), () => {});
}

function connection(id) {
  return [`connections/${encodeURIComponent(id)}`, `Connection ${id}`];
}

function data(item, channel) {
  return [`market/${encodeURIComponent(`${item.exchange}:${channel}:@${item.id}`)}`, `Live ${channel}`];
}

async function act(id, action, label) {
  if (action === "disconnect" && !(await sure(`${id} stays down until it is asked for again, whoever subscribes to it.`, label))) return;
  try {
    await api.post(`/api/v1/accounts/${encodeURIComponent(id)}:${action}`, action === "connect" ? { retry: true } : {});
    notice(`${label} ${id}: it was asked for.`);
  } catch (wrong) {
    notice(`${label} ${id}: refused, ${wrong.message}.`, "bad");
  }
}
