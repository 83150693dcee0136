// How the page asks the gateway: REST with the viewer's token, a ticket for the stream, events as they come.

import { clockIs } from "./format.js";

let token = null;
let ask = null;
let declined = false;

/** The gateway refused: `code` says why. */
export class Refused extends Error {
  constructor(problem) {
    super(problem.detail ?? problem.title ?? "refused");
    this.code = problem.code;
    this.status = problem.status;
    this.problems = problem.problems ?? [];
  }
}

/** Show `text` from now on; nothing: none. */
export function useToken(text) {
  token = text || null;
  declined = false;
}

/** Whoever looks does not want to be asked again, unless by a button. */
export function decline() {
  declined = true;
}

/** Have `asking` called, once at a time, whenever a token is needed; it returns one, or nothing. */
export function onTokenNeeded(asking) {
  ask = asking;
}

function headers(more = {}) {
  return token ? { ...more, Authorization: `Bearer ${token}` } : more;
}

async function answered(path, options, again = true) {
  const shown = token;
  const response = await reached(path, { ...options, headers: headers(options.headers), cache: "no-store" });
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({ status: response.status, detail: response.statusText }));
  if (response.status === 401 && again && !declined && (shown !== token || (await ask(token !== null)))) return answered(path, options, false);
  throw new Refused({ ...problem, status: response.status });
}

async function reached(path, options) {
  try {
    const response = await fetch(path, options);
    clockIs(response.headers.get("Date"));
    return response;
  } catch (wrong) {
    if (wrong.name === "AbortError") throw wrong;
    throw new Error("The gateway does not answer.", { cause: wrong });
  }
}

/** Read JSON. */
export async function get(path, signal) {
  return (await answered(path, { signal })).json();
}

/** Read text. */
export async function text(path, signal) {
  return (await answered(path, { signal })).text();
}

/** Have something done. */
export async function post(path, body = {}) {
  const sent = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const response = await answered(path, sent);
  return response.status === 204 ? null : response.json();
}

/** Have something ended. */
export async function remove(path) {
  await answered(path, { method: "DELETE" });
}

/** The gateway is asked something that its answer of "not ready" is a part of. */
export async function readiness(signal) {
  try {
    return await get("/readyz?verbose", signal);
  } catch (refused) {
    if (refused instanceof Refused && refused.status === 503) return { ready: false, problems: refused.problems };
    throw refused;
  }
}

/** Open the stream protocol; a token never goes into the URL, but becomes a ticket that is good once. */
export async function stream() {
  const protocols = ["gateway.v1"];
  if (token) protocols.push(`gateway.ticket.${(await post("/api/v1/tickets")).ticket}`);
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return new WebSocket(`${scheme}//${location.host}/v1/ws`, protocols);
}

/** Read server-sent events until `signal` ends it: `heard` gets each one's id, event and data. */
export async function events(path, last, heard, signal) {
  const more = { Accept: "text/event-stream", ...(last ? { "Last-Event-ID": last } : {}) };
  const response = await answered(path, { headers: more, signal });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    waiting += value;
    const blocks = waiting.split("\n\n");
    waiting = blocks.pop();
    for (const block of blocks) hear(block, heard);
  }
}

function hear(block, heard) {
  const event = { id: null, event: "message", data: "" };
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    const name = line.slice(0, colon);
    if (name in event) event[name] = line.slice(colon + 1).replace(/^ /, "");
  }
  if (event.data) heard({ ...event, data: JSON.parse(event.data) });
}
