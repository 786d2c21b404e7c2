// The model panel: which model is asked, and what is known of it.
import { $, make, word } from "./dom.js";
import { figure } from "./texts.js";
import * as keep from "./keep.js";
import { now, on, tell } from "./hub.js";
import { askJSON } from "./api.js";
import { alarm, tried } from "./notices.js";
import { bytes } from "./plots.js";
import { figures } from "./figures.js";

function facts() {
  const m = (now.model && now.model.meta) || {}, f = figures(now.talk);
  const rows = [
    ["parameters", m.n_params && figure(m.n_params)], ["file", m.size && bytes(m.size)], ["kind", now.kind], ["context", m.n_ctx && figure(m.n_ctx)],
    ["memory", m.memory_bytes && bytes(m.memory_bytes)], ["devices", (m.devices || []).join(", ")],
    ["speed", f.speed ? f.speed.toFixed(f.speed < 100 ? 1 : 0) : "–"], ["cached", f.cached === null ? "–" : figure(f.cached)],
  ];
  $("facts").replaceChildren(...rows.filter((r) => r[1]).flatMap(([key, value]) => [word("dt", key), make("dd", value)]));
}

async function choose(id) {
  const model = now.models.find((m) => m.id === id) || now.models[0] || null;
  const of = now.models.length > 1 ? "?model=" + encodeURIComponent(model.id) : "";
  const p = model ? await askJSON("props" + of).catch((e) => { if (e.status === 404) return {}; throw e; }) : {};
  now.model = model;
  now.defaults = (p.default_generation_settings && p.default_generation_settings.params) || {};
  now.abilities = p.chat_template_caps || {};
  now.kind = p.model_ftype;
  if (model) $("model").value = model.id;
  facts();
  tell("model");
}

// meet asks the server for its models.
export async function meet() {
  now.models = (await askJSON("v1/models")).data;
  $("model").replaceChildren(...now.models.map((m) => make("option", m.id, { value: m.id })));
  await choose(keep.get("model"));
  if (!$("key").hidden) { $("key").hidden = true; alarm(); }
}

export function prepare() {
  $("model").onchange = tried(async () => { keep.set("model", $("model").value); await choose($("model").value); });
  for (const topic of ["talk", "figures", "ends", "language"]) on(topic, facts);
}
