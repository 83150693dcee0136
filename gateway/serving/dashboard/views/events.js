// What happens, as it happens: changes of connections, gaps, actions, with the trace that tells the rest.

import * as api from "../api.js";
import { h, trouble, say } from "../dom.js";
import { clock, moment } from "../format.js";
import { Grid } from "../grid.js";
import { pause } from "../poll.js";

export const title = "Events";

const KEPT = 2000;
const KINDS = { info: "", warning: "stale", error: "bad" };

export function open(root, signal, argument) {
  const grid = eventGrid("Events");
  const problem = trouble();
  root.append(h("p", {}, "Newest first. Choose one to see all of it; its trace id finds the spans in your collector."), problem, grid.element);
  if (argument) grid.look(argument);
  return follow(grid, problem, signal);
}

/** A table of events, newest first, with all of the one that is chosen below it. */
export function eventGrid(label) {
  const shown = h("div", { class: "card", role: "region", "aria-label": "The chosen event", hidden: true });
  const grid = new Grid(label, [
    { title: "When", of: (row) => clock(row.at_us) },
    { title: "Event", of: (row) => row.what, kind: (row) => KINDS[row.level] },
    { title: "About", of: (row) => row.about },
    { title: "Why", of: (row) => row.text, class: "wide" },
    { title: "Trace", of: (row) => row.trace_id },
  ], {
    keyOf: (row) => row.id,
    textOf: (row) => `${row.type} ${row.what} ${row.about} ${row.text} ${row.trace_id}`,
    open: (row) => detail(shown, row),
  });
  const rows = [];
  const take = (event) => {
    rows.unshift(row_of(event));
    rows.length = Math.min(rows.length, KEPT);
    grid.show(rows);
  };
  return { element: h("div", {}, grid.element, shown), take, look: (text) => grid.look(text) };
}

/** Ask for those that came since it was asked last, and take what `wanted` wants of them. */
export function fetchEvents(grid, wanted) {
  let last = "";
  return async (signal) => {
    const told = await api.get(`/api/v1/events?format=json&after=${encodeURIComponent(last)}`, signal);
    last = told.last;
    told.events.filter(wanted).forEach(grid.take);
  };
}

async function follow(grid, problem, signal) {
  let last = null;
  while (!signal.aborted) {
    try {
      await api.events("/api/v1/events", last, (event) => {
        say(problem, "");
        if (event.id === null) return;
        last = event.id;
        grid.take(event.data);
      }, signal);
    } catch (wrong) {
      if (!signal.aborted) say(problem, wrong.message);
    }
    await pause(2000, signal);
  }
}

function row_of(event) {
  const { id, at_us, type, what, level = "info", trace_id = "", reason = "", text = "", facts = {} } = event;
  const about = event.connection ?? event.topic ?? event.client ?? event.exchange ?? "";
  const more = Object.entries(facts).map(([name, value]) => `${name}=${typeof value === "object" ? JSON.stringify(value) : value}`);
  return { id, at_us, type, what, level, trace_id, about, text: [reason, text, ...more].filter(Boolean).join(" · "), event };
}

function detail(place, { event }) {
  const links = [
    event.connection && link(`connections/${encodeURIComponent(event.connection)}`, `Connection ${event.connection}`),
    event.topic && link(`market/${encodeURIComponent(event.topic)}`, `Data of ${event.topic}`),
    event.trace_id && link(`events/${event.trace_id}`, `Events of trace ${event.trace_id}`),
  ].filter(Boolean);
  place.hidden = false;
  place.replaceChildren(h("h3", {}, `${event.what}, ${moment(event.at_us)}`), h("p", { class: "row" }, links),
    h("pre", { tabindex: 0 }, JSON.stringify(event, null, 2)));
}

function link(where, text) {
  return h("a", { href: `#${where}` }, text);
}
