// Histograms out of what /metrics says, and what a stretch of time added to one.

const LINE = /^([a-zA-Z_:][\w:]*)_bucket\{([^}]*)\} (\S+)/;
const HELP = /^# HELP (\S+) (.*)$/;
const BOUND = /(?:^|,)le="([^"]+)"/;

/** Read every histogram: those of one name added up, whatever their other labels. */
export function read(text) {
  const found = new Map();
  const help = new Map();
  for (const line of text.split("\n")) {
    const told = HELP.exec(line);
    if (told) help.set(told[1], told[2]);
    const match = LINE.exec(line);
    if (!match) continue;
    const bound = BOUND.exec(match[2]);
    if (bound) count(found, match[1], bound[1] === "+Inf" ? Infinity : Number(bound[1]), Number(match[3]));
  }
  for (const histogram of found.values()) histogram.help = help.get(histogram.name) ?? histogram.name;
  return found;
}

function count(found, name, bound, value) {
  const histogram = found.get(name) ?? { name, buckets: new Map() };
  found.set(name, histogram);
  histogram.buckets.set(bound, (histogram.buckets.get(bound) ?? 0) + value);
}

/** The value below which `share` of what `after` has more than `before` lies; null if it has no more. */
export function percentile(before, after, share) {
  const bounds = [...after.buckets.keys()].sort((one, other) => one - other);
  const more = bounds.map((bound) => after.buckets.get(bound) - (before.buckets.get(bound) ?? 0));
  const total = more.at(-1) ?? 0;
  if (total <= 0) return null;
  const wanted = share * total;
  const place = more.findIndex((seen) => seen >= wanted);
  const low = place ? bounds[place - 1] : 0;
  if (bounds[place] === Infinity) return low;
  const below = place ? more[place - 1] : 0;
  return low + ((bounds[place] - low) * (wanted - below)) / Math.max(1e-12, more[place] - below);
}
