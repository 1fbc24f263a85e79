// Scores activity detection on labelled traces, all in one process: per session, per protocol, and in sum; on request also on endless idle
// backgrounds: what counts in two hours of them (--tile), and which keys put into them are missed (--splice), or into their first two
// minutes, while they are still learned (--splice --early); and what a chunk costs, of recorded streams and of hostile ones (--cost); and on
// the sessions as they might have been elsewhere (--perturb). Needs a build.
// Usage: npm run bench:activity [-- --tile --splice --early --cost --perturb --trials 150 --seed N --dir DIR --only PREFIX --why SESSION --core WASM --json
//   --periodic-input ignore --periodic-requests active]
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { loadCore } from '../dist/core/stream-core.js';
import { DEFAULT_STREAM_POLICY } from '../dist/platform/stream-policy.js';
import { replayTraces } from '../dist/streams/trace-replay.js';
import { measureCosts } from './activity/cost.mjs';
import { PERTURBATIONS, perturbSession } from './activity/perturb.mjs';
import { loadReplayCore } from './activity/replay-core.mjs';
import { scoreSession, sumScores } from './activity/score.mjs';
import { CARRIED_TRACES, listSessions } from './activity/sessions.mjs';
import { printCosts, printPerturbed, printScores, printSteadyState, printTrials } from './activity/tables.mjs';
import { judgeBackgrounds } from './activity/trials.mjs';

const { values } = parseArgs({
  options: {
    dir: { type: 'string', default: CARRIED_TRACES },
    only: { type: 'string', default: '' },
    why: { type: 'string' },
    tile: { type: 'boolean', default: false },
    splice: { type: 'boolean', default: false },
    early: { type: 'boolean', default: false },
    cost: { type: 'boolean', default: false },
    perturb: { type: 'boolean', default: false },
    trials: { type: 'string', default: '150' },
    seed: { type: 'string', default: '1' },
    core: { type: 'string' },
    'periodic-input': { type: 'string', default: DEFAULT_STREAM_POLICY.periodicInput },
    'periodic-requests': { type: 'string', default: 'ignore' },
    json: { type: 'boolean', default: false },
  },
});
const policy = {
  ...DEFAULT_STREAM_POLICY,
  periodicInput: values['periodic-input'],
  periodicRequests: values['periodic-requests'],
};
const trials = wholeNumber('trials');
const seed = wholeNumber('seed');
const wasm = values.core === undefined ? undefined : readFileSync(values.core);

const sessions = listSessions(values.dir, values.why ?? values.only);
const core = await loadCore({ maxStreams: 64, heapBytes: 256 * 1024, wasm });
if (values.why === undefined) await scoreAll();
else for (const session of sessions) explain(session, replayTraces(session.traces(), { core }));

async function scoreAll() {
  const rows = sessions.map(scoreOf);
  const backgrounds =
    values.tile || values.splice
      ? judgeBackgrounds(await loadReplayCore(wasm), sessions, {
          trials: values.splice ? trials : 0,
          seed,
          donors: listSessions(values.dir),
          when: values.early ? 'early' : 'learned',
        })
      : [];
  const perturbed = values.perturb ? PERTURBATIONS.map(scorePerturbed) : [];
  const costs = values.cost ? await measureCosts(sessions, wasm) : undefined;
  if (values.json) {
    console.log(JSON.stringify({ seed, rows, total: sumScores(rows), backgrounds, perturbed, costs }));
    return;
  }
  printScores(rows);
  if (values.tile) printSteadyState(backgrounds);
  if (values.splice) printTrials(backgrounds);
  if (values.splice) console.log(`\nseed ${seed}`);
  if (values.perturb) printPerturbed(perturbed);
  if (costs !== undefined) printCosts(costs);
}

function scoreOf(session) {
  const found = replayTraces(session.traces(), { core, policy });
  const times = found.map((activity) => activity.t_ms);
  return { session: session.name, protocol: session.protocol, ...scoreSession(session.labels, times) };
}

/** The score of all sessions, each changed alike. */
function scorePerturbed(how) {
  return { name: how.name, rows: sessions.map((session) => scoreOf(perturbSession(session, how, seed))) };
}

/** Prints what counted while nobody was there, and which inputs were missed. */
function explain({ name, labels }, found) {
  console.log(name, labels.desc);
  for (const activity of found) {
    const near = labels.inputs.some(([at]) => activity.t_ms >= at - 5 && activity.t_ms <= at + 1500);
    const span = labels.intervals.find(([from, to]) => activity.t_ms >= from && activity.t_ms < to);
    if (!near && span?.[2] === 'idle') console.log('false alarm', activity.t_ms, activity.protocol, activity.why);
  }
  for (const [at, kind] of labels.inputs) {
    if (!found.some((activity) => activity.t_ms >= at - 2 && activity.t_ms <= at + 1000))
      console.log('missed', at, kind);
  }
}

function wholeNumber(name) {
  const value = Number(values[name]);
  if (Number.isInteger(value) && value >= 0) return value;
  console.error(`--${name} ${values[name]} is no whole number`);
  return process.exit(2);
}
