// Every topic that is open: ten thousand of them, found by a few letters.

import * as api from "../api.js";
import { h, say, trouble } from "../dom.js";
import { count, seconds, since } from "../format.js";
import { Grid } from "../grid.js";
import { poll } from "../poll.js";

export const title = "Subscriptions";

export function open(root, signal) {
  let sent = "";
  let partial = false;
  const grid = new Grid("Subscriptions", [
    { title: "Topic", of: (row) => row.topic, class: "wide" },
    { title: "Status", of: (row) => row.status, kind: (row) => row.status },
    { title: "Reason", of: (row) => row.reason ?? "" },
    { title: "Data", of: (row) => (row.recv ? `${seconds(since(row.recv))} ago` : "–"), class: "number" },
    { title: "Messages", of: (row) => count(row.offset), class: "number" },
    { title: "Listeners", of: (row) => count(row.listeners), class: "number" },
  ], {
    keyOf: (row) => row.topic,
    textOf: (row) => `${row.topic} ${row.status} ${row.reason ?? ""}`,
    filtered: (text) => { sent = text; },
    open: (row) => { location.hash = `market/${encodeURIComponent(row.topic)}`; },
  });
  const problem = trouble();
  root.append(h("p", {}, "Choose one to see its data live."), problem, grid.element);
  return poll(async () => {
    const { topics, total } = await api.get(`/api/v1/topics${partial ? `?filter=${encodeURIComponent(sent)}` : ""}`, signal);
    partial ||= topics.length < total;
    say(problem, topics.length < total ? `The first ${topics.length} of ${total} are here; filter to find others.` : "");
    grid.show(topics);
  }, 2000, signal, (wrong) => say(problem, wrong.message));
}
