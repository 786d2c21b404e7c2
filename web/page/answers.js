// Answers under way. Each belongs to its conversation and goes on while another one is read.
import { ask, events } from "./api.js";
import { now, tell } from "./hub.js";
import { grow, messages, prune } from "./tree.js";
import { begin, measure } from "./figures.js";
import { Said } from "./notices.js";
import { wanted } from "./settings.js";

const running = new Map(); // by conversation
const failures = new Map(); // by conversation: the conversation, an error, and the ways out

// under returns the answer under way in a conversation: its message, and the progress of the prompt.
export const under = (talk) => running.get(talk.id);
export const failure = (talk) => failures.get(talk.id)?.said;

// held returns the conversation of that id, if it has an answer under way or one that failed.
export const held = (id) => (running.get(id) || failures.get(id))?.talk;
export const forget = (talk) => failures.delete(talk.id);

export function stop(talk) {
  const mine = under(talk);
  if (mine) mine.abort.abort();
}

// answer begins an answer to a message, or another version of it.
export function answer(talk, to) {
  if (under(talk)) return;
  const asked = request(talk, to), n = grow(talk, to.id, "assistant", "");
  stream(talk, n, asked, () => answer(talk, to));
}

// extend goes on with an answer that ended early.
export function extend(talk, n) {
  if (under(talk)) return;
  n.content = n.content.trimEnd(); // the model reads it so
  stream(talk, n, { ...request(talk, n), continue_final_message: true }, () => extend(talk, n));
}

addEventListener("pagehide", () => { for (const { talk } of running.values()) tell("keep", talk); });

function request(talk, to) {
  const { system, fields } = wanted();
  return {
    model: now.model.id, messages: messages(talk, system, to), stream: true, stream_options: { include_usage: true },
    timings_per_token: true, return_progress: true, ...fields, ...(talk.state ? { state: talk.state, return_state: "id" } : {}),
  };
}

async function stream(talk, n, asked, again) {
  const mine = { talk, node: n, abort: new AbortController(), progress: null, made: 0, saved: 0 };
  n.end = "unfinished"; // if the page ends before the answer does
  running.set(talk.id, mine);
  forget(talk);
  begin(talk);
  tell("begins", talk, n);
  let wrong = null;
  try {
    for await (const e of events(await ask("v1/chat/completions", { json: asked, signal: mine.abort.signal }))) {
      take(mine, e);
      tell("grows", talk, n);
      keepSome(mine);
    }
    if (mine.long) n.end = "length";
    else delete n.end;
  } catch (e) {
    if (e.name === "AbortError") n.end = "stopped";
    else wrong = e;
  }
  running.delete(talk.id);
  const empty = !n.content && !n.thoughts && !n.tools;
  if (empty && n.end && n.end !== "length") prune(talk, n);
  if (wrong) failures.set(talk.id, { talk, said: told(talk, wrong, empty, again) });
  tell("ends", talk, n);
}

// keepSome keeps what came so far, every few seconds.
function keepSome(mine) {
  const { talk, node: n } = mine, pause = talk.nodes.length < 1000 ? 2000 : 10000;
  if (!(n.content || n.thoughts) || Date.now() - mine.saved < pause) return;
  mine.saved = Date.now();
  tell("keep", talk);
}

// told returns what the reader is told of a failure: an error, and the ways out of it.
function told(talk, wrong, empty, again) {
  const retry = ["again", again];
  if (wrong.status === 404 && wrong.field === "state") {
    return [new Said("stateGone", talk.state), ["withoutState", () => { talk.state = ""; again(); }], retry];
  }
  return [wrong.status === 0 && !empty ? new Said("cut") : wrong, retry];
}

function take(mine, e) {
  const { talk, node: n } = mine, choice = e.choices && e.choices[0], d = (choice && choice.delta) || {};
  if (e.error) throw new Error(e.error.message);
  if (e.prompt_progress) mine.progress = e.prompt_progress;
  if (e.timings) n.read = measure(talk, e.timings, Boolean(e.usage || (choice && choice.finish_reason)));
  if (e.state) n.state = e.state.id;
  if (choice && choice.finish_reason === "length") mine.long = true;
  if (d.content || d.reasoning_content || d.tool_calls) mine.progress = null;
  if (d.reasoning_content) {
    n.thoughts = (n.thoughts || "") + d.reasoning_content;
    mine.made++;
    n.thoughtTokens = (e.timings && e.timings.predicted_n) || mine.made;
  }
  for (const t of d.tool_calls || []) addCall(n, t);
  if (d.content) n.content += d.content;
  const counted = e.usage && e.usage.completion_tokens_details;
  if (counted && n.thoughts && counted.reasoning_tokens) n.thoughtTokens = counted.reasoning_tokens;
}

function addCall(n, t) {
  n.tools ??= [];
  const c = (n.tools[t.index || 0] ??= { name: "", arguments: "" });
  c.name += (t.function && t.function.name) || "";
  c.arguments += (t.function && t.function.arguments) || "";
}
