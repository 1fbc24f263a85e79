// Cross-validation of the detector's thresholds: one client, then one protocol, is left out; the thresholds that do best on the others are
// chosen from a small grid, and judged on what was left out. It tells whether numbers carry over; the rules themselves were written by
// people who had seen all of these sessions. Needs a build. The grid is compiled once and kept in artifacts/.
// Usage: npm run bench:cross-validation [-- --dir DIR] [-- --json].
import { parseArgs } from 'node:util';
import { loadCore } from '../dist/core/stream-core.js';
import { replayTraces } from '../dist/streams/trace-replay.js';
import { scoreSession, sumScores } from './activity/score.mjs';
import { CARRIED_TRACES, listSessions, programOf } from './activity/sessions.mjs';
import { percent, scoreLine } from './activity/tables.mjs';
import { buildVariant } from './activity/variants.mjs';

/** The constants that decide most, by their file in asm/activity, and the factors that the grid is made of. */
const GRID = [
  { file: 'thresholds.ts', name: 'ENOUGH_BITS', factors: [1, 0.5, 1.5] },
  { file: 'thresholds.ts', name: 'HALF_PART', factors: [1, 0.5] },
  { file: 'thresholds.ts', name: 'BEAT_BITS', factors: [1, 2] },
];
/** What a client must keep when the thresholds were chosen without it. */
const MOST_FALSE_ACTIVE = 0.15;

const { values } = parseArgs({
  options: { dir: { type: 'string', default: CARRIED_TRACES }, json: { type: 'boolean', default: false } },
});
const sessions = listSessions(values.dir);
const variants = [];
for (const factors of combine(GRID.map((constant) => constant.factors))) variants.push(await scoreVariant(factors));
const folds = {
  client: leaveOut(programOf),
  protocol: leaveOut((session) => session.protocol),
};
if (values.json) console.log(JSON.stringify({ variants: variants.map(summarise), folds }));
else printAll();

/** One of each, in all combinations; all firsts first: the thresholds as they stand. */
function combine(lists) {
  const [first, ...rest] = lists;
  return first === undefined ? [[]] : first.flatMap((value) => combine(rest).map((tail) => [value, ...tail]));
}

async function scoreVariant(factors) {
  const { wasm, values: chosen } = await buildVariant(
    GRID.map((constant, at) => ({ ...constant, factor: factors[at] })),
  );
  const core = await loadCore({ maxStreams: 64, heapBytes: 256 * 1024, wasm });
  const scores = sessions.map((session) => {
    const times = replayTraces(session.traces(), { core }).map((activity) => activity.t_ms);
    return scoreSession(session.labels, times);
  });
  return { name: chosen.join(' / '), scores };
}

function summarise({ name, scores }) {
  return { name, ...sumScores(scores) };
}

/** A row per value of `keyOf`: what was chosen without its sessions, and how that does on them. */
function leaveOut(keyOf) {
  const keys = [...new Set(sessions.map(keyOf))].sort();
  return keys.map((key) => {
    const isHeldOut = (_, index) => keyOf(sessions[index]) === key;
    const best = variants
      .map((variant) => ({ variant, training: sumScores(variant.scores.filter((...at) => !isHeldOut(...at))) }))
      .reduce((one, other) => (compareScores(other.training, one.training) < 0 ? other : one)).variant;
    const held = best.scores.filter(isHeldOut);
    return { key, sessions: held.length, chosen: best.name, held: sumScores(held) };
  });
}

/** Less false idle is better, then fewer late onsets, then less false active; of equals the first of the grid is taken. */
function compareScores(one, other) {
  const active = (score) => score.falseActiveS / Math.max(1, score.idleS);
  return one.falseIdleS - other.falseIdleS || one.late - other.late || active(one) - active(other);
}

function printAll() {
  console.log(
    `grid: ${GRID.map(({ file, name }) => `${name} (${file})`).join(' / ')}; on all ${sessions.length} sessions`,
  );
  for (const variant of variants) console.log(`  ${scoreLine(variant.name, summarise(variant))}`);
  for (const [kind, rows] of Object.entries(folds)) {
    console.log(`\nleft out, one ${kind} at a time, worst first`);
    const active = ({ held }) => held.falseActiveS / Math.max(1, held.idleS);
    const sorted = rows.toSorted((a, b) => b.held.falseIdleS - a.held.falseIdleS || active(b) - active(a));
    for (const row of sorted) {
      const count = `${row.sessions} session${row.sessions === 1 ? '' : 's'}`.padEnd(12);
      console.log(`  ${scoreLine(row.key, row.held)}  ${count} chosen ${row.chosen}`);
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
