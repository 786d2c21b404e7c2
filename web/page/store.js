// Conversations in IndexedDB: "heads" is what the list shows, "bodies" has the messages.
let db = null;

export function open() {
  return new Promise((done) => {
    let request;
    try { request = indexedDB.open("gosling", 1); } catch { done(false); return; }
    request.onupgradeneeded = () => { for (const s of ["heads", "bodies"]) request.result.createObjectStore(s, { keyPath: "id" }); };
    request.onsuccess = () => { db = request.result; done(true); };
    request.onerror = () => done(false);
  });
}

function run(mode, work) {
  return new Promise((done, fail) => {
    if (!db) { if (mode === "readonly") done(undefined); else fail(new Error("IndexedDB")); return; }
    const t = db.transaction(["heads", "bodies"], mode);
    const request = work(t.objectStore("heads"), t.objectStore("bodies"));
    t.oncomplete = () => done(request && request.result);
    t.onerror = t.onabort = () => fail(t.error);
  });
}

export const heads = async () => ((await run("readonly", (h) => h.getAll())) || []).sort((a, b) => b.updated - a.updated);
export const bodies = async () => (await run("readonly", (_, b) => b.getAll())) || [];
export const read = (id) => run("readonly", (_, b) => b.get(id));
export const remove = (id) => run("readwrite", (h, b) => { h.delete(id); b.delete(id); });
export const write = (c) => run("readwrite", (h, b) => { h.put({ id: c.id, title: c.title, updated: c.updated }); b.put(c); });
