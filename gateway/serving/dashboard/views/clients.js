// Who listens: how much waits for each client, whether it lags, and a way to end it.

import * as api from "../api.js";
import { h, notice, say, sure, trouble } from "../dom.js";
import { bytes, count, seconds, since } from "../format.js";
import { Grid } from "../grid.js";
import { poll } from "../poll.js";

export const title = "Clients";

const SHOWN = 200;

export function open(root, signal) {
  let chosen = null;
  const told = h("span", { class: "told", role: "status" }, "Choose a client to see its topics, or to disconnect it.");
  const topics = h("p", { class: "facts" });
  const button = h("button", { type: "button", disabled: true, title: "Needs the scope admin where tokens are needed.",
    onclick: () => end(chosen) }, "Disconnect");
  const grid = new Grid("Clients", [
    { title: "Client", of: (row) => row.id },
    { title: "Protocol", of: (row) => row.kind },
    { title: "Address", of: (row) => row.address },
    { title: "Token", of: (row) => row.token_id ?? "none" },
    { title: "Since", of: (row) => seconds(since(row.since_us)), class: "number" },
    { title: "Topics", of: (row) => count(row.topics), class: "number" },
    { title: "Waiting", of: (row) => bytes(row.queue_bytes), class: "number" },
    { title: "Sent", of: (row) => count(row.sent), class: "number" },
    { title: "Dropped", of: (row) => count(row.dropped), class: "number" },
    { title: "Lag", of: lag, kind: (row) => (row.lagging ? "bad" : "good") },
  ], {
    keyOf: (row) => row.id,
    textOf: (row) => `${row.id} ${row.kind} ${row.address} ${row.token_id ?? "none"} ${lag(row)}`,
    open: (row) => {
      chosen = row.id;
      button.disabled = false;
      say(told, `${row.id} is chosen.`);
      list(row.id, topics, signal);
    },
  });
  const problem = trouble();
  root.append(problem, h("div", { class: "row" }, button, told), topics, grid.element);
  return poll(async () => {
    const { clients } = await api.get("/api/v1/clients", signal);
    say(problem, clients.length ? "" : "Nobody is connected.");
    grid.show(clients);
    if (chosen === null || clients.some((client) => client.id === chosen)) return;
    say(told, `${chosen} is gone.`);
    say(topics, "");
    chosen = null;
    button.disabled = true;
  }, 1000, signal, (wrong) => say(problem, wrong.message));
}

function lag(row) {
  return row.lagging ? "lagging" : "keeps up";
}

async function list(id, place, signal) {
  say(place, "");
  const told = await api.get(path_of(id), signal).catch((wrong) => ({ topic_names: [wrong.message] }));
  const names = told.topic_names.slice(0, SHOWN).join(", ");
  const more = told.topic_names.length - SHOWN;
  say(place, `Topics: ${names || "none"}${more > 0 ? `, and ${more} more` : ""}`);
}

async function end(id) {
  if (!(await sure(`${id} is sent what waits for it, then it is told to go, and not to come back by itself.`, "Disconnect"))) return;
  try {
    await api.remove(path_of(id));
    notice(`${id} was disconnected.`);
  } catch (wrong) {
    notice(`${id} was not disconnected: ${wrong.message}.`, "bad");
  }
}

function path_of(id) {
  return `/api/v1/clients/${encodeURIComponent(id)}`;
}
