// The page begins here: its parts are prepared, and the server is watched.
import { $ } from "./dom.js";
import { put, say, speak } from "./texts.js";
import * as keep from "./keep.js";
import { now, on, tell } from "./hub.js";
import { ask, setKey } from "./api.js";
import { grow, path } from "./tree.js";
import { draft, setDraft } from "./draft.js";
import { alarm, Said, tried } from "./notices.js";
import * as answers from "./answers.js";
import * as list from "./list.js";
import * as log from "./log.js";
import * as model from "./model.js";
import * as settings from "./settings.js";
import * as states from "./states.js";

// Language and theme.
function dress() {
  const language = keep.get("language"), theme = keep.get("theme");
  speak(language === "en" || language === "zh" ? language : navigator.language.startsWith("zh") ? "zh" : "en");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  $("language").value = language || "";
  $("theme").value = theme || "";
  tell("language");
}

for (const id of ["language", "theme"]) $(id).onchange = () => { keep.set(id, $(id).value); dress(); };

// What the page is doing now.
function status() {
  const at = answers.under(now.talk), p = at && at.progress;
  if (now.away) put($("status"), now.away);
  else if (p && p.processed < p.total) put($("status"), "reading", String(p.processed), String(p.total));
  else put($("status"), at ? "answering" : "ready");
  const held = document.activeElement === $("stop") && !at;
  $("send").hidden = Boolean(at);
  $("stop").hidden = !at;
  $("send").disabled = Boolean(now.away);
  $("send").title = now.away && say(now.away);
  if (held) $("message").focus();
}

// title shows which conversation is read.
function title() {
  $("title").textContent = now.talk.title || say("newConversation");
  document.title = now.talk.title ? now.talk.title + " – Gosling" : "Gosling";
}

// panel opens or closes a part that narrow screens hide.
function panel(id, by, to) {
  const open = $(id).classList.toggle("open", to);
  $(by).setAttribute("aria-expanded", String(open));
  return open;
}

function closePanels() {
  const open = document.querySelector("nav.open, #panels.open");
  panel("list", "toggleList", false);
  panel("panels", "togglePanels", false);
  return open;
}

$("toggleList").onclick = () => { panel("panels", "togglePanels", false); panel("list", "toggleList"); };
$("togglePanels").onclick = () => { panel("list", "toggleList", false); panel("panels", "togglePanels"); };

// open shows another conversation. The focus goes to the message, unless it may stay.
function open(talk, stay) {
  now.talk = talk;
  $("message").value = draft(talk);
  closePanels();
  tell("talk");
  title();
  status();
  if (!stay || document.activeElement === document.body || !document.activeElement.checkVisibility()) $("message").focus();
}

function send(text) {
  const { talk } = now;
  if (!text.trim() || answers.under(talk)) return;
  if (now.away) { alarm(new Said(now.away)); return; }
  const last = path(talk).at(-1);
  setDraft(talk, "");
  const n = grow(talk, last ? last.id : 0, "user", text);
  $("message").value = "";
  tell("keep", talk);
  title();
  answers.answer(talk, n);
  $("message").focus();
}

$("compose").onsubmit = (e) => { e.preventDefault(); send($("message").value); };
$("message").onkeydown = (e) => {
  if (e.key !== "Enter" || e.shiftKey || e.isComposing || e.keyCode === 229) return; // 229: Safari's end of composing
  e.preventDefault();
  send($("message").value);
};
$("message").oninput = () => setDraft(now.talk, $("message").value);
$("stop").onclick = () => { answers.stop(now.talk); $("message").focus(); };
document.onkeydown = (e) => {
  if (e.key !== "Escape" || e.isComposing) return;
  const was = closePanels();
  if (was) $(was.id === "list" ? "toggleList" : "togglePanels").focus();
  else answers.stop(now.talk);
};
$("key").onsubmit = tried(async (e) => {
  e.preventDefault();
  setKey($("keyText").value.trim());
  $("keyText").value = "";
  await model.meet();
  met();
  $("message").focus();
});

// The server.
let timer = 0;

function away(why) {
  if (why !== now.away && $("alert").querySelector(`[data-t="${now.away}"]`)) alarm(); // it is true no longer
  now.away = why;
  status();
}

const met = () => away(now.model ? "" : "noModel");

async function watch() {
  clearTimeout(timer);
  try {
    await ask("health", { signal: AbortSignal.timeout(15000) });
    if (now.away) await model.meet();
    met();
  } catch (e) {
    if (e.status === 401) {
      away("needKey");
      if ($("key").hidden) alarm(e);
    } else away(e.status === 503 ? "loading" : "lost");
  }
  clearTimeout(timer);
  timer = setTimeout(watch, now.away ? 1500 : 5000);
}

on("open", open);
on("send", send);
for (const topic of ["title", "language"]) on(topic, title);
on("check", () => { clearTimeout(timer); timer = setTimeout(watch, 100); });
on("key", () => { $("key").hidden = false; $("keyText").focus(); });
on("status", (key) => put($("status"), key));
for (const topic of ["begins", "figures", "ends", "language"]) on(topic, status);

settings.prepare();
states.prepare();
model.prepare();
log.prepare();
dress(); // the words, before what is stored is there
$("message").value = draft(now.talk);
log.draw();
title();
status();
await list.prepare();
watch();
