// Markdown as DOM nodes, made from text alone. A text may come in pieces: what is rendered stays, except for the last block.
import { button, make } from "./dom.js";
import { call } from "./texts.js";

const longest = 8000; // characters of a block
const deepest = 8; // lists in lists
const marks = new RegExp([
  /\\([!-/:-@[-`{-~])/, /`([^`]{1,400})`/, /\*\*([^*]{1,400})\*\*/, /\*([^*\s][^*]{0,400})\*/, /~~([^~]{1,400})~~/,
  /\[([^\]]{1,300})\]\((https?:\/\/[^\s)]{1,1000})\)/, /(https?:\/\/[^\s<>"')]{1,1000})/,
].map((r) => r.source).join("|"), "g");

const link = (address) => make("a", "", { href: address, rel: "noopener noreferrer", target: "_blank" });

function inline(parent, text) {
  let last = 0;
  for (const m of text.matchAll(marks)) {
    parent.append(text.slice(last, m.index));
    last = m.index + m[0].length;
    const [, sign, code, strong, em, gone, name, to, bare] = m;
    if (sign) parent.append(sign);
    else if (code) parent.append(make("code", code));
    else if (strong) parent.append(inline(make("strong"), strong));
    else if (em) parent.append(inline(make("em"), em));
    else if (gone) parent.append(make("del", gone));
    else if (to) { const a = link(to); a.textContent = name; parent.append(a); }
    else { const a = link(bare); a.textContent = bare; parent.append(a); }
  }
  parent.append(text.slice(last));
  return parent;
}

// Lists builds the items of a list, and lists in them by their indentation.
class Lists {
  constructor(parent) { this.parent = parent; this.open = []; }

  item(indent, number, text) {
    const tag = number ? "ol" : "ul";
    while (this.open.length > 1 && this.open.at(-1).indent > indent) this.open.pop();
    let top = this.open.at(-1);
    if (!top) top = this.begin(indent, tag, number, this.parent);
    else if (indent > top.indent + 1 && this.open.length < deepest) top = this.begin(indent, tag, number, top.list.lastChild);
    else if (top.list.localName !== tag) {
      this.open.pop();
      top = this.begin(top.indent, tag, number, top.list.parentNode);
    }
    top.list.append(inline(make("li"), text));
  }

  begin(indent, tag, number, into) {
    const list = make(tag, "", number ? { start: number } : {});
    into.append(list);
    this.open.push({ indent, list });
    return this.open.at(-1);
  }

  // more adds a line to the last item.
  more(text) {
    const li = this.open.at(-1).list.lastChild;
    li.append("\n");
    inline(li, text);
  }
}

const cells = (line) => line.trim().replace(/^\||\|$/g, "").split(/(?<!\\)\|/);
const ruled = (line) => line !== undefined && line.includes("|") && /^[\s|:-]*-[\s|:-]*$/.test(line);

function tableRow(line, tag) {
  const row = make("tr");
  for (const cell of cells(line)) row.append(inline(make(tag), cell.trim()));
  return row;
}

// block renders lines without an empty one between them.
function block(parent, text) {
  parent.replaceChildren();
  const lines = text.split("\n");
  let prose = null, lists = null;
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i], table = line.includes("|") && ruled(lines[i + 1]);
    const item = /^(\s*)(?:[-*+•]|(\d{1,9})[.)]) +(.*)$/.exec(line), head = /^(#{1,6}) +(.*)$/.exec(line);
    if (item && !/^([-*] *){3,}$/.test(line)) {
      lists ??= new Lists(parent);
      lists.item(item[1].replace(/\t/g, "    ").length, item[2], item[3]);
      prose = null;
      continue;
    }
    if (lists && /^\s/.test(line)) { lists.more(line.trim()); continue; }
    lists = null;
    if (!head && !line.startsWith(">") && !table && !/^([-*_] *){3,}$/.test(line)) {
      if (prose) prose.append("\n");
      else parent.append((prose = make("p")));
      inline(prose, line);
      continue;
    }
    prose = null;
    if (head) parent.append(inline(make("h" + Math.min(6, head[1].length + 2)), head[2]));
    else if (line.startsWith(">")) {
      const last = parent.lastChild && parent.lastChild.localName === "blockquote" ? parent.lastChild : null;
      if (last) last.append("\n");
      else parent.append(make("blockquote"));
      inline(parent.lastChild, line.slice(1).trim());
    } else if (table) {
      const rows = make("table", "", {}, tableRow(line, "th"));
      for (i += 2; i < lines.length && lines[i].includes("|"); i++) rows.append(tableRow(lines[i], "td"));
      i--;
      parent.append(make("div", "", { class: "wide", tabindex: 0 }, rows));
    } else parent.append(make("hr"));
  }
}

// codeBox makes a box of code with a button that copies it.
function codeBox(copy) {
  const code = make("code"), copier = call(button("copy", () => copy(code.textContent)), "copyCode");
  return [make("div", "", { class: "code" }, copier, make("pre", "", { tabindex: 0 }, code)), code];
}

export class Markdown {
  constructor(root, copy) {
    Object.assign(this, { root, copy, line: "", text: "", code: null, fence: "", open: null, tail: null });
  }

  // add takes the next piece of the text. show makes it visible.
  add(piece) {
    for (let at = 0; at < piece.length;) {
      const end = piece.indexOf("\n", at);
      const stop = Math.min(end < 0 ? piece.length : end, at + longest - Math.min(this.line.length, longest - 1));
      this.line += piece.slice(at, stop);
      at = stop;
      if (stop === end) { this.endLine(); at++; } else if (this.line.length >= longest) this.cut();
    }
  }

  endLine() {
    const line = this.line, fence = /^\s*(`{3,}|~{3,})([^`]*)$/.exec(line);
    this.line = "";
    this.dropTail();
    if (this.code) {
      if (fence && !fence[2].trim() && fence[1].startsWith(this.fence)) this.code = null;
      else this.code.append(line + "\n");
    } else if (fence) {
      this.close();
      this.fence = fence[1];
      const [box, code] = codeBox(this.copy);
      this.code = code;
      this.root.append(box);
    } else if (line.trim() === "") this.close();
    else {
      this.text += (this.text ? "\n" : "") + line;
      if (this.text.length >= longest) this.close();
    }
  }

  // cut ends a block in the middle of a line that is too long.
  cut() {
    this.dropTail();
    if (this.code) this.code.append(this.line);
    else { this.text += (this.text ? "\n" : "") + this.line; this.close(); }
    this.line = "";
  }

  // dropTail removes what show rendered of a line of code that had not ended.
  dropTail() {
    if (this.tail) this.tail.remove();
    this.tail = null;
  }

  close() {
    this.render(this.text);
    this.text = "";
    this.open = null;
  }

  render(text) {
    if (!text) { if (this.open) this.open.remove(); this.open = null; return; }
    if (!this.open) this.root.append((this.open = make("div")));
    block(this.open, text);
  }

  // show renders the block that is open.
  show() {
    if (this.code) {
      this.dropTail();
      if (this.line) this.code.append((this.tail = make("span", this.line)));
      return;
    }
    const hidden = !this.line || /^\s*(```|~~~)/.test(this.line);
    this.render(this.text + (hidden ? "" : (this.text ? "\n" : "") + this.line));
  }
}
