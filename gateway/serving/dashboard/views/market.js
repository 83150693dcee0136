// One topic live, as any client gets it: a book as a ladder, trades as they come, anything else as its newest record.

import * as api from "../api.js";
import { h, say, scroll } from "../dom.js";
import { clock, seconds, since } from "../format.js";
import { pause, poll } from "../poll.js";

export const title = "Live data";

const LEVELS = 20;
const KEPT = 60;
const FINAL = 4500;
const DOWN = ["pending", "stale", "resyncing", "disconnected", "closed"];

export function open(root, signal, argument) {
  const input = h("input", { type: "text", value: argument, placeholder: "exchange:book:BTC-USDT:20", spellcheck: "false" });
  const form = h("form", { class: "row", onsubmit: (event) => {
    event.preventDefault();
    const wanted = `#market/${encodeURIComponent(input.value.trim())}`;
    if (location.hash === wanted) dispatchEvent(new HashChangeEvent("hashchange"));
    else location.hash = wanted;
  } }, h("label", {}, "Topic ", input), h("button", { type: "submit" }, "Show"));
  const place = h("div", { class: "market" });
  root.append(form, place);
  if (!argument) root.append(h("p", {}, "Name a topic, or choose one under ", h("a", { href: "#topics" }, "Subscriptions"), "."));
  return Promise.all(beside(argument).map((topic) => follow(topic, new Screen(topic, place), signal)));
}

/** A book is shown with the trades that move it. */
function beside(topic) {
  if (!topic) return [];
  const [exchange, channel, symbol] = topic.split(":");
  return channel === "book" && symbol ? [topic, `${exchange}:trades:${symbol}`] : [topic];
}

/** Show a topic until `signal` ends it, or until the gateway says that one should not come back. */
async function follow(topic, screen, signal) {
  poll(async () => screen.age(), 500, signal);
  while (!signal.aborted) {
    try {
      if ((await session(topic, screen, signal)) >= FINAL) return;
    } catch (wrong) {
      screen.stands(wrong.message, false);
    }
    await pause(2000, signal);
  }
}

async function session(topic, screen, signal) {
  const socket = await api.stream();
  return new Promise((done) => {
    signal.addEventListener("abort", () => socket.close(), { once: true });
    if (signal.aborted) socket.close();
    socket.onopen = () => socket.send(JSON.stringify(subscribing(topic)));
    socket.onmessage = (event) => screen.take(JSON.parse(event.data));
    socket.onclose = (event) => { screen.stands(`The stream ended (${event.code}${event.reason ? `, ${event.reason}` : ""}).`, false); done(event.code); };
  });
}

/** The request for a topic; a page that is looked at needs no more than ten messages a second. */
function subscribing(topic) {
  const [exchange, channel, ...rest] = topic.split(":");
  const params = { exchange, channel };
  if (channel === "raw") params.streams = [rest.join(":")];
  else if (rest[0]?.startsWith("@")) params.account = rest[0].slice(1);
  else {
    params.symbols = [rest[0] ?? ""];
    if (rest[1]) params.variant = rest[1];
  }
  if (["book", "quotes", "ticker", "mark"].includes(channel)) params.conflate_ms = 100;
  else if (!rest[0]?.startsWith("@")) params.on_lag = "drop_oldest";
  return { method: "subscribe", req_id: 1, params };
}

class Screen {
  constructor(topic, place) {
    this.told = h("p", { class: "why", role: "status" }, "pending");
    this.facts = h("p", { class: "facts" });
    this.channel = topic.split(":")[1];
    this.book = { bids: new Map(), asks: new Map() };
    this.records = [];
    this.due = false;
    this.rows = h("tbody");
    this.head = h("tr");
    this.table = scroll(topic, h("table", { "aria-label": topic }, h("thead", {}, this.head), this.rows));
    place.append(h("section", { "aria-label": topic }, h("h3", {}, topic), this.told, this.facts, this.table));
  }

  /** Say how the topic stands; what is shown while it does not is what it was. */
  stands(text, live) {
    say(this.told, text);
    this.table.classList.toggle("old", !live);
  }

  /** Say how old the newest message is, also while none comes. */
  age() {
    if (this.at) say(this.facts, `message ${this.offset}, received at ${clock(this.at)}, ${seconds(since(this.at))} ago`);
  }

  take(message) {
    if (message.error) this.stands(message.error.message, false);
    else if (message.method === "subscribe") {
      this.records = [];
      this.stands(status_of(message), !DOWN.includes(message.status));
    } else if (message.type === "status") this.stands(status_of(message), !DOWN.includes(message.status));
    else if (message.type === "lag") this.stands(`messages ${message.from} to ${message.to} were dropped`, true);
    else if (message.data) this.datum(message);
    if (!this.due) {
      this.due = true;
      requestAnimationFrame(() => { this.due = false; this.draw(); });
    }
  }

  datum(message) {
    this.at = message.recv;
    this.offset = message.offset;
    if (this.channel === "book") {
      if (message.type === "snapshot") this.book = { bids: new Map(), asks: new Map() };
      for (const record of message.data) this.apply(record);
      return;
    }
    const records = Array.isArray(message.data) ? message.data : [message.data];
    this.records = [...[...records].reverse(), ...(message.type === "snapshot" ? [] : this.records)].slice(0, KEPT);
  }

  apply(record) {
    for (const side of ["bids", "asks"]) {
      for (const [price, size] of record[side] ?? []) {
        if (Number(size) === 0) this.book[side].delete(price);
        else this.book[side].set(price, size);
      }
    }
  }

  draw() {
    this.age();
    if (this.channel === "book") this.ladder();
    else this.list();
  }

  ladder() {
    const best = (side, sign) => [...this.book[side]].sort((one, other) => sign * (Number(one[0]) - Number(other[0]))).slice(0, LEVELS);
    const bids = best("bids", -1);
    const asks = best("asks", 1);
    this.fill(["Bid size", "Bid", "Ask", "Ask size"], Array.from({ length: Math.max(bids.length, asks.length) }, (_, level) =>
      [bids[level]?.[1] ?? "", bids[level]?.[0] ?? "", asks[level]?.[0] ?? "", asks[level]?.[1] ?? ""]), ["", "buy", "sell", ""]);
  }

  list() {
    const names = [...new Set(this.records.flatMap((record) => (record && typeof record === "object" ? Object.keys(record) : ["data"])))];
    this.fill(names, this.records.map((record) => names.map((name) => cell(name, record && typeof record === "object" ? record[name] : record))));
  }

  fill(names, rows, kinds = []) {
    if (this.names !== names.join()) {
      this.names = names.join();
      this.head.replaceChildren(...names.map((name) => h("th", { scope: "col", class: "number" }, name)));
    }
    this.rows.replaceChildren(...rows.map((row) => h("tr", {}, row.map((text, place) =>
      h("td", { class: "number", "data-kind": ["buy", "sell"].includes(text) ? text : kinds[place] }, text)))));
  }
}

function status_of({ status, reason }) {
  return reason ? `${status} (${reason})` : status;
}

function cell(name, value) {
  if (value === undefined || value === null) return "";
  if (["ts", "start", "end", "next_funding"].includes(name) && typeof value === "number") return clock(value);
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
