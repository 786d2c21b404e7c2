// One message as an element, which grows with an answer.
import { button, make, word } from "./dom.js";
import { call, put, tokens } from "./texts.js";
import { Markdown } from "./markdown.js";

// indented returns JSON with line ends, without changing its numbers and texts. What is not JSON stays as it is.
function indented(source) {
  try { JSON.parse(source); } catch { return source; }
  const tight = source.match(/"(?:[^"\\]|\\.)*"|[^\s"]/g).reduce((parts, p) => {
    const last = parts.length - 1;
    if (last >= 0 && /^[^\s"{}[\],:]+$/.test(p) && /^[^\s"{}[\],:]+$/.test(parts[last])) parts[last] += p;
    else parts.push(p);
    return parts;
  }, []);
  let depth = 0, out = "";
  const line = () => "\n" + "  ".repeat(Math.min(depth, 20));
  tight.forEach((p, i) => {
    if (/^[{[]$/.test(p)) { depth++; out += p + (/^[}\]]$/.test(tight[i + 1]) ? "" : line()); }
    else if (/^[}\]]$/.test(p)) { depth--; out += (/^[{[]$/.test(tight[i - 1]) ? "" : line()) + p; }
    else out += p === "," ? "," + line() : p === ":" ? ": " : p;
  });
  return out;
}

function toolCall(c) {
  const title = word("span", "toolCall", { class: "small" }), name = make("code", c.name);
  return make("div", "", { class: "call" }, make("div", "", {}, title, " ", name), make("pre", indented(c.arguments), { tabindex: 0 }));
}

export class Message {
  // acts are what the reader can do: copy(text), edit(), retry(), fork(), turn(by), extend().
  constructor(node, acts) {
    Object.assign(this, { node, acts, fed: 0, fedThoughts: 0, thoughts: null, calls: null, form: null });
    this.element = call(make("article", "", { class: node.role, tabindex: -1 }), node.role === "user" ? "you" : "assistant");
    this.body = make("div", "", { class: "body" });
    this.row = make("div", "", { class: "acts" });
    this.element.append(this.body, this.row);
    if (node.role === "user") this.body.append(make("div", node.content, { class: "plain" }));
    else this.markdown = new Markdown(this.body, acts.copy);
    this.grow();
  }

  // grow shows what came of an answer since the last time.
  grow() {
    const n = this.node;
    if (n.thoughts) this.growThoughts();
    if (n.tools) this.drawCalls();
    if (!this.markdown || this.fed >= n.content.length) return;
    this.markdown.add(n.content.slice(this.fed));
    this.markdown.show();
    this.fed = n.content.length;
  }

  growThoughts() {
    if (!this.thoughts) {
      const title = make("summary", "", { "data-key": "thoughts" }), text = make("div", "", { class: "plain" });
      this.thoughts = { title, text };
      this.body.before(make("details", "", {}, title, text));
    }
    const { title, text } = this.thoughts, n = this.node;
    text.append(n.thoughts.slice(this.fedThoughts));
    this.fedThoughts = n.thoughts.length;
    if (n.thoughtTokens) put(title, "thoughtsOf", () => tokens(n.thoughtTokens));
    else put(title, "thoughts");
  }

  drawCalls() {
    const state = JSON.stringify(this.node.tools);
    if (this.callsOf === state) return;
    this.callsOf = state;
    if (!this.calls) this.body.after((this.calls = make("div")));
    this.calls.replaceChildren(...this.node.tools.filter(Boolean).map(toolCall));
  }

  // drawActs shows the controls. at and of tell which version this is; last, that nothing follows.
  drawActs(at, of, last, growing) {
    const n = this.node, state = [at, of, last, growing, n.end, Boolean(n.content)].join();
    if (this.actsOf === state) return;
    this.actsOf = state;
    this.element.classList.toggle("growing", growing);
    this.element.setAttribute("aria-busy", String(growing));
    const parts = [];
    if (of > 1) parts.push(...this.versions(at, of));
    if (n.content) parts.push(button("copy", () => this.acts.copy(n.content)));
    parts.push(button("edit", () => this.acts.edit(this)), button("retry", () => this.acts.retry(this)), button("fork", () => this.acts.fork(this)));
    if (!growing && last && n.role === "assistant" && n.end) {
      if (n.content && !n.tools) parts.push(button("extend", () => this.acts.extend(this)));
      parts.push(word("span", n.end));
    }
    const held = this.row.contains(document.activeElement) && document.activeElement.dataset.key;
    this.row.replaceChildren(...parts);
    if (held) (this.row.querySelector(`[data-key="${held}"]:not([disabled])`) || this.element).focus({ preventScroll: true });
  }

  versions(at, of) {
    const step = (sign, key, by, off) => {
      const b = call(make("button", sign, { type: "button", "data-key": key }), key);
      b.onclick = () => this.acts.turn(this, by);
      b.disabled = off;
      return b;
    };
    return [step("‹", "previous", -1, at === 0), make("span", `${at + 1} / ${of}`), step("›", "next", 1, at === of - 1)];
  }

  // focus goes to the first control of those keys that there is, or to the message.
  focus(...keys) {
    const found = keys.map((key) => this.row.querySelector(`[data-key="${key}"]:not([disabled])`)).find(Boolean);
    (found || this.element).focus({ preventScroll: true });
  }

  // swap shows a form in place of the message, or the message again.
  swap(form) {
    if (this.form) this.form.remove();
    this.form = form;
    if (form) this.element.append(form);
    this.element.classList.toggle("editing", Boolean(form));
  }
}
