// What happens, as it happens: changes of connections, gaps, actions, with the trace that tells the rest.

import * as api from "../api.js";
import { h, say } from "../dom.js";
import { clock } from "../format.js";
import { Grid } from "../grid.js";
import { pause } from "../poll.js";

export const title = "Events";

const KEPT = 2000;

export function open(root, signal) {
  const rows = [];
  const grid = new Grid("Events", [
    { title: "When", of: (row) => clock(row.at_us) },
    { title: "Event", of: (row) => row.event },
    { title: "Connection", of: (row) => row.connection ?? "" },
    { title: "What", of: (row) => row.text, class: "wide" },
    { title: "Trace", of: (row) => row.trace_id ?? "" },
  ], { keyOf: (row) => row.id, textOf: (row) => `${row.event} ${row.connection ?? ""} ${row.text} ${row.trace_id ?? ""}`, open: (row) => detail(shown, row) });
  const problem = h("p", { class: "problem", role: "status" });
  const shown = h("pre", { tabindex: 0, role: "region", "aria-label": "The chosen event", hidden: true });
  root.append(h("p", {}, "Newest first. Choose one to see all of it; its trace id finds the spans in your collector."), problem, grid.element, shown);
  return follow((event) => {
    rows.unshift(row_of(event));
    rows.length = Math.min(rows.length, KEPT);
    grid.show(rows);
  }, problem, signal);
}

async function follow(take, problem, signal) {
  let last = null;
  while (!signal.aborted) {
    try {
      await api.events("/api/v1/events", last, (event) => {
        last = event.id ?? last;
        say(problem, "");
        take(event);
      }, signal);
    } catch (wrong) {
      if (!signal.aborted) say(problem, wrong.message);
    }
    await pause(2000, signal);
  }
}

function row_of({ id, data }) {
  const { event, connection, at_us, trace_id, ...facts } = data;
  const text = Object.entries(facts).filter(([name, value]) => name !== "id" && value !== null && value !== "").map(([name, value]) =>
    `${name}=${typeof value === "object" ? JSON.stringify(value) : value}`).join(" ");
  return { id, event, connection, at_us, trace_id, text, data };
}

function detail(place, row) {
  place.hidden = false;
  say(place, JSON.stringify(row.data, null, 2));
}
