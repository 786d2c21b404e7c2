// Errors, and what the reader can do about them.
import { $, button, make } from "./dom.js";
import { put } from "./texts.js";
import { tell } from "./hub.js";

// Said is an error in words of the page.
export class Said extends Error {
  constructor(key, ...fill) { super(key); this.key = key; this.fill = fill; }
}

// alarm shows an error with buttons, which are pairs of a word and what it does. Without an error it takes the last one away.
export function alarm(e, ...ways) {
  const box = $("alert");
  if (!e) { box.replaceChildren(); return; }
  const text = make("span");
  if (e.status === 401) { tell("key"); put(text, "needKey"); }
  else if (e.status === 0) { put(text, "noAnswer"); tell("check"); }
  else if (e instanceof Said) put(text, e.key, ...e.fill);
  else text.textContent = e.message || String(e);
  const buttons = ways.map(([key, act]) => button(key, () => { alarm(); $("message").focus(); act(); }));
  const close = button("close", () => { alarm(); tell("dismiss"); $("message").focus(); });
  box.replaceChildren(text, ...buttons, close);
}

// tried runs what a control does and shows its error.
export const tried = (work) => async (...args) => {
  try { alarm(); await work(...args); } catch (e) { alarm(e); }
};
