// Making, finding and replacing elements.
import { put, call } from "./texts.js";

export const $ = (id) => document.getElementById(id);

export function make(tag, text, attributes = {}, ...inside) {
  const e = document.createElement(tag);
  if (text) e.textContent = text;
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  e.append(...inside);
  return e;
}

// word makes an element with a word of the page.
export const word = (tag, key, attributes, ...fill) => put(make(tag, "", attributes), key, ...fill);

// button makes a button. about is what it acts on, for those who only hear its name.
export function button(key, act, about = "") {
  const b = word("button", key, { type: "button", "data-key": key });
  if (about) call(b, key, about);
  b.onclick = act;
  return b;
}

// form makes a form around a field, which cancel or Escape leaves.
export function form(field, save, cancel, key = "save") {
  const f = make("form", "", {}, field, word("button", key), button("cancel", cancel));
  f.onsubmit = (e) => { e.preventDefault(); save(); };
  f.onkeydown = (e) => { if (e.key === "Escape" && !e.isComposing) { e.stopPropagation(); cancel(); } };
  return f;
}

// replace gives an element other children. Those that stay are not touched, and the focus stays where it is, or goes to a control of the
// same key or to fallback.
export function replace(parent, children, fallback = parent) {
  const held = parent.contains(document.activeElement) && document.activeElement !== parent ? document.activeElement : null;
  const key = held && held.dataset.key;
  const stay = new Set(children);
  for (const old of [...parent.childNodes]) if (!stay.has(old)) old.remove();
  children.forEach((child, i) => { if (parent.childNodes[i] !== child) parent.insertBefore(child, parent.childNodes[i] || null); });
  if (!held || document.activeElement === held) return;
  const same = held.isConnected ? held : key && parent.querySelector(`[data-key="${CSS.escape(key)}"]:not([disabled])`);
  (same || fallback).focus();
}

// give lets the reader keep a file.
export function give(blob, name) {
  const a = make("a", "", { href: URL.createObjectURL(blob), download: name });
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 60000);
}

// pickFile opens a hidden file field with a button and hands over what was chosen.
export function pickFile(opener, field, take) {
  $(opener).onclick = () => $(field).click();
  $(field).onchange = async () => {
    const f = $(field).files[0];
    if (f) await take(f);
    $(field).value = "";
  };
}
