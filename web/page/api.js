// Requests to the server that the page comes from.
import * as keep from "./keep.js";

// Failure is an answer that is an error. Status 0 means that there was no whole answer.
export class Failure extends Error {
  constructor(status, message, field = "") { super(message); this.status = status; this.field = field; }
}

const lost = (e) => (e.name === "AbortError" ? e : new Failure(0, ""));

export const key = () => keep.get("key", "sessionStorage");
export const setKey = (text) => keep.set("key", text, "sessionStorage");

export async function ask(path, { json, body, method = json ? "POST" : "GET", signal } = {}) {
  const headers = json ? { "Content-Type": "application/json" } : {};
  if (key()) headers.Authorization = "Bearer " + key();
  const answer = await fetch(path, { method, headers, signal, body: json ? JSON.stringify(json) : body }).catch((e) => { throw lost(e); });
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => ({})); // something between may answer without JSON
  const { message, param } = (said && said.error) || {};
  throw new Failure(answer.status, message || answer.status + " " + answer.statusText, param);
}

export const askJSON = async (path, options) => (await ask(path, options)).json().catch((e) => { throw lost(e); });

// events yields the data of a stream's events. A stream without its last event is a Failure.
export async function* events(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let line = "";
  for (;;) {
    const { value, done } = await reader.read().catch((e) => { throw lost(e); });
    if (done) throw new Failure(0, "");
    const lines = value.split("\n");
    lines[0] = line + lines[0];
    line = lines.pop();
    for (const each of lines) {
      if (each === "data: [DONE]") return;
      if (each.startsWith("data: ")) yield JSON.parse(each.slice(6));
    }
  }
}
