// Small plots, drawn as SVG.
const space = "http://www.w3.org/2000/svg";

export function bytes(n) {
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (n < 1024) return (n < 10 && unit !== "B" ? n.toFixed(1) : Math.round(n)) + " " + unit;
    n /= 1024;
  }
  return Math.round(n) + " TiB";
}

function draw(svg, name, paths, label) {
  svg.setAttribute("aria-label", name);
  const nodes = paths.map(([d, kind]) => {
    const p = document.createElementNS(space, "path");
    p.setAttribute("d", d);
    p.setAttribute("class", kind);
    return p;
  });
  const text = document.createElementNS(space, "text");
  text.setAttribute("x", 6);
  text.setAttribute("y", 12);
  text.textContent = label;
  svg.replaceChildren(...nodes, text);
}

export function plotMemory(svg, state, each, most, now, name) {
  const top = Math.max(state, each * most) * 1.1, x = (n) => (260 * n) / most, y = (b) => 88 - (84 * b) / top;
  draw(svg, name, [[`M0 ${y(state)}H260`, ""], [`M0 ${y(0)}L260 ${y(each * most)}`, "other"], [`M${x(now)} 90V84`, ""]], bytes(top));
}

export function plotSpeed(svg, points, name) {
  const top = Math.max(1, ...points.map((p) => p[1])) * 1.2, first = points.length ? points[0][0] : 0, span = points.length ? points[points.length - 1][0] - first || 1 : 1;
  draw(svg, name, [[points.map(([n, v], i) => `${i ? "L" : "M"}${(260 * (n - first)) / span} ${58 - (54 * v) / top}`).join(""), ""]], points.length ? Math.round(top) + "/s" : "");
}
