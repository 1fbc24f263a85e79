// Scores activity detection on labelled traces, all in one process: per session, per protocol, and in sum.
// Usage: npm run bench:activity [-- --dir DIR] [-- --only PREFIX] [-- --why SESSION] [-- --json]. Needs a build.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadCore } from '../dist/core/stream-core.js';
import { replayTraces } from '../dist/streams/trace-replay.js';
import { addScores, emptyScore, scoreSession } from './activity-score.mjs';

const { values } = parseArgs({
  options: {
    dir: { type: 'string', default: fileURLToPath(new URL('../test/streams/fixtures/traces/', import.meta.url)) },
    only: { type: 'string', default: '' },
    why: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});

const core = await loadCore({ maxStreams: 64, heapBytes: 256 * 1024 });
const files = readdirSync(values.dir);
const sessions = files
  .filter((file) => file.endsWith('.labels.json') && file.startsWith(values.why ?? values.only))
  .map((file) => file.slice(0, -'.labels.json'.length))
  .sort();
const rows = sessions.map(scoreOf);
if (values.json) console.log(JSON.stringify({ rows, total: sum(rows) }));
else if (values.why === undefined) printTables(rows);

function scoreOf(session) {
  const labels = JSON.parse(readFileSync(join(values.dir, `${session}.labels.json`), 'utf8'));
  const traces = files
    .filter((file) => file === `${session}.jsonl` || (file.startsWith(`${session}_c`) && /_c\d+\.jsonl$/.test(file)))
    .sort((a, b) => a.length - b.length || (a < b ? -1 : 1))
    .map((name) => ({ name, text: readFileSync(join(values.dir, name), 'utf8') }));
  const found = replayTraces(traces, { core });
  if (values.why !== undefined) explain(session, labels, found);
  return {
    session,
    protocol: labels.proto,
    ...scoreSession(
      labels,
      found.map((activity) => activity.t_ms),
    ),
  };
}

/** Prints what counted while nobody was there, and which inputs were missed. */
function explain(session, labels, found) {
  console.log(session, labels.desc);
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

function sum(scores) {
  const total = emptyScore();
  for (const score of scores) addScores(total, score);
  return total;
}

function printTables(scores) {
  for (const score of scores) console.log(line(score.session, score));
  console.log();
  for (const protocol of [...new Set(scores.map((score) => score.protocol))].sort()) {
    console.log(line(protocol, sum(scores.filter((score) => score.protocol === protocol))));
  }
  console.log(line(`all ${scores.length}`, sum(scores)));
}

function line(name, score) {
  const percent = (part, whole) => `${((100 * part) / Math.max(1, whole)).toFixed(1)} %`;
  return [
    name.padEnd(44),
    `missed ${score.fn}/${score.tp + score.fn}`.padEnd(17),
    `late ${score.late}/${score.onsets}`.padEnd(14),
    `false idle ${score.falseIdleS} s`.padEnd(20),
    `false active ${percent(score.falseActiveS, score.idleS)}`.padEnd(23),
    `alarms ${score.fp}/${score.fp + score.tn}`.padEnd(18),
    `precision ${(score.tp / Math.max(1, score.tp + score.fp)).toFixed(3)}`,
  ].join(' ');
}
