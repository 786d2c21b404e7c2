// Requests to the server that the page comes from.
export class Failure extends Error {
  constructor(status, message) { super(message); this.status = status; }
}

export async function ask(path, options = {}) {
  const headers = { ...(options.json ? { "Content-Type": "application/json" } : {}) };
  const key = sessionStorage.getItem("key");
  if (key) headers.Authorization = "Bearer " + key;
  let answer;
  try {
    answer = await fetch(path, { method: options.method || (options.json ? "POST" : "GET"), headers, signal: options.signal, body: options.json ? JSON.stringify(options.json) : options.body });
  } catch (e) {
    if (e.name === "AbortError") throw e;
    throw new Failure(0, "");
  }
  if (answer.ok) return answer;
  let message = answer.status + " " + answer.statusText;
  try { message = (await answer.json()).error.message || message; } catch { /* not from this server */ }
  throw new Failure(answer.status, message);
}

// events yields the data of a stream's events.
export async function* events(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let parts = "";
  for (;;) {
    const { value, done } = await reader.read().catch((e) => { throw e.name === "AbortError" ? e : new Failure(0, ""); });
    if (done) throw new Failure(0, "");
    const lines = value.split("\n");
    lines[0] = parts + lines[0];
    parts = lines.pop();
    for (const line of lines) {
      if (line === "data: [DONE]") return;
      if (line.startsWith("data: ")) yield JSON.parse(line.slice(6));
    }
  }
}
