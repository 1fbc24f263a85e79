// Single inputs cut out of recorded sessions, with the server's reaction, to be put into other streams. Says whose input suits whom.

/** From an input's label on: its way to the recording proxy, the echo, and what the client answers to that. */
const REACTION_MS = 350;
/** Labels are exact to so much. */
const EARLY_MS = 2;
const BEFORE_NEXT_MS = 5;
/** More reads than this a second while nobody is there: a reaction cannot be told from the background any more. */
const BUSY_READS_PER_S = 8;
const MOST_KEYS = 16;
/** Inputs that are one act each come before the pointer's, which come in dozens. */
const KIND_ORDER = ['key', 'click', 'cmd', 'line', 'query', 'io', 'mouse'];

/**
 * Answers `findKeys(session)`: `{ keys, from }`, up to MOST_KEYS inputs for a background of `session`, and the names of the sessions they
 * were recorded in: itself, else its client's others, else its protocol's; none where nobody's input was recorded. A key is its reads,
 * `{ afterMs, read }` in time, from its label on.
 */
export function keyFinder(sessions) {
  const known = new Map();
  const keysOf = (session) => {
    if (!known.has(session.name)) known.set(session.name, cutKeys(session));
    return known.get(session.name);
  };
  return (session) => {
    const others = sessions.filter(({ protocol, name }) => protocol === session.protocol && name !== session.name);
    const circles = [[session], others.filter(({ client }) => client === session.client), others];
    for (const circle of circles) {
      const donors = circle.filter((donor) => keysOf(donor).keys.length > 0);
      const quiet = donors.filter((donor) => !keysOf(donor).isBusy);
      const best = (quiet.length > 0 ? quiet : donors).slice(0, 4);
      if (best.length === 0) continue;
      return {
        keys: thin(
          best.flatMap((donor) => keysOf(donor).keys),
          MOST_KEYS,
        ),
        from: best.map(({ name }) => name),
      };
    }
    return { keys: [], from: [] };
  };
}

/** The inputs of one session, those of the first kind that it has, least crowded first. */
function cutKeys(session) {
  const { inputs, intervals } = session.labels;
  const kind = KIND_ORDER.find((name) => inputs.some(([, of]) => of === name));
  if (kind === undefined) return { keys: [], isBusy: false };
  const reads = session.reads();
  const idle = idleReads(reads, intervals);
  const isBusy = idle.perSecond > BUSY_READS_PER_S;
  const setupEndMs = intervals.find(([, , of]) => of !== 'setup')?.[0] ?? 0;
  const continuing = continuingReads(reads);
  const keys = [];
  for (const [index, [at, of]] of inputs.entries()) {
    if (of !== kind || at < setupEndMs) continue;
    const until = Math.min(at + REACTION_MS, (inputs[index + 1]?.[0] ?? Number.POSITIVE_INFINITY) - BEFORE_NEXT_MS);
    const near = reads.filter(({ atMs }) => atMs >= at - EARLY_MS && atMs < until);
    const own = isBusy ? withoutBackground(near, idle.sizes) : near;
    const key = wholeReads(
      own.map((read) => ({ afterMs: Math.max(0, read.atMs - at), read })),
      continuing,
    );
    if (key.some(({ read }) => read.direction === 'client')) keys.push({ key, roomMs: until - at });
  }
  // Those with room around them say most of a single key; within them, half of all have no more reads than the median.
  keys.sort((a, b) => b.roomMs - a.roomMs || a.key.length - b.key.length);
  const roomy = keys.filter(({ roomMs }) => roomMs === keys[0].roomMs);
  const chosen = roomy.slice(0, Math.max(1, Math.ceil(roomy.length / 2)));
  return { keys: chosen.map(({ key }) => key), isBusy };
}

/** What is there while nobody is: sizes of the client's reads, and how many reads a second come in all. */
function idleReads(reads, intervals) {
  const spans = intervals.filter(([, , kind]) => kind === 'idle');
  const inside = reads.filter(({ atMs }) => spans.some(([from, to]) => atMs >= from && atMs < to));
  const seconds = spans.reduce((sum, [from, to]) => sum + (to - from) / 1000, 0);
  const sizes = new Set(inside.filter(({ direction }) => direction === 'client').map(({ bytes }) => bytes.length));
  return { sizes, perSecond: inside.length / Math.max(1, seconds) };
}

/** In a busy session: the client's reads of sizes that only its user sends, or the first where there are none. */
function withoutBackground(near, sizes) {
  const client = near.filter(({ direction }) => direction === 'client');
  const rare = client.filter(({ bytes }) => !sizes.has(bytes.length));
  return rare.length > 0 ? rare : client.slice(0, 1);
}

/** Reads that start within a TLS record. */
function continuingReads(reads) {
  const continuing = new Set();
  const underWay = new Set();
  for (const read of reads) {
    const way = `${read.connection} ${read.direction}`;
    if (underWay.has(way)) continuing.add(read);
    if (read.endsRecord) underWay.delete(way);
    else underWay.add(way);
  }
  return continuing;
}

/** Reads through which a TLS record reaches are one; records that start before the first or end after the last are left out. */
function wholeReads(parts, continuing) {
  const whole = [];
  const open = new Map();
  for (const { afterMs, read } of parts) {
    const way = `${read.connection} ${read.direction}`;
    const before = open.get(way);
    if (before === undefined && continuing.has(read)) continue;
    const bytes = before === undefined ? read.bytes : Buffer.concat([before, read.bytes]);
    open.delete(way);
    if (read.endsRecord) whole.push({ afterMs, read: { ...read, bytes: new Uint8Array(bytes) } });
    else open.set(way, bytes);
  }
  return whole;
}

function thin(values, count) {
  if (values.length <= count) return values;
  return Array.from({ length: count }, (_, index) => values[Math.floor((index * values.length) / count)]);
}
