// Who listens: how much waits for each client, whether it lags, and a way to end it.

import * as api from "../api.js";
import { h, notice, say } from "../dom.js";
import { bytes, count, seconds, since } from "../format.js";
import { Grid } from "../grid.js";
import { poll } from "../poll.js";

export const title = "Clients";

export function open(root, signal) {
  let chosen = null;
  const told = h("span", { class: "told", role: "status" }, "Choose a client to disconnect it.");
  const button = h("button", { type: "button", disabled: true, onclick: () => end(chosen) }, "Disconnect");
  const grid = new Grid("Clients", [
    { title: "Client", of: (row) => row.id },
    { title: "Protocol", of: (row) => row.kind },
    { title: "Address", of: (row) => row.address ?? "" },
    { title: "Token", of: (row) => row.token_id ?? "none" },
    { title: "Since", of: (row) => seconds(since(row.since_us)), class: "number" },
    { title: "Topics", of: (row) => count(row.topics), class: "number" },
    { title: "Waiting", of: (row) => bytes(row.queue_bytes), class: "number" },
    { title: "Sent", of: (row) => count(row.sent), class: "number" },
    { title: "Dropped", of: (row) => count(row.dropped), class: "number" },
    { title: "Lag", of: (row) => (row.lagging ? "lagging" : "keeps up"), kind: (row) => (row.lagging ? "bad" : "good") },
  ], {
    keyOf: (row) => row.id,
    textOf: (row) => `${row.id} ${row.address ?? ""} ${row.token_id ?? ""} ${row.lagging ? "lagging" : "keeps up"}`,
    open: (row) => {
      chosen = row;
      button.disabled = false;
      say(told, `${row.id} is chosen.`);
    },
  });
  const problem = h("p", { class: "problem", role: "status" });
  root.append(problem, h("div", { class: "row" }, button, told), grid.element);
  return poll(async () => {
    const { clients } = await api.get("/api/v1/clients", signal);
    say(problem, clients.length ? "" : "Nobody is connected.");
    grid.show(clients);
  }, 1000, signal, (wrong) => wrong && say(problem, wrong.message));
}

async function end(row) {
  try {
    await api.remove(`/api/v1/clients/${encodeURIComponent(row.id)}`);
    notice(`${row.id} was disconnected.`);
  } catch (wrong) {
    notice(`${row.id} was not disconnected: ${wrong.message}`, "bad");
  }
}
