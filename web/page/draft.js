// Drafts: what was written and not sent, of each conversation.
import * as keep from "./keep.js";

const most = 50;
const place = (talk) => (talk.nodes.length ? talk.id : "new");

export const draft = (talk) => { const text = keep.object("drafts")[place(talk)]; return typeof text === "string" ? text : ""; };

export function setDraft(talk, text) {
  const all = keep.object("drafts"), at = place(talk);
  delete all[at];
  if (text) all[at] = text;
  for (const old of Object.keys(all).slice(0, -most)) delete all[old];
  keep.setObject("drafts", all);
}

export function drop({ id }) {
  const all = keep.object("drafts");
  delete all[id];
  keep.setObject("drafts", all);
}
