// Small values that outlive the page. A browser may deny storage: then they last as long as the page.
const denied = new Map();

function storage(kind) {
  try { return window[kind]; } catch { return null; }
}

export function get(name, kind = "localStorage") {
  if (denied.has(name)) return denied.get(name);
  try { return storage(kind)?.getItem(name) ?? null; } catch { return null; }
}

// set keeps a text under a name, or forgets the name if the text is empty.
export function set(name, text, kind = "localStorage") {
  denied.delete(name);
  try {
    if (text) storage(kind).setItem(name, text);
    else storage(kind).removeItem(name);
  } catch { denied.set(name, text); }
}

// object returns a kept object. A damaged value counts as none.
export function object(name) {
  try {
    const value = JSON.parse(get(name));
    return value && typeof value === "object" && !Array.isArray(value) ? value : {};
  } catch { return {}; }
}

export function setObject(name, value) {
  set(name, Object.keys(value).length ? JSON.stringify(value) : "");
}
