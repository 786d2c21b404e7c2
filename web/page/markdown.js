// Markdown as DOM nodes, made from text alone. A text may come in pieces: what is rendered stays, except for the last block.
const longest = 8000; // characters of a block

export function make(tag, text, attributes = {}) {
  const e = document.createElement(tag);
  if (text) e.textContent = text;
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  return e;
}

const marks = /\\([!-/:-@[-`{-~])|`([^`]{1,400})`|\*\*([^*]{1,400})\*\*|\*([^*\s][^*]{0,400})\*|\[([^\]]{1,300})\]\((https?:\/\/[^\s)]{1,1000})\)|(https?:\/\/[^\s<>"')]{1,1000})/g;

function link(text, address) {
  return make("a", text, { href: address, rel: "noopener noreferrer", target: "_blank" });
}

function inline(parent, text) {
  let last = 0;
  for (const m of text.matchAll(marks)) {
    parent.append(text.slice(last, m.index));
    last = m.index + m[0].length;
    if (m[1]) parent.append(m[1]);
    else if (m[2]) parent.append(make("code", m[2]));
    else if (m[3]) parent.append(make("strong", m[3]));
    else if (m[4]) parent.append(make("em", m[4]));
    else if (m[5]) parent.append(link(m[5], m[6]));
    else parent.append(link(m[7], m[7]));
  }
  parent.append(text.slice(last));
  return parent;
}

const cells = (line) => line.trim().replace(/^\||\|$/g, "").split("|");

// block renders lines without an empty one between them.
function block(parent, text) {
  parent.replaceChildren();
  const lines = text.split("\n");
  let prose = null;
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i];
    let m;
    if ((m = /^(#{1,6}) +(.*)$/.exec(line))) {
      parent.append(inline(make("h" + Math.min(6, m[1].length + 2)), m[2]));
    } else if (/^(-{3,}|\*{3,})\s*$/.test(line)) {
      parent.append(make("hr"));
    } else if ((m = /^\s*(?:[-*+]|(\d{1,9})[.)]) +(.*)$/.exec(line))) {
      const list = parent.lastChild, tag = m[1] ? "OL" : "UL";
      const to = !prose && list && list.tagName === tag ? list : make(tag.toLowerCase(), "", m[1] ? { start: m[1] } : {});
      if (to !== list) parent.append(to);
      to.append(inline(make("li"), m[2]));
    } else if (line.startsWith(">")) {
      parent.append(inline(make("blockquote"), line.slice(1).trim()));
    } else if (line.includes("|") && /^[\s|:-]*-[\s|:-]*$/.test(lines[i + 1] || "") && lines[i + 1].includes("|")) {
      const table = make("table"), head = make("tr");
      for (const cell of cells(line)) head.append(inline(make("th"), cell.trim()));
      table.append(head);
      for (i += 2; i < lines.length && lines[i].includes("|"); i++) {
        const row = make("tr");
        for (const cell of cells(lines[i])) row.append(inline(make("td"), cell.trim()));
        table.append(row);
      }
      i--;
      parent.append(table);
    } else {
      if (prose) prose.append("\n");
      else parent.append((prose = make("p")));
      inline(prose, line);
      continue;
    }
    prose = null;
  }
}

export class Markdown {
  constructor(root) { this.root = root; this.line = ""; this.text = ""; this.code = null; this.open = null; }

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
    const line = this.line;
    this.line = "";
    this.dropTail();
    if (this.code) {
      if (/^\s*(```|~~~)\s*$/.test(line)) this.code = null;
      else this.code.append(line + "\n");
    } else if (/^\s*(```|~~~)/.test(line)) {
      this.close();
      const pre = make("pre");
      this.code = make("code");
      pre.append(this.code);
      this.root.append(pre);
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
    const fence = /^\s*(```|~~~)/.test(this.line);
    this.render(this.text + (fence || !this.line ? "" : (this.text ? "\n" : "") + this.line));
  }
}
