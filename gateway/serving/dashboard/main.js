// The frame around the views: where we are, whether the gateway is ready, the viewer's token and colours.

import * as api from "./api.js";
import { h, keep, notice, say } from "./dom.js";
import { poll } from "./poll.js";
import * as accounts from "./views/accounts.js";
import * as clients from "./views/clients.js";
import * as connections from "./views/connections.js";
import * as events from "./views/events.js";
import * as exchanges from "./views/exchanges.js";
import * as latency from "./views/latency.js";
import * as market from "./views/market.js";
import * as setup from "./views/setup.js";
import * as topics from "./views/topics.js";

const VIEWS = { connections, topics, market, latency, clients, accounts, events, exchanges, setup };
const MOST = 2;
const root = document.getElementById("view");
let leaving = new AbortController();

function where() {
  const [name, ...rest] = location.hash.slice(1).split("/");
  return { name: Object.hasOwn(VIEWS, name) ? name : "connections", argument: decoded(rest.join("/")) };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function turn() {
  const { name, argument } = where();
  leaving.abort();
  leaving = new AbortController();
  for (const link of document.querySelectorAll("#views a")) {
    if (link.dataset.view === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${VIEWS[name].title} – Exchange gateway`;
  root.replaceChildren(h("h2", {}, VIEWS[name].title));
  VIEWS[name].open(root, leaving.signal, argument);
}

function summary() {
  const place = document.getElementById("summary");
  return poll(async (signal) => {
    const told = await api.readiness(signal);
    const stats = (await api.get("/api/v1/info", signal)).stats;
    const live = `${stats.live_connections} of ${stats.total_connections} connections up, ${stats.healthy_connections} healthy`;
    place.dataset.kind = told.ready ? "good" : "bad";
    say(place, told.ready ? `Ready. ${live}.` : `Not ready: ${some(told.problems)}. ${live}.`);
  }, 2000, new AbortController().signal, (problem) => {
    place.dataset.kind = "bad";
    say(place, problem.message);
  });
}

function some(problems) {
  const more = problems.length > MOST ? `; and ${problems.length - MOST} more` : "";
  return problems.slice(0, MOST).join("; ") + more;
}

/** Ask whoever looks for a token; while the question is open, whoever else needs one waits for the same answer. */
let asking = null;
const WANTED = "A gateway that lets in only some people wants a token. It is kept in this page alone, until the page is closed; none is used if nothing is given.";
const WRONG = "That token is no good: unknown, expired or revoked.";
function askToken(wasWrong) {
  asking ??= new Promise((answer) => {
    const dialog = document.getElementById("token-dialog");
    const input = document.getElementById("token-input");
    const text = document.getElementById("token-text");
    say(text, wasWrong ? WRONG : WANTED);
    input.value = "";
    dialog.returnValue = "";
    dialog.showModal();
    dialog.addEventListener("close", () => {
      asking = null;
      const isUsed = dialog.returnValue === "use";
      const given = input.value.trim();
      input.value = "";
      if (isUsed) api.useToken(given);
      else api.decline();
      answer(isUsed && given !== "");
    }, { once: true });
  });
  return asking;
}

const COLOURS = ["system", "light", "dark"];

/** The colours that were chosen the last time; a browser may keep nothing. */
function chosen() {
  try {
    return localStorage.getItem("colours") ?? "system";
  } catch {
    return "system";
  }
}

function choose(choice) {
  colour(choice);
  try {
    localStorage.setItem("colours", choice);
  } catch {
    return; // then it is for now
  }
}

function colour(choice) {
  const button = document.getElementById("theme");
  document.documentElement.dataset.theme = choice;
  button.setAttribute("aria-label", `Colours: ${choice === "system" ? "as the system has them" : choice}`);
  say(button, choice === "system" ? "Colours" : choice === "light" ? "Light" : "Dark");
}

function begin() {
  keep(document.getElementById("views"), Object.entries(VIEWS), ([name]) => name,
    ([name, view]) => h("li", {}, h("a", { href: `#${name}`, "data-view": name }, view.title)), () => {});
  let choice = chosen();
  colour(choice);
  document.getElementById("theme").addEventListener("click", () => {
    choice = COLOURS[(COLOURS.indexOf(choice) + 1) % COLOURS.length];
    choose(choice);
  });
  api.onTokenNeeded(askToken);
  document.getElementById("token-button").addEventListener("click", async () => {
    if (await askToken(false)) notice("The token is used from now on.");
    turn();
  });
  addEventListener("hashchange", () => {
    turn();
    root.focus({ preventScroll: true });
    scrollTo(0, 0);
  });
  turn();
  summary();
}

begin();
