// The words of the page in its language. An element remembers its word, so that another language needs no redrawing.
import { words } from "./words.js";

let language = "en";
const blanks = new WeakMap(); // what fills the {} of an element's text

export function say(key, ...fill) {
  let i = 0;
  return words[language][key].replace(/\{\}/g, () => { const f = fill[i++]; return typeof f === "function" ? f() : f; });
}

export const figure = (n) => n.toLocaleString(language);
export const tokens = (n) => (n === 1 ? say("oneToken") : say("tokens", figure(n)));

// put writes a word into an element. A value to fill in may be a function, which is called for each language.
export function put(e, key, ...fill) {
  e.dataset.t = key;
  blanks.set(e, fill);
  const text = say(key, ...fill);
  if (e.textContent !== text) e.textContent = text; // a screen reader says what is written again
  return e;
}

// call names an element for those who do not see it: a word, and what it is about.
export function call(e, key, about = "") {
  e.dataset.l = key;
  e.dataset.about = about;
  e.setAttribute("aria-label", say(key) + (about && " " + about));
  return e;
}

export function speak(to) {
  language = to;
  document.documentElement.lang = to;
  for (const e of document.querySelectorAll("[data-t]")) put(e, e.dataset.t, ...(blanks.get(e) || []));
  for (const e of document.querySelectorAll("[data-l]")) call(e, e.dataset.l, e.dataset.about);
  for (const e of document.querySelectorAll("[data-p]")) e.placeholder = say(e.dataset.p);
}
