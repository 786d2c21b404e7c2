// The list of conversations.
import { $, button, form, give, make, pickFile, replace, word } from "./dom.js";
import { call, put } from "./texts.js";
import { now, on, tell } from "./hub.js";
import { fresh, imported } from "./tree.js";
import * as store from "./store.js";
import * as answers from "./answers.js";
import { drop } from "./draft.js";
import { alarm, Said, tried } from "./notices.js";

let heads = [], warned = "", timer = 0;
const rows = new Map(); // the list's items, by conversation

// row returns the item of a conversation. One that is being renamed stays as it is.
function row(h) {
  let r = rows.get(h.id);
  if (!r) rows.set(h.id, (r = { item: make("li"), form: null, of: null }));
  const growing = Boolean(answers.under(h)), of = JSON.stringify([h.title, h.id === now.talk.id, growing]);
  if (r.form || r.of === of) return r.item;
  r.of = of;
  const name = h.title || "", key = (what) => what + " " + h.id;
  const open = name ? make("button", name, { type: "button" }) : word("button", "newConversation", { type: "button" });
  open.onclick = tried(() => pick(h.id));
  if (h.id === now.talk.id) open.setAttribute("aria-current", "true");
  const change = button("rename", () => rename(h, r), name), away = button("delete", tried(() => remove(h)), name);
  Object.assign(open.dataset, { key: key("open") });
  Object.assign(change.dataset, { key: key("rename") });
  Object.assign(away.dataset, { key: key("delete") });
  const tools = make("div", "", { class: "row" }, change, away);
  if (growing) tools.append(word("span", "answering", { class: "small" }));
  replace(r.item, [open, tools], $("new"));
  return r.item;
}

export function draw() {
  replace($("conversations"), heads.map(row), $("new"));
  for (const id of rows.keys()) if (!heads.some((h) => h.id === id)) rows.delete(id);
}

function rename(h, r) {
  const text = call(make("input"), "title");
  text.value = h.title;
  const leave = () => {
    r.form = r.of = null;
    r.item.replaceChildren();
    draw();
    r.item.querySelector("[data-key^=rename]").focus();
  };
  const save = tried(async () => {
    const c = await whole(h.id);
    if (c && text.value.trim()) { c.title = h.title = text.value.trim(); await write(c); }
    leave();
    tell("title");
  });
  r.form = form(text, save, leave);
  r.item.replaceChildren(r.form);
  text.select();
}

// whole returns a conversation: the one that is read, one that is being answered, or a kept one.
async function whole(id) {
  return now.talk.id === id ? now.talk : answers.held(id) || store.read(id);
}

async function pick(id) {
  const c = await whole(id);
  if (c) tell("open", c, "stay");
}

async function remove(h) {
  const c = await whole(h.id), i = heads.findIndex((o) => o.id === h.id);
  heads = heads.filter((o) => o.id !== h.id); // so that the end of its answer does not keep it
  answers.stop(h);
  answers.forget(h);
  drop(h);
  await store.remove(h.id);
  const next = heads[i] || heads[i - 1];
  if (now.talk.id === h.id) tell("open", fresh(), "stay");
  draw();
  const near = next && rows.get(next.id).item.querySelector("[data-key^=delete]");
  (near || $("new")).focus();
  if (c) offer(c);
}

// offer lets the reader take a deletion back for a while. It stays as long as the focus or the mouse is there.
function offer(c) {
  const box = $("undo"), back = button("undo", tried(async () => { gone(); await keep(c); tell("open", c); }));
  const text = c.title ? put(make("span"), "deleted", c.title) : put(make("span"), "deletedOne");
  const gone = () => { clearTimeout(timer); box.replaceChildren(); };
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(() => (box.matches(":hover, :focus-within") ? wait() : gone()), 15000);
  };
  box.replaceChildren(text, " ", back);
  wait();
}

async function write(c) {
  const wrong = await store.write(c);
  if (wrong && wrong !== warned) alarm(new Said(wrong));
  warned = wrong;
}

async function keep(c) {
  c.updated = Date.now();
  heads = [{ id: c.id, title: c.title, updated: c.updated }, ...heads.filter((h) => h.id !== c.id)];
  draw();
  await write(c);
}

async function bring(file) {
  const all = imported(await file.text());
  if (!all) throw new Said("badFile");
  for (const c of all) await write(c);
  heads = await store.heads();
  draw();
}

async function giveAll() {
  const data = { format: "gosling-conversations", version: 1, conversations: await store.bodies() };
  give(new Blob([JSON.stringify(data)], { type: "application/json" }), "conversations.json");
}

export async function prepare() {
  $("new").onclick = () => tell("open", fresh());
  $("export").onclick = tried(giveAll);
  pickFile("import", "importFile", tried(bring));
  on("keep", keep);
  on("talk", draw);
  on("begins", draw);
  on("ends", (talk) => { if (heads.some((h) => h.id === talk.id)) keep(talk); });
  await store.open();
  heads = await store.heads();
  draw();
}
