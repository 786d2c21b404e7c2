// What is measured of each conversation.
const all = new Map();
const most = 300; // points of a plot
const span = 250; // the least time of a figure in ms, since tokens may come in bursts

export function figures(talk) {
  if (!all.has(talk.id)) all.set(talk.id, { read: 0, cached: null, speed: 0, speeds: [], from: null, points: 0 });
  return all.get(talk.id);
}

// begin prepares for another answer.
export function begin(talk) {
  const f = figures(talk);
  f.from = null;
  f.points = 0;
}

// point adds to the plot. What another version of an answer begins again is taken away.
function point(f, speed) {
  f.speeds = f.speeds.filter(([read]) => read < f.read);
  f.speeds.push([f.read, speed]);
  f.points++;
  if (f.speeds.length > most) f.speeds = f.speeds.filter((_, i) => i % 2);
}

// measure takes the timings that come with a piece of an answer, and returns the tokens that were read. The first token comes out of the
// prompt, so its time does not count.
export function measure(talk, t, last) {
  const f = figures(talk), made = t.predicted_n || 0, ms = t.predicted_ms || 0;
  f.read = (t.cache_n || 0) + (t.prompt_n || 0) + made;
  f.cached = t.cache_n || 0;
  f.from ??= { made, ms };
  if (made - f.from.made >= 4 && ms - f.from.ms >= span) {
    point(f, ((made - f.from.made) * 1000) / (ms - f.from.ms));
    f.from = { made, ms };
  }
  if (ms >= span || last) f.speed = t.predicted_per_second || 0;
  if (last && !f.points && f.speed) point(f, f.speed);
  return f.read;
}
