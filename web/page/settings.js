// The settings of each model: what the reader has set is sent, everything else is the model's own.
import { $, make, word } from "./dom.js";
import { put, say } from "./texts.js";
import * as keep from "./keep.js";
import { now, on } from "./hub.js";

// Each field: its id and word, the request's name for it, and its least and largest value. A step of 1 is for whole numbers.
const numbers = [
  ["temperature", "temperature", 0, 100, 0.05], ["topP", "top_p", 0, 1, 0.05], ["topK", "top_k", 0, 1000000, 1], ["minP", "min_p", 0, 1, 0.01],
  ["presence", "presence_penalty", -100, 100, 0.05], ["frequency", "frequency_penalty", -100, 100, 0.05], ["decay", "penalty_decay", 0, 1, 0.001],
  ["longest", "max_tokens", 1, 1000000, 1], ["seed", "seed", 0, 9007199254740991, 1],
].map(([id, field, min, max, step]) => ({ id, field, min, max, step }));

const place = () => "settings of " + (now.model ? now.model.id : "");
const own = () => keep.object(place());

function change(id, value) {
  const all = own();
  if (value === undefined || value === "") delete all[id];
  else all[id] = value;
  keep.setObject(place(), all);
}

function fits({ min, max, step }, v) {
  return typeof v === "number" && v >= min && v <= max && (step !== 1 || Number.isInteger(v));
}

// usual returns the model's own value, or undefined where it has none.
function usual({ id, field }) {
  const v = now.defaults[field];
  return typeof v !== "number" || id === "seed" || (id === "longest" && v < 1) ? undefined : Math.round(v * 1e4) / 1e4;
}

// wanted returns the system message, and the fields of a request that the reader has set.
export function wanted() {
  const mine = own(), fields = {};
  for (const n of numbers) if (fits(n, mine[n.id])) fields[n.field] = mine[n.id];
  if (now.abilities.supports_thinking !== false && (mine.think === "1" || mine.think === "0")) {
    fields.chat_template_kwargs = { enable_thinking: mine.think === "1" };
  }
  const system = now.abilities.supports_system_role !== false && typeof mine.system === "string" ? mine.system : "";
  return { system, fields };
}

function row(n) {
  const input = make("input", "", { id: n.id, type: "number", min: n.min, max: n.max, step: n.step, "aria-describedby": n.id + "Wrong" });
  const wrong = make("p", "", { id: n.id + "Wrong", class: "wrong" });
  input.onchange = () => take(n, input, wrong);
  return make("div", "", {}, word("label", n.id, { for: n.id }), input, wrong);
}

function mark(n, input, wrong, bad) {
  input.setAttribute("aria-invalid", String(bad));
  if (bad) put(wrong, n.step === 1 ? "wantWhole" : "want", String(n.min), String(n.max));
  else { delete wrong.dataset.t; wrong.textContent = ""; }
}

function take(n, input, wrong) {
  const empty = input.value === "" && !input.validity.badInput, bad = !empty && !fits(n, input.valueAsNumber);
  change(n.id, empty || bad ? undefined : input.valueAsNumber);
  mark(n, input, wrong, bad);
  if (!bad) drawNumber(n);
}

function drawNumber(n) {
  const mine = own(), value = usual(n), set = fits(n, mine[n.id]), input = $(n.id);
  input.value = set ? mine[n.id] : value === undefined ? "" : value;
  input.classList.toggle("set", set);
  input.dataset.p = n.id === "seed" ? "random" : n.id === "longest" ? "unlimited" : "modelsOwn";
  input.placeholder = say(input.dataset.p);
  mark(n, input, $(n.id + "Wrong"), false);
}

function draw() {
  const mine = own();
  for (const n of numbers) drawNumber(n);
  $("think").value = mine.think || "";
  $("system").value = mine.system || "";
  $("think").disabled = now.abilities.supports_thinking === false;
  $("thinkNo").hidden = !$("think").disabled;
  $("systemRow").hidden = now.abilities.supports_system_role === false;
}

export function prepare() {
  $("numbers").replaceChildren(...numbers.map(row));
  $("think").onchange = () => change("think", $("think").value);
  $("system").onchange = () => change("system", $("system").value);
  $("defaults").onclick = () => { keep.set(place(), ""); draw(); };
  on("model", draw);
  draw();
}
