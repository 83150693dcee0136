// What happens, as it happens: changes of connections, gaps, actions, with the trace that tells the rest.

import * as api from "../api.js";
import { h, say } from "../dom.js";
import { clock } from "../format.js";
import { Grid } from "../grid.js";
import { pause } from "../poll.js";

export const title = "Events";

const KEPT = 2000;
const KINDS = { info: "", warning: "stale", error: "bad" };

export function open(root, signal) {
  const rows = [];
  const grid = new Grid("Events", [
    { title: "When", of: (row) => clock(row.at_us) },
    { title: "Event", of: (row) => row.what, kind: (row) => KINDS[row.level] },
    { title: "About", of: (row) => row.about },
    { title: "Why", of: (row) => row.text, class: "wide" },
    { title: "Trace", of: (row) => row.trace_id },
  ], { keyOf: (row) => row.id, textOf: (row) => `${row.type} ${row.what} ${row.about} ${row.text} ${row.trace_id}`, open: (row) => detail(shown, row) });
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
        if (event.id !== null) take(event);
      }, signal);
    } catch (wrong) {
      if (!signal.aborted) say(problem, wrong.message);
    }
    await pause(2000, signal);
  }
}

function row_of(event) {
  const { id, at_us, type, what, level = "info", trace_id = "", reason = "", text = "", facts = {} } = event.data;
  const about = event.data.connection ?? event.data.topic ?? event.data.client ?? event.data.exchange ?? "";
  const more = Object.entries(facts).map(([name, value]) => `${name}=${typeof value === "object" ? JSON.stringify(value) : value}`);
  return { id, at_us, type, what, level, trace_id, about, text: [reason, text, ...more].filter(Boolean).join(" · "), data: event.data };
}

function detail(place, row) {
  place.hidden = false;
  say(place, JSON.stringify(row.data, null, 2));
}
