// The log: the messages of the conversation that is read.
import { $, button, form, make, replace, word } from "./dom.js";
import { call } from "./texts.js";
import { now, on, tell } from "./hub.js";
import { families, fork, grow, path } from "./tree.js";
import * as answers from "./answers.js";
import { alarm, Said, tried } from "./notices.js";
import { follow } from "./follow.js";
import { Message } from "./messages.js";

const page = 200; // messages that are shown at first, and more with each press
const log = $("log"), flow = $("flow"), place = follow(log, flow);
const shown = new Map(); // the messages in the log, by node
const earlier = button("earlier", showEarlier);
const demoQuestions = [
  "What is 17 + 25?", "Sort the words: pear apple fig", "Capitals: red wine", "Spell the word swan.",
  "Complete the line: O Romeo, Romeo! wherefore",
]; // it knows only English
let most = page, drawn = null, due = false, unspoken = "";

const copy = tried((text) => navigator.clipboard.writeText(text).then(() => tell("status", "copied"), () => { throw new Said("noClipboard"); }));

// idle keeps the messages as they are while an answer is under way.
const idle = (work) => (m, ...more) => {
  if (answers.under(now.talk)) alarm(new Said("busy"));
  else work(m, ...more);
};
const asking = (work) => idle((m) => {
  if (now.away) alarm(new Said(now.away));
  else work(m);
});
const acts = {
  copy, edit: idle(edit), turn: idle(turn), retry: asking(retry), extend: asking((m) => { answers.extend(now.talk, m.node); m.focus(); }),
  fork: (m) => {
    if (answers.under(now.talk)?.node === m.node) { alarm(new Said("busy")); return; }
    tell("open", fork(now.talk, m.node));
    tell("keep", now.talk);
  },
};

function message(n, versions, last) {
  let m = shown.get(n);
  if (!m) shown.set(n, (m = new Message(n, acts)));
  const at = answers.under(now.talk);
  m.grow();
  m.drawActs(versions.indexOf(n), versions.length, last, Boolean(at && at.node === n));
  return m.element;
}

// draw shows the conversation. Messages that stay are not touched: open thoughts stay open, and forms keep what is written.
export function draw() {
  const talk = now.talk, by = families(talk), all = path(talk, by);
  if (drawn !== talk) { shown.clear(); flow.replaceChildren(); most = page; unspoken = ""; }
  const part = all.slice(-most), parts = part.map((n) => message(n, by.get(n.parent), n === all[all.length - 1]));
  if (part.length < all.length) parts.unshift(earlier);
  if (talk.state) parts.unshift(word("p", "begun", { class: "small" }, talk.state));
  if (!all.length) parts.push(welcome());
  replace(flow, parts, log);
  const stay = new Set(part);
  for (const n of shown.keys()) if (!stay.has(n)) shown.delete(n);
  if (drawn !== talk) place.toEnd();
  drawn = talk;
}

function showEarlier() {
  most += page;
  place.still(flow.querySelector("article"), draw);
  if (!earlier.isConnected) flow.querySelector("article").focus({ preventScroll: true });
}

function welcome() {
  const name = now.model ? now.model.id : "", demo = name.split(/[:/]/).pop() === "demo";
  const box = make("div", "", { class: "welcome" });
  box.append(name ? word("p", demo ? "demo" : "welcome", {}, name) : word("p", "noModelYet"));
  if (!name) return box;
  box.append(word("p", "try", { class: "small" }));
  const questions = demo ? demoQuestions.map((q) => make("button", q, { type: "button", lang: "en" }))
    : [1, 2, 3, 4, 5].map((i) => word("button", "try" + i, { type: "button" }));
  for (const b of questions) b.onclick = () => tell("send", b.textContent);
  box.append(...questions);
  return box;
}

function edit(m) {
  const n = m.node, text = call(make("textarea", "", { rows: Math.min(12, 2 + n.content.split("\n").length) }), "edit");
  text.value = n.content;
  const leave = () => { m.swap(null); m.focus("edit"); };
  const save = () => {
    if (!text.value.trim()) { text.focus(); return; }
    const other = grow(now.talk, n.parent, n.role, text.value);
    m.swap(null);
    place.still(m.element, draw, () => shown.get(other).element);
    shown.get(other).focus();
    tell("keep", now.talk);
    if (n.role === "user" && !now.away) answers.answer(now.talk, other);
  };
  m.swap(form(text, save, leave));
  text.focus();
}

function retry(m) {
  const n = m.node, to = n.role === "user" ? n : now.talk.nodes.find((p) => p.id === n.parent);
  if (!to) return; // an imported answer to nothing
  answers.answer(now.talk, to);
  const at = answers.under(now.talk);
  if (at && shown.has(at.node)) shown.get(at.node).focus();
}

function turn(m, by) {
  const row = families(now.talk).get(m.node.parent), n = row[row.indexOf(m.node) + by];
  now.talk.pick[n.parent] = n.id;
  place.still(m.element, draw, () => shown.get(n).element);
  shown.get(n).focus(...(by < 0 ? ["previous", "next"] : ["next", "previous"]));
  tell("keep", now.talk);
}

// say lets a screen reader say the whole sentences that came since the last time.
function say(n, from, all) {
  unspoken += n.content.slice(from);
  const end = all ? unspoken.length : Math.max(...[". ", "! ", "? ", "。", "！", "？", "\n"].map((s) => unspoken.lastIndexOf(s))) + 1;
  const text = unspoken.slice(0, end).replace(/[*_`#|]/g, "").trim();
  unspoken = unspoken.slice(end);
  if (!text) return;
  $("spoken").append(make("p", text));
  while ($("spoken").childElementCount > 5) $("spoken").firstChild.remove();
}

function grows(talk) {
  if (talk !== now.talk || due) return;
  due = true;
  requestAnimationFrame(() => {
    due = false;
    const at = answers.under(now.talk), m = at && shown.get(at.node);
    if (!m) return;
    const from = m.fed;
    m.grow();
    say(at.node, from, false);
    tell("figures");
  });
}

function begins(talk) {
  if (talk !== now.talk) return;
  alarm();
  draw();
  place.toEnd();
}

function ends(talk, n) {
  if (talk !== now.talk) return;
  const m = shown.get(n), lost = m && m.element.contains(document.activeElement) && !talk.nodes.includes(n);
  const from = m ? m.fed : 0;
  draw();
  say(n, from, true);
  if (lost) $("message").focus();
  if (answers.failure(talk)) alarm(...answers.failure(talk));
}

export function prepare() {
  on("talk", () => { alarm(...(answers.failure(now.talk) || [])); draw(); });
  on("model", () => { if (!now.talk.nodes.length) draw(); });
  on("dismiss", () => answers.forget(now.talk));
  on("begins", begins);
  on("grows", grows);
  on("ends", ends);
}
