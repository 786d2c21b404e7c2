import { words } from "./words.js";
import { ask, events } from "./api.js";
import { make, Markdown } from "./markdown.js";
import * as store from "./store.js";
import { plotMemory, plotSpeed, bytes } from "./plots.js";

const $ = (id) => document.getElementById(id);
const page = 200; // messages that are shown at first
const saved = kept();
let say = words.en, talk = fresh(), list = [], running = null, shown = page, model = null, defaults = {}, last = null, speeds = [], alive = true;

// kept returns the settings of earlier visits. A damaged value counts as none.
function kept() {
  try {
    const all = JSON.parse(localStorage.getItem("settings"));
    return all && typeof all === "object" && !Array.isArray(all) ? all : {};
  } catch { return {}; }
}
function fresh() { return { id: crypto.getRandomValues(new Uint32Array(4)).join("-"), title: "", updated: Date.now(), nodes: [], pick: {}, state: "" }; }
function keep() { localStorage.setItem("settings", JSON.stringify(saved)); }
function button(text, act, name) {
  const b = make("button", text, { type: "button" });
  if (name) b.setAttribute("aria-label", name);
  b.onclick = act;
  return b;
}

// Words and appearance.
function dress() {
  const lang = saved.language || (navigator.language.startsWith("zh") ? "zh" : "en");
  say = words[lang];
  document.documentElement.lang = lang;
  if (saved.theme) document.documentElement.dataset.theme = saved.theme; else delete document.documentElement.dataset.theme;
  for (const e of document.querySelectorAll("[data-t]")) e.textContent = say[e.dataset.t];
  for (const e of document.querySelectorAll("[data-l]")) e.setAttribute("aria-label", say[e.dataset.l]);
  for (const e of document.querySelectorAll("[data-p]")) e.placeholder = say[e.dataset.p];
  $("language").value = saved.language || "";
  $("theme").value = saved.theme || "";
  draw(); drawList(); drawModel(); drawState(); listStates(); status();
}
function status(text) { $("status").textContent = text || (running ? say.answering : alive ? say.ready : say.lost); }
function alarm(e, again) {
  const box = $("alert");
  box.replaceChildren();
  if (!e) return;
  if (e.status === 401) { $("key").hidden = false; $("keyText").focus(); }
  box.append((e.status === 401 ? say.needKey : e.status === 0 ? say.lost : e.message || String(e)) + " ");
  if (again) box.append(button(say.again, () => { alarm(); again(); }));
}
const guarded = (work) => async (...args) => { try { alarm(); await work(...args); } catch (e) { alarm(e); } };

// The tree of messages.
// families returns the versions that follow each message, by its id.
function families() {
  const by = new Map();
  for (const n of talk.nodes) { if (!by.has(n.parent)) by.set(n.parent, []); by.get(n.parent).push(n); }
  return by;
}
function path(by = families()) {
  const all = [];
  for (let at = 0; by.has(at);) {
    const row = by.get(at), n = row.find((k) => k.id === talk.pick[at]) || row[row.length - 1];
    all.push(n);
    at = n.id;
  }
  return all;
}
function grow(parent, role, content) {
  const n = { id: talk.nodes.length ? talk.nodes[talk.nodes.length - 1].id + 1 : 1, parent, role, content };
  talk.nodes.push(n);
  talk.pick[parent] = n.id;
  if (!talk.title && role === "user") talk.title = content.slice(0, 60);
  return n;
}
async function remember() {
  talk.updated = Date.now();
  await store.write(talk).catch(() => alarm(new Error(say.noStore)));
  list = [{ id: talk.id, title: talk.title, updated: talk.updated }, ...list.filter((h) => h.id !== talk.id)];
  drawList();
}

// The log.
function draw() {
  const by = families(), all = path(by), log = $("log"), from = Math.max(0, all.length - shown);
  log.replaceChildren();
  $("title").textContent = talk.title || "Gosling";
  if (talk.state) log.append(make("p", say.begun + " " + talk.state, { class: "small" }));
  if (!all.length) { log.append(welcome()); return; }
  if (from) log.append(button(say.earlier, () => { shown += page; draw(); log.scrollTop = 0; }));
  for (const n of all.slice(from)) log.append(article(n, by.get(n.parent)));
  log.scrollTop = log.scrollHeight;
}
function welcome() {
  const box = make("div", "", { class: "welcome" }), demo = model && model.id.split(/[:/]/).pop() === "demo";
  box.append(make("p", demo ? say.demo : say.welcome));
  if (demo) {
    const row = make("div", "", { class: "row" });
    for (const text of ["What is 17 + 25?", "Sort the words: pear apple fig", "Capitals: red wine", "Spell the word swan.", "Complete the line: O Romeo, Romeo! wherefore"]) row.append(button(text, () => send(text)));
    box.append(row);
  }
  return box;
}
function article(n, versions) {
  const a = make("article", "", { class: n.role, "aria-label": n.role === "user" ? say.you : say.assistant }), body = make("div", "", { class: "body" });
  if (n.thoughts) a.append(thoughts(n));
  for (const call of n.tools || []) { const pre = make("pre", call.name + " " + call.arguments); a.append(make("p", say.tool, { class: "small" }), pre); }
  if (n.role === "user") body.append(make("div", n.content, { class: "plain" }));
  else { const m = new Markdown(body); m.add(n.content); m.show(); }
  a.append(body, acts(n, versions, a));
  return a;
}
function thoughts(n) {
  const d = make("details");
  d.append(make("summary", say.thoughts + (n.thoughtTokens ? ` (${n.thoughtTokens} ${say.tokens})` : "")), make("div", n.thoughts, { class: "plain" }));
  return d;
}
function acts(n, versions, a) {
  const row = make("div", "", { class: "acts" }), at = versions.indexOf(n);
  const turn = (to) => { talk.pick[n.parent] = versions[to].id; draw(); remember(); };
  const idle = (work) => () => { if (running) alarm(new Error(say.busy)); else work(); };
  if (versions.length > 1) {
    const back = button("‹", idle(() => turn(at - 1)), say.previous), on = button("›", idle(() => turn(at + 1)), say.next);
    back.disabled = at === 0;
    on.disabled = at === versions.length - 1;
    row.append(back, `${at + 1} / ${versions.length}`, on);
  }
  row.append(button(say.copy, guarded(() => navigator.clipboard.writeText(n.content))));
  row.append(button(say.edit, idle(() => edit(n, a))));
  row.append(button(say.retry, idle(() => { if (n.role === "user") answer(n); else answer(talk.nodes.find((p) => p.id === n.parent)); })));
  row.append(button(say.fork, idle(() => fork(n))));
  return row;
}
function edit(n, a) {
  const form = make("form"), text = make("textarea", "", { "aria-label": say.edit, rows: 4 });
  text.value = n.content;
  form.append(text, make("button", say.save), button(say.cancel, draw));
  form.onsubmit = (e) => {
    e.preventDefault();
    const copy = grow(n.parent, n.role, text.value);
    draw(); remember();
    if (n.role === "user") answer(copy);
  };
  a.replaceChildren(form);
  text.focus();
}
function fork(n) {
  const all = path(), c = fresh();
  c.title = talk.title;
  c.state = talk.state;
  c.nodes = structuredClone(all.slice(0, all.indexOf(n) + 1));
  c.nodes.forEach((k, i) => { k.parent = i ? c.nodes[i - 1].id : 0; });
  talk = c;
  draw(); remember();
}

// Answers.
function send(text) {
  if (!text.trim() || running) return;
  const all = path();
  const n = grow(all.length ? all[all.length - 1].id : 0, "user", text);
  $("message").value = "";
  localStorage.removeItem("draft");
  draw(); remember(); answer(n);
}
function request(n) {
  const all = path(), r = { messages: all.slice(0, all.indexOf(n) + 1).map((m) => ({ role: m.role, content: m.content })), stream: true, stream_options: { include_usage: true }, timings_per_token: true };
  if (model) r.model = model.id;
  if (talk.state) { r.state = talk.state; r.return_state = "id"; }
  const mine = own();
  for (const [id, field] of fields) if (mine[id] !== undefined) r[field] = mine[id];
  if (mine.think) r.chat_template_kwargs = { enable_thinking: mine.think === "1" };
  return r;
}
async function answer(parent) {
  if (running || !parent) return;
  alarm();
  const asked = request(parent), mine = talk;
  const n = grow(parent.id, "assistant", "");
  running = new AbortController();
  busy();
  draw();
  const a = $("log").lastElementChild, body = a.querySelector(".body"), md = new Markdown(body);
  let due = false, unsaid = "", think = null, failure = null, count = 0;
  speeds = [];
  const show = () => {
    due = false;
    const log = $("log"), low = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
    md.show();
    if (low) log.scrollTop = log.scrollHeight;
    drawState(); drawModel();
  };
  try {
    for await (const e of events(await ask("v1/chat/completions", { json: asked, signal: running.signal }))) {
      if (e.error) throw new Error(e.error.message);
      if (e.timings) measure(e.timings);
      if (e.usage && e.usage.completion_tokens_details) n.thoughtTokens = e.usage.completion_tokens_details.reasoning_tokens;
      if (e.state) n.state = e.state.id;
      const d = e.choices && e.choices[0] && e.choices[0].delta;
      if (d && d.reasoning_content) {
        if (!think) { n.thoughts = ""; think = thoughts(n); a.prepend(think); }
        n.thoughts += d.reasoning_content;
        n.thoughtTokens = ++count;
        think.lastChild.append(d.reasoning_content);
        think.firstChild.textContent = `${say.thoughts} (${count} ${say.tokens})`;
      }
      for (const t of (d && d.tool_calls) || []) {
        n.tools = n.tools || [];
        const call = (n.tools[t.index] = n.tools[t.index] || { name: "", arguments: "" });
        call.name += (t.function && t.function.name) || "";
        call.arguments += (t.function && t.function.arguments) || "";
      }
      if (d && d.content) {
        n.content += d.content;
        md.add(d.content);
        unsaid += d.content;
        const end = Math.max(...[...". ! ? 。 ！ ？".split(" "), "\n"].map((s) => unsaid.lastIndexOf(s)));
        if (end >= 0) { speak(unsaid.slice(0, end + 1)); unsaid = unsaid.slice(end + 1); }
      }
      if (!due) { due = true; requestAnimationFrame(show); }
    }
  } catch (e) { if (e.name !== "AbortError") failure = e; }
  if (unsaid) speak(unsaid);
  running = null;
  const empty = !n.content && !n.thoughts && !n.tools;
  if (empty && failure) { mine.nodes.splice(mine.nodes.indexOf(n), 1); delete mine.pick[n.parent]; }
  busy(); draw(); drawState(); drawModel();
  await remember();
  if (failure) {
    if (failure.status === 0 && !empty) failure = new Error(say.cut);
    alarm(failure, () => { if (talk === mine) answer(parent); });
  }
}
function speak(text) {
  const box = $("spoken");
  box.append(make("p", text.trim()));
  while (box.childElementCount > 5) box.firstChild.remove();
}
function busy() { $("send").hidden = Boolean(running); $("stop").hidden = !running; status(); }
function measure(t) {
  const n = (t.cache_n || 0) + (t.prompt_n || 0) + (t.predicted_n || 0);
  if (last && running && t.predicted_n - (last.at || 0) >= 4 && t.predicted_ms > last.ms) {
    speeds.push([n, ((t.predicted_n - last.at) * 1000) / (t.predicted_ms - last.ms)]);
    last.at = t.predicted_n; last.ms = t.predicted_ms;
  }
  const fresh = !last || t.predicted_n < last.at;
  last = { at: fresh ? t.predicted_n : last.at, ms: fresh ? t.predicted_ms : last.ms, n, cached: t.cache_n, speed: t.predicted_per_second };
}

// The list of conversations.
function drawList() {
  $("conversations").replaceChildren(...list.map((h) => {
    const li = make("li"), name = h.title || say.newConversation, open = button(name, guarded(() => pick(h.id))), row = make("div", "", { class: "row" });
    if (h.id === talk.id) open.setAttribute("aria-current", "true");
    row.append(button(say.rename, () => rename(h, li), say.rename + " " + name), button(say.delete, guarded(async () => {
      if (running) throw new Error(say.busy);
      await store.remove(h.id);
      list = list.filter((o) => o.id !== h.id);
      if (talk.id === h.id) { talk = fresh(); draw(); }
      drawList();
    }), say.delete + " " + name));
    li.append(open, row);
    return li;
  }));
}
function rename(h, li) {
  const form = make("form"), text = make("input", "", { "aria-label": say.title });
  text.value = h.title;
  form.append(text, make("button", say.save), button(say.cancel, drawList));
  form.onsubmit = guarded(async (e) => {
    e.preventDefault();
    const c = talk.id === h.id ? talk : await store.read(h.id);
    c.title = h.title = text.value;
    await store.write(c);
    drawList(); $("title").textContent = talk.title;
  });
  li.replaceChildren(form);
  text.focus();
}
async function pick(id) {
  if (running) throw new Error(say.busy);
  const c = await store.read(id);
  if (!c) return;
  talk = c; shown = page;
  draw(); drawList(); toggle("list", "toggleList", false);
}
function begin(state) {
  if (running) { alarm(new Error(say.busy)); return; }
  talk = fresh();
  talk.state = state || "";
  draw(); drawList(); toggle("list", "toggleList", false); toggle("panels", "togglePanels", false);
  $("message").focus();
}
function give(blob, name) {
  const a = make("a", "", { href: URL.createObjectURL(blob), download: name });
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 60000);
}
const valid = (c) => c && typeof c.title === "string" && Array.isArray(c.nodes) && c.nodes.every((n, i) => Number.isInteger(n.id) && n.id > (i ? c.nodes[i - 1].id : 0) && Number.isInteger(n.parent) && n.parent < n.id && n.parent >= 0 && (n.role === "user" || n.role === "assistant") && typeof n.content === "string");
async function bring(file) {
  let data = null;
  try { data = JSON.parse(await file.text()); } catch { /* said below */ }
  if (!data || data.format !== "gosling-conversations" || !Array.isArray(data.conversations) || !data.conversations.every(valid)) throw new Error(say.badFile);
  for (const c of data.conversations) {
    const nodes = c.nodes.map((n) => ({ id: n.id, parent: n.parent, role: n.role, content: n.content, ...(typeof n.thoughts === "string" ? { thoughts: n.thoughts } : {}) }));
    await store.write({ ...fresh(), title: c.title, nodes, pick: typeof c.pick === "object" && c.pick ? c.pick : {}, state: typeof c.state === "string" ? c.state : "" });
  }
  list = await store.heads();
  drawList();
}

// States.
const stateName = () => { const v = $("stateName").value.trim(); if (!v) { $("stateName").focus(); throw new Error(say.needName); } return v; };
const at = (name) => "v1/states/" + encodeURIComponent(name);
async function saveState() {
  const name = stateName(), all = path();
  if (running) throw new Error(say.busy);
  if (!all.length && !talk.state) throw new Error(say.nothing);
  const from = all.length ? all[all.length - 1].state : talk.state;
  if (talk.state) { if (!from) throw new Error(say.nothing); await ask(at(from) + "/fork", { json: { to: name } }); }
  else await ask("v1/states", { json: { name, messages: all.map((m) => ({ role: m.role, content: m.content })) } });
  await listStates();
}
async function loadState() {
  const name = stateName();
  await ask(at(name));
  begin(name);
}
async function listStates() {
  let all;
  try { all = (await (await ask("v1/states")).json()).data; } catch { return; }
  $("states").replaceChildren(...all.filter((s) => s.name).map((s) => {
    const li = make("li"), row = make("div", "", { class: "row" });
    li.append(make("div", s.id), make("div", `${s.tokens} ${say.tokens}, ${bytes(s.bytes)}`, { class: "small" }));
    row.append(button(say.load, guarded(async () => { await ask(at(s.id)); begin(s.id); }), say.load + " " + s.id),
      button(say.fork, guarded(async () => { await ask(at(s.id) + "/fork", { json: { to: stateName() } }); await listStates(); }), say.fork + " " + s.id),
      button(say.download, guarded(async () => give(await (await ask(at(s.id) + "/content")).blob(), s.id + ".state")), say.download + " " + s.id),
      button(say.delete, guarded(async () => { await ask(at(s.id), { method: "DELETE" }); await listStates(); }), say.delete + " " + s.id));
    li.append(row);
    return li;
  }));
}
async function upload(file) {
  const name = $("stateName").value.trim() || file.name.replace(/\.[^.]*$/, "").replace(/[^A-Za-z0-9_-]+/g, "-").slice(0, 64) || "state";
  const t = $("transpose").value;
  await ask(at(name) + (t ? "?transpose=" + t : ""), { method: "PUT", body: file });
  await listStates();
}
function drawState() {
  const meta = (model && model.meta) || {}, n = last ? last.n : 0;
  $("read").textContent = `${say.read}: ${n} · ${say.size}: ${meta.state_bytes ? bytes(meta.state_bytes) : "–"}`;
  plotSpeed($("speedPlot"), speeds, say.speedPlot);
  if (!meta.state_bytes) return;
  const each = 4 * meta.n_layer * meta.n_embd, most = Math.max(4096, 2 * n);
  plotMemory($("memoryPlot"), meta.state_bytes, each, most, n, say.memoryPlot);
  $("memoryText").textContent = `${most} ${say.tokens}: ${bytes(meta.state_bytes)}. ${say.transformer}: ${bytes(each * most)} (${say.assumption}).`;
}

// The model and its settings.
const fields = [["temperature", "temperature"], ["topP", "top_p"], ["longest", "max_tokens"]];
function own() { const id = (model && model.id) || ""; saved.models = saved.models || {}; return (saved.models[id] = saved.models[id] || {}); }
function drawSettings() {
  const mine = own();
  for (const [id, field] of fields) {
    const usual = defaults[field], none = usual === undefined || (id === "longest" && usual < 1);
    $(id).value = mine[id] !== undefined ? mine[id] : none ? "" : Math.round(usual * 1e4) / 1e4;
    $(id).placeholder = none ? say.unlimited : usual;
  }
  $("think").value = mine.think || "";
}
function drawModel() {
  if (!model) return;
  const m = model.meta || {}, rows = [[say.parameters, m.n_params && m.n_params.toLocaleString()], [say.file, m.size && bytes(m.size)], [say.kind, defaults.kind], [say.memory, m.memory_bytes && bytes(m.memory_bytes)],
    [say.devices, (m.devices || []).join(", ")], [say.speed, last && last.speed ? last.speed.toFixed(1) : "–"], [say.cached, last ? last.cached : "–"]];
  $("facts").replaceChildren(...rows.filter((r) => r[1] || r[1] === 0).flatMap(([k, v]) => [make("dt", k), make("dd", String(v))]));
}
async function meet() {
  const models = (await (await ask("v1/models")).json()).data, p = await (await ask("props")).json();
  model = models[0];
  defaults = { ...p.default_generation_settings.params, kind: p.model_ftype };
  $("model").replaceChildren(...models.map((m) => make("option", m.id, { value: m.id })));
  if (!$("key").hidden) alarm();
  $("key").hidden = true;
  drawSettings(); drawModel(); drawState(); listStates();
  if (!talk.nodes.length) draw();
}
async function watch() {
  try {
    await ask("health");
    if (!alive || !model) { alive = true; status(); await meet(); }
    else if (!running) status();
  } catch (e) {
    if (e.status === 503) { status(say.loading); alive = false; }
    else if (e.status === 401) { if ($("key").hidden) alarm(e); }
    else { alive = false; status(say.lost); }
  }
  setTimeout(watch, alive && model ? 5000 : 1500);
}

function toggle(id, by, to) {
  const open = $(id).classList.toggle("open", to);
  $(by).setAttribute("aria-expanded", String(open));
}
$("toggleList").onclick = () => { toggle("panels", "togglePanels", false); toggle("list", "toggleList"); };
$("togglePanels").onclick = () => { toggle("list", "toggleList", false); toggle("panels", "togglePanels"); };
$("compose").onsubmit = (e) => { e.preventDefault(); send($("message").value); };
$("message").onkeydown = (e) => { if (e.key === "Enter" && !e.shiftKey && !e.isComposing) { e.preventDefault(); send($("message").value); } };
$("message").oninput = () => { try { localStorage.setItem("draft", $("message").value); } catch { /* full */ } };
$("message").value = localStorage.getItem("draft") || "";
document.onkeydown = (e) => { if (e.key === "Escape" && running) running.abort(); };
$("stop").onclick = () => { if (running) running.abort(); $("message").focus(); };
$("new").onclick = () => begin("");
$("key").onsubmit = guarded(async (e) => { e.preventDefault(); sessionStorage.setItem("key", $("keyText").value.trim()); $("keyText").value = ""; await meet(); });
$("export").onclick = guarded(async () => give(new Blob([JSON.stringify({ format: "gosling-conversations", version: 1, conversations: await store.bodies() })], { type: "application/json" }), "conversations.json"));
$("import").onclick = () => $("importFile").click();
$("importFile").onchange = guarded(async (e) => { const f = e.target.files[0]; if (f) await bring(f); e.target.value = ""; });
$("saveState").onclick = guarded(saveState);
$("loadState").onclick = guarded(loadState);
$("uploadState").onclick = () => $("stateFile").click();
$("stateFile").onchange = guarded(async (e) => { const f = e.target.files[0]; if (f) await upload(f); e.target.value = ""; });
for (const [id] of fields) $(id).onchange = () => { const v = $(id).valueAsNumber; if (Number.isFinite(v)) own()[id] = v; else delete own()[id]; keep(); drawSettings(); };
$("think").onchange = () => { own().think = $("think").value; keep(); };
$("defaults").onclick = () => { saved.models[model ? model.id : ""] = {}; keep(); drawSettings(); };
$("language").onchange = () => { saved.language = $("language").value; keep(); dress(); drawSettings(); };
$("theme").onchange = () => { saved.theme = $("theme").value; keep(); dress(); };

dress(); // the words, before what is stored is there
await store.open();
list = await store.heads();
drawList();
watch();
