// A session's longest idle stretch as an endless background: its opening as recorded, then the stretch again and again. Feeds nothing.
//
// The seam. A tile is cut from one read to another, [from, to). Of all pairs of reads that follow a pause, with no TLS record under way,
// the pair is taken at which the kinds of reads (connection, direction, size) that keep a period have, across the seam, gaps most like
// those that they have within the stretch: a keepalive of 15 s keeps its 15 s. Longer tiles are preferred, at SHORTER_COST_MS for the whole length.
// Within a tile no read is moved against another. What came once in a tile comes once per tile.

/** After its last input a client may still be busy: chaff of OpenSSH, a cursor, an echo. */
const SETTLE_MS = 4000;
/** Nothing can be learned from less. */
const LEAST_STRETCH_MS = 30_000;
/** A read after such a pause starts something of its own. */
const PAUSE_MS = 15;
/** Cuts tried at either end. */
const CUTS = 60;
const LEAST_TILE_PART = 0.4;
const SHORTER_COST_MS = 300;
/** Tiles of one stretch, and by which part of it they differ: what one of them leaves out may be what counts. */
const TILES = 3;
const ELSEWHERE_PART = 0.2;
/** One kind of read cannot outweigh the rest. */
const MOST_COST_MS = 1000;

/**
 * Answers up to TILES backgrounds, cut at different places of the session's longest idle stretch, the best seam first: `{ opening, tile,
 * fromMs, tileMs, seamCostMs }`, the reads before the tile, its own, where it starts, how long it is, and how far its seam is off (see
 * seamCost). None where nobody was away for LEAST_STRETCH_MS.
 */
export function findBackgrounds(session) {
  const stretch = longestStretch(session.labels);
  if (stretch === undefined) return [];
  const reads = session.reads();
  const inside = reads.filter(({ atMs }) => atMs >= stretch.fromMs && atMs < stretch.toMs);
  const cuts = bestCuts(inside, wholeCuts(reads, stretch), stretch);
  // A stretch with hardly a read, or none to cut at, repeats as long as it is.
  if (cuts.length === 0) cuts.push({ ...stretch, costMs: 0 });
  return cuts.map(({ fromMs, toMs, costMs }) => ({
    opening: reads.filter(({ atMs }) => atMs < fromMs),
    tile: reads.filter(({ atMs }) => atMs >= fromMs && atMs < toMs),
    fromMs,
    tileMs: toMs - fromMs,
    seamCostMs: costMs,
  }));
}

/** The read at `index` of the endless background: `{ read, atMs, tile }`, with tile -1 in the opening. */
export function readAt({ opening, tile: reads, tileMs }, index) {
  if (index < opening.length) return { read: opening[index], atMs: opening[index].atMs, tile: -1 };
  if (reads.length === 0) return { read: undefined, atMs: Number.POSITIVE_INFINITY, tile: 0 };
  const tile = Math.floor((index - opening.length) / reads.length);
  const read = reads[(index - opening.length) % reads.length];
  return { read, atMs: read.atMs + tile * tileMs, tile };
}

function longestStretch(labels) {
  const stretches = labels.intervals
    .filter(([, , kind]) => kind === 'idle')
    .map(([from, to]) => ({ fromMs: Math.max(0, from) + SETTLE_MS, toMs: to }))
    .map(({ fromMs, toMs }) => ({ fromMs, toMs: firstInput(labels, fromMs, toMs) }))
    .filter(({ fromMs, toMs }) => toMs - fromMs >= LEAST_STRETCH_MS);
  return stretches.sort((a, b) => b.toMs - b.fromMs - (a.toMs - a.fromMs))[0];
}

/** Labels are exact to some milliseconds: an input may stand just within the stretch before it. */
function firstInput(labels, fromMs, toMs) {
  return Math.min(toMs, ...labels.inputs.map(([at]) => at).filter((at) => at >= fromMs)) - 5;
}

/** Reads at which a tile may start or end: after a pause, and with no record under way anywhere. */
function wholeCuts(reads, { fromMs, toMs }) {
  const underWay = new Set();
  const cuts = [];
  let lastMs = Number.NEGATIVE_INFINITY;
  for (const read of reads) {
    const isInside = read.atMs >= fromMs && read.atMs < toMs;
    if (isInside && underWay.size === 0 && read.atMs - lastMs >= PAUSE_MS) cuts.push(read.atMs);
    const way = `${read.connection} ${read.direction}`;
    if (read.endsRecord) underWay.delete(way);
    else underWay.add(way);
    lastMs = read.atMs;
  }
  return cuts;
}

/** The cheapest cut, and those next to it in price that lie elsewhere. */
function bestCuts(reads, cuts, { fromMs, toMs }) {
  const kinds = timesByKind(reads);
  const lengthMs = toMs - fromMs;
  const found = [];
  for (const start of thin(cuts.slice(0, Math.ceil(cuts.length / 2)), CUTS)) {
    for (const end of thin(cuts, CUTS)) {
      if (end - start < lengthMs * LEAST_TILE_PART) continue;
      const costMs = seamCost(kinds, start, end);
      found.push({
        fromMs: start,
        toMs: end,
        costMs,
        total: costMs + (1 - (end - start) / lengthMs) * SHORTER_COST_MS,
      });
    }
  }
  found.sort((a, b) => a.total - b.total);
  const isElsewhere = (cut, other) =>
    Math.abs(cut.fromMs - other.fromMs) + Math.abs(cut.toMs - other.toMs) >= lengthMs * ELSEWHERE_PART;
  const best = [];
  for (const cut of found) {
    if (best.length < TILES && best.every((other) => isElsewhere(cut, other))) best.push(cut);
  }
  return best;
}

/** At most `count` of `values`, evenly spread, the last one among them. */
function thin(values, count) {
  if (values.length <= count) return values;
  return Array.from({ length: count }, (_, index) => values[Math.round((index * (values.length - 1)) / (count - 1))]);
}

/**
 * Per kind of read, and for the first reads after a pause of whatever size: who sent them, when they came, the gaps between, ascending, and
 * the weight that a period would have: 1 where all gaps are alike, 0 where they are anything.
 */
function timesByKind(reads) {
  const kinds = new Map();
  const lastMs = new Map();
  const note = (kind, { direction, atMs }) => {
    if (!kinds.has(kind)) kinds.set(kind, { direction, times: [] });
    kinds.get(kind).times.push(atMs);
  };
  for (const read of reads) {
    const way = `${read.connection} ${read.direction}`;
    note(`${way} ${read.bytes.length}`, read);
    if (read.atMs - (lastMs.get(way) ?? Number.NEGATIVE_INFINITY) >= PAUSE_MS) note(way, read);
    lastMs.set(way, read.atMs);
  }
  return [...kinds.values()]
    .filter(({ times }) => times.length > 1)
    .map(({ direction, times }) => ({ direction, times, gaps: gapsOf(times) }))
    .map((kind) => ({ ...kind, weight: regularity(kind.gaps) }))
    .filter(({ weight }) => weight > 0);
}

function gapsOf(times) {
  return times
    .slice(1)
    .map((at, index) => at - times[index])
    .sort((a, b) => a - b);
}

function regularity(gaps) {
  const quantile = (share) => gaps[Math.round(share * (gaps.length - 1))];
  return Math.max(0, 1 - (2 * (quantile(0.75) - quantile(0.25))) / Math.max(1, quantile(0.5)));
}

/** How far gaps across the seam are from any that a kind has: the sum over the client's kinds, the mean over the server's. */
function seamCost(kinds, start, end) {
  const sums = { client: 0, server: 0 };
  let serverKinds = 0;
  for (const { direction, times, gaps, weight } of kinds) {
    const first = lowerBound(times, start);
    const last = lowerBound(times, end) - 1;
    if (last < first) continue;
    const seam = times[first] - start + end - times[last];
    sums[direction] += weight * Math.min(distance(gaps, seam), MOST_COST_MS);
    if (direction === 'server') serverKinds += 1;
  }
  return sums.client + sums.server / Math.max(1, serverKinds);
}

/** From `value` to the nearest of `sorted`. */
function distance(sorted, value) {
  const above = lowerBound(sorted, value);
  const up = above < sorted.length ? sorted[above] - value : Number.POSITIVE_INFINITY;
  const down = above > 0 ? value - sorted[above - 1] : Number.POSITIVE_INFINITY;
  return Math.min(up, down);
}

function lowerBound(sorted, value) {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
