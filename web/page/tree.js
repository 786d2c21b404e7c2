// Conversations: each is a tree of messages, of which one path is read. Nothing here knows the page.
export function fresh(state = "") {
  return { id: crypto.getRandomValues(new Uint32Array(4)).join("-"), title: "", updated: Date.now(), nodes: [], pick: {}, state };
}

// families returns the versions that follow each message, by its id.
export function families(talk) {
  const by = new Map();
  for (const n of talk.nodes) {
    if (!by.has(n.parent)) by.set(n.parent, []);
    by.get(n.parent).push(n);
  }
  return by;
}

// path returns the messages that are read.
export function path(talk, by = families(talk)) {
  const all = [];
  for (let at = 0; by.has(at);) {
    const row = by.get(at), n = row.find((k) => k.id === talk.pick[at]) || row[row.length - 1];
    all.push(n);
    at = n.id;
  }
  return all;
}

// grow adds a message after another one, or at the beginning with parent 0, and turns to it.
export function grow(talk, parent, role, content) {
  const n = { id: talk.nodes.length ? talk.nodes[talk.nodes.length - 1].id + 1 : 1, parent, role, content };
  talk.nodes.push(n);
  talk.pick[parent] = n.id;
  if (!talk.title && role === "user") talk.title = [...content.trim().slice(0, 120)].slice(0, 60).join("");
  return n;
}

// prune takes a message away that nothing follows.
export function prune(talk, n) {
  talk.nodes.splice(talk.nodes.indexOf(n), 1);
  delete talk.pick[n.parent];
}

// fork returns a conversation with the messages up to n.
export function fork(talk, n) {
  const all = path(talk), copy = fresh(talk.state);
  copy.title = talk.title;
  copy.nodes = structuredClone(all.slice(0, all.indexOf(n) + 1));
  copy.nodes.forEach((k, i) => { k.parent = i ? copy.nodes[i - 1].id : 0; });
  return copy;
}

function isJSON(text) {
  try { JSON.parse(text); return true; } catch { return false; }
}

// messages returns the messages up to n, or all, as the server wants them.
export function messages(talk, system, n) {
  const all = path(talk), list = n ? all.slice(0, all.indexOf(n) + 1) : all;
  const sent = list.map((m) => {
    const calls = (m.tools || []).filter((c) => c && c.name && isJSON(c.arguments));
    return {
      role: m.role, content: m.content,
      ...(calls.length ? { tool_calls: calls.map((c, i) => ({ id: "call" + i, type: "function", function: c })) } : {}),
    };
  });
  return system ? [{ role: "system", content: system }, ...sent] : sent;
}

const text = (v) => typeof v === "string";
const validCall = (c) => c && text(c.name) && text(c.arguments);

// validNode looks at a message. last and ids are of those before it.
function validNode(n, last, ids) {
  return n && Number.isInteger(n.id) && n.id > last && ids.has(n.parent) && (n.role === "user" || n.role === "assistant") && text(n.content);
}

// imported returns the conversations of an exported file, or null if it holds none.
export function imported(source) {
  let data = null;
  try { data = JSON.parse(source); } catch { return null; }
  if (!data || data.format !== "gosling-conversations" || !Array.isArray(data.conversations)) return null;
  const all = [];
  for (const c of data.conversations) {
    if (!c || !text(c.title) || !Array.isArray(c.nodes)) return null;
    const ids = new Set([0]);
    let last = 0;
    for (const n of c.nodes) {
      if (!validNode(n, last, ids)) return null;
      ids.add((last = n.id));
    }
    all.push(cleaned(c));
  }
  return all;
}

// cleaned copies what is known of a conversation.
function cleaned(c) {
  const nodes = c.nodes.map((n) => ({
    id: n.id, parent: n.parent, role: n.role, content: n.content,
    ...(text(n.thoughts) ? { thoughts: n.thoughts } : {}),
    ...(Number.isInteger(n.thoughtTokens) ? { thoughtTokens: n.thoughtTokens } : {}),
    ...(Number.isInteger(n.read) ? { read: n.read } : {}),
    ...(Array.isArray(n.tools) && n.tools.every(validCall) ? { tools: n.tools.map((t) => ({ name: t.name, arguments: t.arguments })) } : {}),
    ...(["stopped", "unfinished", "length"].includes(n.end) ? { end: n.end } : {}),
  }));
  const pick = {};
  for (const [at, id] of Object.entries(c.pick || {})) if (/^\d+$/.test(at) && Number.isInteger(id)) pick[at] = id;
  return { ...fresh(text(c.state) ? c.state : ""), title: c.title, nodes, pick };
}
