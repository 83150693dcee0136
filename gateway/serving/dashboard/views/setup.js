// What this gateway is made of: its version, its plugins, and the configuration that is in effect.

import * as api from "../api.js";
import { h, notice, say, scroll, sure } from "../dom.js";
import { moment } from "../format.js";

export const title = "Plugins and configuration";

export function open(root, signal) {
  const about = h("p", { class: "facts" });
  const plugins = h("div");
  const restart = h("p", { class: "problem" });
  const shown = h("pre", { tabindex: 0, role: "region", "aria-label": "Configuration" });
  root.append(about, h("p", {}, h("a", { href: "/api" }, "All that can be asked of this gateway")), h("h3", {}, "Plugins"), plugins, h("h3", {}, "Configuration"), h("div", { class: "row" },
    h("button", { type: "button", title: "Needs the scope admin where tokens are needed.", onclick: () => reload().then(fill) }, "Reload …")), restart, shown);
  const fill = () => Promise.all([version(about, signal), list(plugins, signal), configuration(shown, restart, signal)]);
  return fill();
}

async function version(place, signal) {
  const info = await api.get("/api/v1/info", signal).catch((wrong) => say(place, wrong.message));
  if (info) say(place, `Version ${info.version}, running since ${moment(info.started_us)}.`);
}

async function list(place, signal) {
  const told = await api.get("/api/v1/plugins", signal).catch((wrong) => ({ plugins: [], wrong }));
  if (told.wrong) return place.replaceChildren(h("p", { class: "problem" }, told.wrong.message));
  const names = [...new Set(told.plugins.flatMap((plugin) => Object.keys(plugin)))];
  return place.replaceChildren(scroll("Plugins", h("table", { "aria-label": "Plugins" },
    h("thead", {}, h("tr", {}, names.map((name) => h("th", { scope: "col" }, name.replaceAll("_", " "))))),
    h("tbody", {}, told.plugins.map((plugin) => h("tr", {}, names.map((name) => h("td", {}, text(plugin[name])))))))));
}

function text(value) {
  if (value === undefined || value === null) return "";
  return Array.isArray(value) ? value.join(", ") : String(value);
}

async function configuration(shown, restart, signal) {
  const told = await api.get("/api/v1/config", signal).catch((wrong) => say(shown, wrong.message));
  if (!told) return;
  say(shown, JSON.stringify(told.config, null, 2));
  say(restart, told.needs_restart.length ? `New values wait for a restart: ${told.needs_restart.join(", ")}` : "");
}

/** Have the file read anew, once whoever looks has seen what would come of it. */
async function reload() {
  try {
    const would = changed(await api.post("/api/v1/config:reload", { dry_run: true }));
    if (!(await sure(`A reload would change ${would}.`, "Reload"))) return;
    notice(`Changed: ${changed(await api.post("/api/v1/config:reload"))}.`);
  } catch (wrong) {
    notice(`Not reloaded: ${wrong.message}.`, "bad");
  }
}

function changed({ applied, needs_restart: later }) {
  return (applied.join(", ") || "nothing") + (later.length ? `; at the next start: ${later.join(", ")}` : "");
}
