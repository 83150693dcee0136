// A form that sends one request to this very gateway and shows what it answered.

import { make } from "./schemas.js";

const SHOWN = 200000; // characters of an answer

export function form(method, path, operation, schemas) {
  const inputs = new Map();
  const body = operation.requestBody?.content["application/json"];
  const element = make("form", { "aria-label": `Try ${method.toUpperCase()} ${path}` });
  for (const parameter of operation.parameters) {
    const { name, schema } = parameter;
    const value = parameter.in === "path" ? String(schema.examples?.[0] ?? "") : "";
    const input = make("input", { value, spellcheck: "false", autocomplete: "off" });
    if (parameter.required) input.required = true;
    inputs.set(parameter, input);
    element.append(make("div", { class: "row" }, make("label", {}, `${name} (${parameter.in}) `, input)));
  }
  const text = make("textarea", { spellcheck: "false" });
  if (body) {
    text.value = JSON.stringify(body.example ?? schemas.example(body.schema), null, 2);
    element.append(make("div", { class: "row" }, make("label", {}, "Body, JSON ", text)));
  }
  const answer = make("div", { role: "status", "aria-live": "polite" });
  element.append(make("button", { type: "submit" }, "Send"), answer);
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    answer.replaceChildren("...");
    answer.replaceChildren(...(await send(method, path, inputs, body ? text.value : undefined)));
  });
  return element;
}

async function send(method, path, inputs, body) {
  const query = new URLSearchParams();
  const headers = {};
  let url = path;
  for (const [parameter, input] of inputs) {
    if (parameter.in === "path") url = url.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
    else if (input.value && parameter.in === "header") headers[parameter.name] = input.value;
    else if (input.value) query.set(parameter.name, input.value);
  }
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const token = document.getElementById("token").value.trim();
  if (token) headers.Authorization = `Bearer ${token}`;
  const whole = query.size ? `${url}?${query}` : url;
  try {
    const started = performance.now();
    const reply = await fetch(whole, { method: method.toUpperCase(), headers, body, cache: "no-store" });
    const text = await beginning(reply);
    const line = `${reply.status} ${reply.statusText}, ${Math.round(performance.now() - started)} ms`;
    const told = make("p", reply.ok ? {} : { class: "bad" }, line);
    return text ? [told, make("pre", { tabindex: "0" }, readable(text))] : [told];
  } catch (problem) {
    return [make("p", { class: "bad" }, `No answer: ${problem.message}`)];
  }
}

// A response may never end: what came within a moment is shown.
async function beginning(reply) {
  if (!reply.body) return "";
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  const over = new Promise((resolve) => setTimeout(resolve, 3000, { done: true }));
  let text = "";
  for (;;) {
    const { done, value } = await Promise.race([reader.read(), over]);
    if (done || text.length > SHOWN) break;
    text += value;
  }
  reader.cancel();
  return text.slice(0, SHOWN);
}

function readable(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
