// Cross-validation of the detector's thresholds: one client, then one protocol, is left out; the thresholds that do best on the others are
// chosen from a small grid, and judged on what was left out. It tells whether numbers carry over; the rules themselves were written by
// people who had seen all of these sessions. The grid is compiled once and kept in artifacts/.
import { loadCore } from '../dist/core/stream-core.js';
import { replayTraces } from '../dist/streams/trace-replay.js';
import { keyFinder } from './activity/keys.mjs';
import { loadReplayCore } from './activity/replay-core.mjs';
import { scoreSession, sumScores } from './activity/score.mjs';
import { CARRIED_TRACES, listSessions, programOf } from './activity/sessions.mjs';
import { percent, scoreLine } from './activity/tables.mjs';
import { judgeTrials, mostMissed, prepareTrials } from './activity/trials.mjs';
import { buildVariant } from './activity/variants.mjs';
import { FOLDER, readOptions } from './options.mjs';

/** The constants that decide most, by their file in asm/activity, and the factors that the grid is made of, the strictest first. */
const GRID = [
  { file: 'thresholds.ts', name: 'ENOUGH_BITS', factors: [1.5, 1, 0.5] },
  { file: 'thresholds.ts', name: 'HALF_PART', factors: [1, 0.5] },
  { file: 'thresholds.ts', name: 'BEAT_BITS', factors: [1, 2] },
];
/** Shares of false active that differ by less are taken for the same. */
const ALIKE = 0.01;
/** What a client must keep when the thresholds were chosen without it. */
const MOST_FALSE_ACTIVE = 0.15;
/** Keys put into each background, of each kind. */
const TRIALS = 150;
const SEED = 1;

const values = readOptions({
  script: 'bench:cross-validation',
  about: 'Chooses the thresholds of activity detection without a client or protocol, and judges them on it.',
  options: {
    dir: { kind: FOLDER, about: 'labelled sessions, in place of those that the project carries' },
    json: { about: 'everything as JSON on stdout' },
  },
});
const sessions = listSessions(values.dir ?? CARRIED_TRACES);
const variants = [];
for (const factors of combine(GRID.map((constant) => constant.factors))) variants.push(await loadVariant(factors));
const keysFor = keyFinder(sessions);
const judged = sessions.map(judgeSession);
const folds = {
  client: leaveOut(programOf),
  protocol: leaveOut((session) => session.protocol),
};
if (values.json) console.log(JSON.stringify({ variants: variants.map(summarise), folds }));
else printAll();

/** One of each, in all combinations; all firsts first. */
function combine(lists) {
  const [first, ...rest] = lists;
  return first === undefined ? [[]] : first.flatMap((value) => combine(rest).map((tail) => [value, ...tail]));
}

async function loadVariant(factors) {
  const changes = GRID.map((constant, at) => ({ ...constant, factor: factors[at] }));
  const { wasm, values: chosen } = await buildVariant(changes);
  const core = await loadCore({ maxStreams: 64, heapBytes: 256 * 1024, wasm });
  return { name: chosen.join(' / '), core, replay: await loadReplayCore(wasm) };
}

/** What every variant makes of a session: `scores`, and `missed`, keys put into its background that were missed beyond what may be. */
function judgeSession(session) {
  const traces = session.traces();
  const scores = variants.map(({ core }) => {
    const times = replayTraces(traces, { core }).map((activity) => activity.t_ms);
    return scoreSession(session.labels, times);
  });
  const prepared = prepareTrials(session, keysFor, { trials: TRIALS, seed: SEED });
  const missed = variants.map(({ replay }) => (prepared === undefined ? 0 : sumMissed(judgeTrials(replay, prepared))));
  return { session, scores, missed, keysFrom: prepared?.keysFrom ?? [] };
}

function sumMissed(trials) {
  return Object.entries(trials).reduce(
    (sum, [kind, { count, missed }]) => sum + Math.max(0, missed - mostMissed(kind, count)),
    0,
  );
}

function summarise({ name }, at) {
  return { name, ...sumOf(judged, at) };
}

/** The score of variant `at` on some sessions, with the keys that it missed. */
function sumOf(rows, at) {
  return {
    ...sumScores(rows.map(({ scores }) => scores[at])),
    keysMissed: rows.reduce((sum, { missed }) => sum + missed[at], 0),
  };
}

/** A row per value of `keyOf`: what was chosen without its sessions and their keys, and how that does on them. */
function leaveOut(keyOf) {
  const keys = [...new Set(sessions.map(keyOf))].sort();
  return keys.map((key) => {
    const held = judged.filter(({ session }) => keyOf(session) === key);
    const heldNames = new Set(held.map(({ session }) => session.name));
    const training = judged
      .filter((row) => !held.includes(row))
      .map((row) =>
        row.keysFrom.some((name) => heldNames.has(name)) ? { ...row, missed: row.missed.map(() => 0) } : row,
      );
    const chosen = choose(variants.map((_, at) => sumOf(training, at)));
    return { key, sessions: held.length, chosen: variants[chosen].name, held: sumOf(held, chosen) };
  });
}

/**
 * Least false idle, then fewest late onsets, then fewest missed keys; of those that are alike in false active the strictest, as false idle
 * comes first.
 */
function choose(sums) {
  let left = sums.map((_, at) => at);
  for (const measure of ['falseIdleS', 'late', 'keysMissed']) {
    const least = Math.min(...left.map((at) => sums[at][measure]));
    left = left.filter((at) => sums[at][measure] === least);
  }
  const least = Math.min(...left.map((at) => activeShare(sums[at])));
  return left.find((at) => activeShare(sums[at]) <= least + ALIKE);
}

function activeShare({ falseActiveS, idleS }) {
  return falseActiveS / Math.max(1, idleS);
}

/** A line of a score, with the keys put into backgrounds that were missed beyond what may be. */
function sumLine(name, sum) {
  return `${scoreLine(name, sum)}  keys ${String(sum.keysMissed).padEnd(4)}`;
}

function printAll() {
  console.log(
    `grid: ${GRID.map(({ file, name }) => `${name} (${file})`).join(' / ')}; on all ${sessions.length} sessions`,
  );
  for (const variant of variants.map(summarise)) console.log(`  ${sumLine(variant.name, variant)}`);
  for (const [kind, rows] of Object.entries(folds)) {
    console.log(`\nleft out, one ${kind} at a time, worst first`);
    const active = ({ held }) => activeShare(held);
    const sorted = rows.toSorted((a, b) => b.held.falseIdleS - a.held.falseIdleS || active(b) - active(a));
    for (const row of sorted) {
      const count = `${row.sessions} session${row.sessions === 1 ? '' : 's'}`.padEnd(12);
      console.log(`  ${sumLine(row.key, row.held)}  ${count} chosen ${row.chosen}`);
    }
    const idle = Math.max(...rows.map(({ held }) => held.falseIdleS));
    const worst = Math.max(...rows.map(active));
    const within = rows.filter((row) => row.held.falseIdleS === 0 && active(row) <= MOST_FALSE_ACTIVE).length;
    console.log(
      `  the worst ${kind}: false idle ${idle} s, false active ${percent(worst)}; ` +
        `${within} of ${rows.length} within 0 s and ${percent(MOST_FALSE_ACTIVE)}`,
    );
  }
}
