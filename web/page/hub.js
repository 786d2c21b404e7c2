// What the parts of the page share, and how one tells the others of a change.
import { fresh } from "./tree.js";

export const now = {
  talk: fresh(), // the conversation that is read
  models: [], model: null, // those of the server, and the one that is asked
  defaults: {}, abilities: {}, // of that model
  away: "connecting", // the word for why nothing can be asked now, or ""
};

const acts = new Map();

export function on(topic, act) {
  if (!acts.has(topic)) acts.set(topic, []);
  acts.get(topic).push(act);
}

export function tell(topic, ...about) {
  for (const act of acts.get(topic) || []) act(...about);
}
