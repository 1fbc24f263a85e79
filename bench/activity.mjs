// Scores activity detection on labelled traces, all in one process: per session, per protocol, and in sum; on request also on endless idle
// backgrounds, what a chunk costs, and on the sessions as they might have been elsewhere.
import { readFileSync } from 'node:fs';
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
import { COUNT, FILE, FOLDER, NAME, oneOf, readOptions, WHOLE } from './options.mjs';

const values = readOptions({
  script: 'bench:activity',
  about: 'Scores activity detection on labelled traces: per session, per protocol, and in sum.',
  options: {
    dir: { kind: FOLDER, about: 'labelled sessions, in place of those that the project carries' },
    only: { kind: NAME, about: 'sessions whose names start so' },
    why: { kind: NAME, about: 'what counted wrongly, and which inputs were missed, in sessions whose names start so' },
    tile: { about: 'also what counts in two hours of each idle background' },
    splice: { about: 'also which keys put into each idle background are missed' },
    early: { about: 'with --splice: into its first two minutes, while it is still learned' },
    trials: { kind: COUNT, default: 150, about: 'with --splice: keys of each kind' },
    cost: { about: 'also what a chunk costs, of recorded streams and of hostile ones' },
    perturb: { about: 'also the score of the sessions as they might have been elsewhere' },
    seed: { kind: WHOLE, default: 1, about: 'of what is drawn at random' },
    core: { kind: FILE, about: 'another build of the core' },
    'periodic-input': {
      kind: oneOf('active', 'moves', 'ignore'),
      default: DEFAULT_STREAM_POLICY.periodicInput,
      about: 'as in a listener',
    },
    'periodic-requests': { kind: oneOf('active', 'ignore'), default: 'ignore', about: 'as in a listener' },
    json: { about: 'everything as JSON on stdout' },
  },
});
const policy = {
  ...DEFAULT_STREAM_POLICY,
  periodicInput: values['periodic-input'],
  periodicRequests: values['periodic-requests'],
};
const { seed } = values;
const wasm = values.core === undefined ? undefined : readFileSync(values.core);

const dir = values.dir ?? CARRIED_TRACES;
const sessions = listSessions(dir, values.why ?? values.only);
const core = await loadCore({ maxStreams: 64, heapBytes: 256 * 1024, wasm });
if (values.why === undefined) await scoreAll();
else for (const session of sessions) explain(session, replayTraces(session.traces(), { core }));

async function scoreAll() {
  const rows = sessions.map(scoreOf);
  const backgrounds =
    values.tile || values.splice
      ? judgeBackgrounds(await loadReplayCore(wasm), sessions, {
          trials: values.splice ? values.trials : 0,
          seed,
          donors: listSessions(dir),
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
