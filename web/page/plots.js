// Small plots, drawn as SVG.
const space = "http://www.w3.org/2000/svg";
const width = 260;

export function bytes(n) {
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (n < 1024) return (n < 10 && unit !== "B" ? n.toFixed(1) : Math.round(n)) + " " + unit;
    n /= 1024;
  }
  return Math.round(n) + " TiB";
}

function shape(kind, attributes, text) {
  const e = document.createElementNS(space, kind);
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  if (text) e.textContent = text;
  return e;
}

const line = (d, kind) => shape("path", { d, class: kind });
const label = (text, x, y, end) => shape("text", { x, y, "text-anchor": end ? "end" : "start" }, text);

// plotMemory draws the memory of the state and that of a transformer, each bytes a token, up to most tokens. now is where the text is.
export function plotMemory(svg, { state, each, most, now, unit }) {
  const top = Math.max(state, each * most) * 1.1, x = (n) => (width * n) / most, y = (b) => 84 - (78 * b) / top;
  svg.replaceChildren(
    line(`M0 ${y(0)}L${width} ${y(each * most)}`, "other"), line(`M0 ${y(state)}H${width}`, "state"),
    shape("circle", { cx: Math.max(4, x(now)), cy: y(state), r: 3.5 }), label(bytes(each * most), 6, 14), label(unit, width - 6, y(state) - 6, true));
}

// plotSpeed draws tokens per second over the tokens that were read: points are pairs of both.
export function plotSpeed(svg, points) {
  if (!points.length) { svg.replaceChildren(); return; }
  const top = Math.max(...points.map((p) => p[1])) * 1.3, first = points[0][0], span = points[points.length - 1][0] - first;
  const at = points.map(([n, v]) => [span ? 6 + ((width - 12) * (n - first)) / span : width / 2, 56 - (50 * v) / top]);
  const dots = at.length > 40 ? [] : at.map(([cx, cy]) => shape("circle", { cx, cy, r: 2.5 }));
  svg.replaceChildren(line("M" + at.map((p) => p.join(" ")).join("L"), "state"), ...dots, label(Math.round(top / 1.3) + "/s", 6, 12));
}
