// Labelled sessions as they might have been elsewhere: other periods, longer ways, noisier networks, other ciphers. How rules do on them tells
// whether they hold beyond the sessions that they were made with. Leaves replaying and scoring to its callers.
import { randomFrom } from '../corpus.mjs';

/** What follows within this belongs to what came before it; a longer gap is a pause. */
const PAUSE_MS = 300;
/** From an input's label to the client's read: labels are exact to a few milliseconds. */
const EARLY_MS = 2;
const REACTION_MS = 350;
const TLS_APPLICATION_DATA = 23;

/**
 * The ways in which sessions are changed. `gapMs(gapMs, isAnswer)`: what becomes of the gap before a read, `isAnswer` where a client's read
 * follows a server's; `jitterMs`: a read may be so late; `moreBytes`: encrypted packets are so much larger.
 */
export const PERTURBATIONS = [
  { name: 'as recorded' },
  { name: 'pauses times 2/3', gapMs: scalePauses(2 / 3) },
  { name: 'pauses times 0.8', gapMs: scalePauses(0.8) },
  { name: 'pauses times 1.2', gapMs: scalePauses(1.2) },
  { name: 'pauses times 1.5', gapMs: scalePauses(1.5) },
  { name: 'answers 15 ms later', gapMs: delayAnswers(15) },
  { name: 'answers 60 ms later', gapMs: delayAnswers(60) },
  { name: 'reads up to 5 ms late', jitterMs: 5 },
  { name: 'reads up to 25 ms late', jitterMs: 25 },
  { name: 'packets 16 B larger', moreBytes: 16 },
];

/** `session` (see sessions.mjs) as `how` changes it, with the same seed always alike. */
export function perturbSession(session, how, seed) {
  const files = session.traces().map(({ name, text }) => ({ name, lines: parseLines(text) }));
  const originMs = files[0]?.lines[0]?.wall ?? 0;
  const reads = files.flatMap(({ lines }) => readsOf(lines, originMs)).sort((a, b) => a.atMs - b.atMs);
  const newTimes = moveReads(reads, how, randomFrom(seed));
  const oldTimes = reads.map(({ atMs }) => atMs);
  const move = (atMs) => interpolate(oldTimes, newTimes, atMs);
  const setupEndMs = session.labels.intervals.find(([, , kind]) => kind !== 'setup')?.[0] ?? 0;
  for (const [index, { line, atMs }] of reads.entries()) {
    line.t_ms = newTimes[index];
    if (how.moreBytes !== undefined) enlarge(line, how.moreBytes, session.protocol === 'ssh' && atMs > setupEndMs);
  }
  const traces = files.map(({ name, lines }) => {
    const said = lines.filter(({ dir }) => dir !== undefined);
    return { name, text: [{ meta: 1, wall: originMs }, ...said].map((line) => JSON.stringify(line)).join('\n') };
  });
  const { intervals, inputs } = session.labels;
  const labels = {
    ...session.labels,
    intervals: intervals.map(([from, to, ...rest]) => [move(from), move(to), ...rest]),
    inputs: inputs.map(([at, ...rest]) => [moveInput(reads, newTimes, at) ?? move(at), ...rest]),
  };
  return { ...session, labels, traces: () => traces };
}

function scalePauses(factor) {
  return (gapMs) => (gapMs > PAUSE_MS ? gapMs * factor : gapMs);
}

/** Everything after an answer moves with it. */
function delayAnswers(moreMs) {
  return (gapMs, isAnswer) => (isAnswer && gapMs <= PAUSE_MS ? gapMs + moreMs : gapMs);
}

function parseLines(text) {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line));
}

/** Reads by the session's time. */
function readsOf(lines, originMs) {
  const startMs = (lines[0]?.wall ?? originMs) - originMs;
  return lines.filter(({ dir }) => dir !== undefined).map((line) => ({ line, atMs: startMs + line.t_ms }));
}

/** The new time of each read; their order stays. */
function moveReads(reads, { gapMs = (gap) => gap, jitterMs = 0 }, random) {
  const moved = [];
  let nowMs = 0;
  let latestMs = Number.NEGATIVE_INFINITY;
  for (const [index, { line, atMs }] of reads.entries()) {
    const before = reads[index - 1];
    const isAnswer = before !== undefined && line.dir === 'c2s' && before.line.dir === 's2c';
    nowMs = before === undefined ? atMs : nowMs + gapMs(atMs - before.atMs, isAnswer);
    latestMs = Math.max(latestMs, nowMs + random() * jitterMs);
    moved.push(latestMs);
  }
  return moved;
}

/** An input is as long before the client's read that it made as it was; undefined where it made none. */
function moveInput(reads, newTimes, at) {
  const index = reads.findIndex(({ line, atMs }) => line.dir === 'c2s' && atMs >= at - EARLY_MS);
  if (index < 0 || reads[index].atMs > at + REACTION_MS) return undefined;
  return newTimes[index] + at - reads[index].atMs;
}

/** Where `at` of the old times lies among the new ones. */
function interpolate(oldTimes, newTimes, at) {
  let low = 0;
  let high = oldTimes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (oldTimes[middle] < at) low = middle + 1;
    else high = middle;
  }
  if (low === 0) return at + (newTimes[0] ?? 0) - (oldTimes[0] ?? 0);
  if (low === oldTimes.length) return at + newTimes[low - 1] - oldTimes[low - 1];
  const span = oldTimes[low] - oldTimes[low - 1];
  const part = span === 0 ? 1 : (at - oldTimes[low - 1]) / span;
  return newTimes[low - 1] + part * (newTimes[low] - newTimes[low - 1]);
}

/** Another cipher's padding and tag: for each record of TLS, or for a read of SSH, which is a packet or some. */
function enlarge(line, moreBytes, isPacket) {
  if (isPacket) line.n += moreBytes;
  for (let index = 0; index + 1 < (line.tls?.length ?? 0); index += 2) {
    if (line.tls[index] !== TLS_APPLICATION_DATA) continue;
    line.tls[index + 1] += moreBytes;
    line.n += moreBytes;
  }
}
