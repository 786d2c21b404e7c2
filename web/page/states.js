// The state panel: figures of the conversation that is read, and the states that the server keeps.
import { $, button, form, give, make, pickFile, replace, word } from "./dom.js";
import { call, figure, put, say, tokens } from "./texts.js";
import { now, on, tell } from "./hub.js";
import { ask, askJSON } from "./api.js";
import { fresh, messages, path } from "./tree.js";
import { Said, tried } from "./notices.js";
import { figures } from "./figures.js";
import { bytes, plotMemory, plotSpeed } from "./plots.js";
import { wanted } from "./settings.js";
import * as answers from "./answers.js";

const at = (name) => "v1/states/" + encodeURIComponent(name);

function name() {
  const v = $("stateName").value.trim();
  if (v) return v;
  $("stateName").focus();
  throw new Said("needName");
}

async function save() {
  const to = name(), { talk } = now, all = path(talk);
  if (answers.under(talk)) throw new Said("busy");
  if (!all.length && !talk.state) throw new Said("nothing");
  if (talk.state) await saveBegun(talk, all, to);
  else await ask("v1/states", { json: { name: to, messages: messages(talk, wanted().system) } });
  await list();
  tell("status", "stateSaved");
}

// saveBegun names the state behind the last answer of a conversation that began with a state.
async function saveBegun(talk, all, to) {
  const last = all[all.length - 1], from = last ? last.state : talk.state;
  if (!from) throw new Said("noState");
  await ask(at(from) + "/fork", { json: { to } }).catch((e) => {
    if (e.status !== 404) throw e;
    throw last ? new Said("stateOld") : new Said("stateGone", from);
  });
}

async function load(id) {
  await ask(at(id));
  tell("open", fresh(id));
}

async function fork(id) {
  await ask(at(id) + "/fork", { json: { to: name() } });
  await list();
}

async function download(id) {
  give(await (await ask(at(id) + "/content")).blob(), id + ".state");
}

async function remove(id) {
  await ask(at(id), { method: "DELETE" });
  await list();
}

async function upload(file) {
  const short = file.name.replace(/\.[^.]*$/, "").replace(/[^A-Za-z0-9_-]+/g, "-").slice(0, 64);
  const t = $("transpose").value, to = $("stateName").value.trim() || short || "state";
  await ask(at(to) + (t ? "?transpose=" + t : ""), { method: "PUT", body: file });
  await list();
}

// question asks before a state is deleted, since nothing brings it back.
function question(id, item) {
  const leave = () => { item.replaceChildren(...row({ id })); item.querySelector("[data-key^=delete]").focus(); };
  const f = form(word("p", "deleteState", {}, id), tried(() => remove(id)), leave, "deleteForGood");
  item.replaceChildren(f);
  f.querySelector("button").focus();
}

const known = new Map(); // the states that are listed

function row({ id }) {
  const s = known.get(id), item = () => $("states").querySelector(`[data-state="${CSS.escape(id)}"]`);
  const control = (key, act) => { const b = button(key, act, id); b.dataset.key = key + " " + id; return b; };
  return [
    make("div", id), word("div", "stateOf", { class: "small" }, () => tokens(s.tokens), bytes(s.bytes)),
    make("div", "", { class: "row" }, control("load", tried(() => load(id))), control("fork", tried(() => fork(id))),
      control("download", tried(() => download(id))), control("delete", () => question(id, item()))),
  ];
}

async function list() {
  const all = (await askJSON("v1/states")).data.filter((s) => s.name);
  known.clear();
  for (const s of all) known.set(s.id, s);
  const asked = [...$("states").children].filter((li) => li.querySelector("form")); // questions stay
  const item = (s) => asked.find((li) => li.dataset.state === s.id) || make("li", "", { "data-state": s.id }, ...row(s));
  replace($("states"), all.map(item), $("stateName"));
  $("noStates").hidden = all.length > 0;
}

function draw() {
  const meta = (now.model && now.model.meta) || {}, f = figures(now.talk), under = answers.under(now.talk);
  const last = under ? under.node : path(now.talk).findLast((m) => m.read), n = (last && last.read) || 0;
  put($("read"), "readOf", () => figure(n), meta.state_bytes ? bytes(meta.state_bytes) : "–");
  call($("memoryPlot"), "memoryPlot");
  call($("speedPlot"), "speedPlot");
  plotSpeed($("speedPlot"), f.speeds);
  if (!meta.state_bytes || !meta.n_layer || !meta.n_embd) return;
  const each = 4 * meta.n_layer * meta.n_embd, most = Math.max(4096, 2 ** Math.ceil(Math.log2(2 * n || 1)));
  plotMemory($("memoryPlot"), { state: meta.state_bytes, each, most, now: n, unit: say("tokens", figure(most)) });
  put($("memoryText"), "memoryOf", () => tokens(most), bytes(meta.state_bytes), bytes(each * most));
}

export function prepare() {
  $("saveState").onclick = tried(save);
  $("loadState").onclick = tried(() => load(name()));
  pickFile("uploadState", "stateFile", tried(upload));
  for (const topic of ["talk", "figures", "ends", "language"]) on(topic, draw);
  on("model", () => { draw(); list().catch(() => {}); }); // watching the server tells what is wrong
  draw();
}
