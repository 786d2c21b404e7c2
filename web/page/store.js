// Conversations in IndexedDB: "heads" is what the list shows, "bodies" has the messages. What the browser does not keep is here until the
// page ends.
let db = null;
const unkept = new Map();

export function open() {
  return new Promise((done) => {
    let request;
    try { request = indexedDB.open("gosling", 1); } catch { done(); return; }
    request.onupgradeneeded = () => { for (const s of ["heads", "bodies"]) request.result.createObjectStore(s, { keyPath: "id" }); };
    request.onsuccess = () => { db = request.result; done(); };
    request.onerror = request.onblocked = () => done();
  });
}

function run(mode, work) {
  return new Promise((done, fail) => {
    if (!db) { fail(new Error("IndexedDB")); return; }
    const t = db.transaction(["heads", "bodies"], mode);
    const request = work(t.objectStore("heads"), t.objectStore("bodies"));
    t.commit(); // at once, since the page may be ending
    t.oncomplete = () => done(request && request.result);
    t.onerror = t.onabort = () => fail(t.error || new Error("IndexedDB"));
  });
}

const head = (c) => ({ id: c.id, title: c.title, updated: c.updated });

async function all(work, mine) {
  const kept = await run("readonly", work).catch(() => []);
  return [...kept.filter((c) => !unkept.has(c.id)), ...[...unkept.values()].map(mine)];
}

export const heads = async () => (await all((h) => h.getAll(), head)).sort((a, b) => b.updated - a.updated);
export const bodies = () => all((_, b) => b.getAll(), (c) => c);
export const read = async (id) => unkept.get(id) || (await run("readonly", (_, b) => b.get(id)).catch(() => undefined));

export async function remove(id) {
  unkept.delete(id);
  await run("readwrite", (h, b) => { h.delete(id); b.delete(id); }).catch(() => {});
}

// write keeps a conversation. It reports the word for what went wrong, or "".
export async function write(c) {
  try {
    await run("readwrite", (h, b) => { h.put(head(c)); b.put(c); });
    unkept.delete(c.id);
    return "";
  } catch (e) {
    unkept.set(c.id, c);
    return e.name === "QuotaExceededError" ? "storeFull" : "noStore";
  }
}
