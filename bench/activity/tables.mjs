// What the activity bench prints: scores per session and protocol, the steady state of backgrounds, and the trials on them.
import { machineLine } from '../machine.mjs';
import { sumScores } from './score.mjs';
import { mostMissed } from './trials.mjs';

const REASONS_SHOWN = 4;

export function printScores(rows) {
  for (const row of rows) console.log(scoreLine(row.session, row));
  console.log();
  for (const protocol of [...new Set(rows.map((row) => row.protocol))].sort()) {
    console.log(scoreLine(protocol, sumScores(rows.filter((row) => row.protocol === protocol))));
  }
  console.log(scoreLine(`all ${rows.length}`, sumScores(rows)));
}

/** One line of a score: missed seconds, late onsets, false idle, false active, alarms, precision. */
export function scoreLine(name, score) {
  return [
    name.padEnd(44),
    `missed ${score.fn}/${score.tp + score.fn}`.padEnd(17),
    `late ${score.late}/${score.onsets}`.padEnd(14),
    `false idle ${score.falseIdleS} s`.padEnd(20),
    `false active ${percent(score.falseActiveS / Math.max(1, score.idleS))}`.padEnd(23),
    `alarms ${score.fp}/${score.fp + score.tn}`.padEnd(18),
    `precision ${(score.tp / Math.max(1, score.tp + score.fp)).toFixed(3)}`,
  ].join(' ');
}

export function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}

/** What becomes of the score where sessions are changed, and which of them suffer most. */
export function printPerturbed(perturbed) {
  console.log('\nthe sessions as they might have been elsewhere');
  for (const { name, rows } of perturbed) {
    console.log(scoreLine(name, sumScores(rows)));
    for (const row of rows.filter(({ falseIdleS, late }) => falseIdleS > 0 || late > 0)) {
      console.log(`    ${row.session.padEnd(44)} false idle ${row.falseIdleS} s, ${row.late} late`);
    }
  }
}

/** Backgrounds that count although nobody is there, worst first, each by the worst of its tiles. */
export function printSteadyState(backgrounds) {
  const rows = backgrounds.map(({ session, steady }) => ({ session, ...steady }));
  console.log('\nsteady state: share of 10 min to 2 h called active with nobody there, worst first (target 0 %)');
  for (const row of rows.toSorted((a, b) => b.activeShare - a.activeShare || b.alarms - a.alarms)) {
    if (row.alarms === 0) continue;
    const tile = `tile ${row.tileS.toFixed(1)} s, seam off ${row.seamCostMs.toFixed(0)} ms`;
    const alarms = `${row.alarms} alarms`.padEnd(15);
    console.log(`  ${row.session.padEnd(44)} ${percent(row.activeShare).padStart(7)}  ${alarms} ${tile}`);
    printReasons(row.alarmsByReason);
  }
  console.log(`  quiet: ${rows.filter(({ alarms }) => alarms === 0).length} of ${rows.length}`);
}

/** Backgrounds on which inputs were missed, worst first. */
export function printTrials(backgrounds) {
  printMissed(backgrounds, 'single', 'single keys');
  printMissed(backgrounds, 'burst', 'bursts of three keys');
  printMissed(backgrounds, 'unanswered', 'bursts of three keys that the server does not answer');
  const without = backgrounds.filter(({ keysFrom }) => keysFrom.length === 0).map(({ session }) => session);
  if (without.length > 0) console.log(`\nnot tried, as no input of their protocol was recorded: ${without.join(', ')}`);
}

function printMissed(backgrounds, kind, title) {
  const tried = backgrounds
    .map(({ session, keysFrom, trials }) => ({ session, keysFrom, ...trials[kind] }))
    .filter(({ count }) => count > 0);
  if (tried.length === 0) return;
  const most = mostMissed(kind, tried[0].count);
  console.log(`\n${title}: missed, worst first (target <= ${most} of ${tried[0].count} on every background)`);
  for (const row of tried.toSorted((a, b) => b.missed - a.missed)) {
    if (row.missed === 0) continue;
    const mask = row.masked === 0 ? '' : `; ${row.masked} in seconds that counted anyway`;
    const verdict = row.missed > most ? 'FAIL' : 'ok  ';
    const count = `${row.missed} of ${row.count}`.padStart(10);
    console.log(`  ${verdict} ${row.session.padEnd(44)} ${count}  keys of ${row.keysFrom.join(', ')}${mask}`);
    printReasons(row.excuses);
  }
  const holding = tried.filter(({ missed }) => missed <= most).length;
  const masked = tried.reduce((sum, row) => sum + row.masked, 0);
  console.log(
    `  ${holding} of ${tried.length} backgrounds hold; ${masked} trials in all say nothing: they fell into false alarms`,
  );
}

function printReasons(reasons) {
  for (const [why, count] of reasons.slice(0, REASONS_SHOWN))
    console.log(`      ${String(count).padStart(7)} x ${why}`);
}

/** Costs and sizes, beside those of streams on which nothing is judged (`raw`). */
export function printCosts({ machine, recorded, hostile, state }) {
  const raw = recorded.find(({ protocol }) => protocol === 'raw').client.medianNs;
  const timed = ({ chunks, medianNs, p95Ns }) =>
    `${`${medianNs.toFixed(0)} ns`.padStart(7)} ${`${(medianNs / raw).toFixed(1)}x`.padStart(6)} ${`p95 ${p95Ns.toFixed(0)} ns`.padStart(11)} ${`of ${chunks}`.padStart(9)}`;
  console.log(
    '\none chunk in the module, median (the call included, the copy into its memory not; x: to a client chunk of raw)',
  );
  for (const { protocol, client, server } of recorded) {
    console.log(`  ${protocol.padEnd(12)} client ${timed(client)}   server ${timed(server)}`);
  }
  console.log('\nhostile streams: one chunk, and per byte');
  for (const row of hostile) {
    const lost = row.isLost ? '  (lost: everything counts)' : '';
    const chunk = `${row.chunkBytes} B`.padStart(8);
    const cost = row.medianNs < 10_000 ? `${row.medianNs.toFixed(0)} ns` : `${(row.medianNs / 1000).toFixed(0)} us`;
    console.log(
      `  ${row.name.padEnd(40)} ${chunk} ${cost.padStart(8)} ${row.perByteNs.toFixed(2).padStart(8)} ns/B${lost}`,
    );
  }
  console.log(
    `\nstate: ${state.detectorBytes} B of a stream are its detector's, ${state.perStreamBytes} B all tables; ` +
      `${(state.sharedBytes / 1024).toFixed(0)} KiB are shared by all streams`,
  );
  console.log(machineLine(machine));
}
