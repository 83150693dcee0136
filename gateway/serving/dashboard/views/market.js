// One topic live, as any client gets it: a book as a ladder, trades as they come, anything else as its newest record.

import * as api from "../api.js";
import { h, say } from "../dom.js";
import { clock, seconds, since } from "../format.js";
import { pause } from "../poll.js";

export const title = "Live data";

const LEVELS = 20;
const KEPT = 60;

export function open(root, signal, argument) {
  const input = h("input", { type: "text", value: argument, "aria-label": "Topic", placeholder: "binance:book:BTC-USDT:20", spellcheck: "false" });
  const form = h("form", { class: "row", onsubmit: (event) => {
    event.preventDefault();
    location.hash = `market/${encodeURIComponent(input.value.trim())}`;
  } }, input, h("button", { type: "submit" }, "Show"));
  const told = h("p", { class: "facts", role: "status" });
  const place = h("div", { class: "market" });
  root.append(form, told, place);
  if (argument) return follow(argument, new Screen(argument, told, place), signal);
}

async function follow(topic, screen, signal) {
  while (!signal.aborted) {
    try {
      await session(topic, screen, signal);
    } catch (wrong) {
      screen.say(wrong.message);
    }
    await pause(2000, signal);
  }
}

async function session(topic, screen, signal) {
  const socket = await api.stream();
  await new Promise((done) => {
    signal.addEventListener("abort", () => socket.close(), { once: true });
    socket.onopen = () => socket.send(JSON.stringify(subscribing(topic)));
    socket.onmessage = (event) => screen.take(JSON.parse(event.data));
    socket.onclose = (event) => { screen.say(`The stream ended (${event.code}${event.reason ? `, ${event.reason}` : ""}).`); done(); };
  });
}

/** The request for a topic; a page that is looked at needs no more than ten messages a second. */
export function subscribing(topic) {
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
  constructor(topic, told, place) {
    this.told = told;
    this.channel = topic.split(":")[1];
    this.book = { bids: new Map(), asks: new Map() };
    this.records = [];
    this.status = "pending";
    this.due = false;
    this.rows = h("tbody");
    this.head = h("tr");
    place.append(h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": topic },
      h("table", { "aria-label": topic }, h("thead", {}, this.head), this.rows)));
  }

  say(text) {
    say(this.told, text);
  }

  take(message) {
    if (message.method === "subscribe") {
      this.status = message.success ? message.status : message.error.message;
      if (message.success) this.records = [];
    } else if (message.type === "status") this.status = `${message.status}${message.reason ? ` (${message.reason})` : ""}`;
    else if (message.type === "lag") this.status = `messages ${message.from} to ${message.to} were dropped`;
    else this.datum(message);
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
    this.say(`${this.status} · message ${this.offset ?? "–"} · received ${this.at ? `${clock(this.at)}, ${seconds(since(this.at))} ago` : "–"}`);
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

function cell(name, value) {
  if (value === undefined || value === null) return "";
  if (["ts", "start", "end", "next_funding"].includes(name) && typeof value === "number") return clock(value);
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
