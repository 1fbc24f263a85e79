// Judges detection on learned idle backgrounds: what counts while nobody is there for two hours, and which single keys and short bursts,
// put in at random, are missed. Usage: node bench/activity-splice.mjs [--dir DIR] [--only PREFIX] [--trials 150] [--seed N] [--json].
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { findBackground, readAt } from './activity-background.mjs';
import { keyFinder } from './activity-keys.mjs';
import { isActivity, loadReplayCore } from './activity-replay.mjs';
import { CARRIED_TRACES, listSessions } from './activity-sessions.mjs';
import { Wires } from './activity-wires.mjs';

/** Until then a background is learned. */
const LEARN_MS = 600_000;
/** Keys are put in so long after that. */
const SPLICE_MS = 600_000;
const END_MS = 2 * 3_600_000;
const TIMEOUT_MS = 60_000;
const NOTICE_MS = 1000;
/** Between the keys of a burst. */
const LEAST_GAP_MS = 80;
const MOST_GAP_MS = 250;
const BURST_KEYS = 3;
const MISSED_OF_150 = 2;

/**
 * Answers a row per session that has a background: `activeShare` and `alarms` (by reason, most first) of its steady state, and for `single`
 * keys and `burst`s: how many were tried, how many missed, and how many say nothing because the background counted in the same second.
 */
export function spliceSessions(replay, sessions, { trials, seed, donors = sessions }) {
  const keysFor = keyFinder(donors);
  const rows = [];
  for (const session of sessions) {
    const background = findBackground(session);
    if (background === undefined) continue;
    const random = createRandom(seed ^ hashOf(session.name));
    const { keys, from } = keysFor(session);
    const endings = keys.length === 0 ? [] : planTrials(keys, trials, random);
    const { alarms, results } = play(replay, background, endings);
    rows.push({
      session: session.name,
      client: session.client,
      protocol: session.protocol,
      tileS: background.tileMs / 1000,
      seamCostMs: background.seamCostMs,
      keysFrom: from,
      ...steadyState(alarms),
      single: sumTrials(results, alarms, 'single'),
      burst: sumTrials(results, alarms, 'burst'),
    });
  }
  return rows;
}

/** Both kinds of trials, in time: `{ kind, atMs, untilMs, parts }`, a part being `{ atMs, read }`. */
function planTrials(keys, trials, random) {
  const planned = [];
  for (let index = 0; index < trials; index += 1) {
    for (const [kind, count] of [
      ['single', 1],
      ['burst', BURST_KEYS],
    ]) {
      const atMs = LEARN_MS + random() * SPLICE_MS;
      let keyMs = atMs;
      const parts = [];
      for (let key = 0; key < count; key += 1) {
        if (key > 0) keyMs += LEAST_GAP_MS + random() * (MOST_GAP_MS - LEAST_GAP_MS);
        const startMs = keyMs;
        const chosen = keys[Math.floor(random() * keys.length)];
        parts.push(...chosen.map(({ afterMs, read }) => ({ atMs: startMs + afterMs, read })));
      }
      parts.sort((a, b) => a.atMs - b.atMs);
      planned.push({ kind, atMs, untilMs: keyMs + NOTICE_MS, parts });
    }
  }
  return planned.sort((a, b) => a.atMs - b.atMs);
}

/** One pass over the background; at each trial's time its ending is tried, and the core put back. */
function play(replay, background, trials) {
  const client = replay.openClient();
  const wires = new Wires(client, background);
  const alarms = [];
  const results = [];
  let nextTrial = 0;
  for (let index = 0; ; index += 1) {
    const entry = readAt(background, index);
    while (nextTrial < trials.length && trials[nextTrial].atMs <= Math.min(entry.atMs, END_MS)) {
      const trial = trials[nextTrial];
      results.push({ ...trial, noticedMs: tryEnding(replay, client, background, index, wires, trial) });
      nextTrial += 1;
    }
    if (entry.atMs >= END_MS) break;
    const key = wires.keyOf(entry);
    const flags = client.feed(key, entry.read, entry.atMs);
    wires.note(entry.read);
    if (isActivity(flags)) alarms.push({ atMs: entry.atMs, why: client.why(key, entry.read) });
  }
  client.releaseAll();
  return { alarms, results };
}

/** When the core first says activity after the trial's start, in milliseconds from it; Infinity where it does not in time. */
function tryEnding(replay, client, background, startIndex, wires, trial) {
  const fork = wires.fork(startIndex, trial);
  const saved = replay.save();
  const waiting = [...trial.parts];
  let noticedMs = Number.POSITIVE_INFINITY;
  let nowMs = trial.atMs;
  let index = startIndex;
  while (noticedMs === Number.POSITIVE_INFINITY) {
    const entry = readAt(background, index);
    // A spliced read waits while a record of the background is under way on its wire.
    const part = waiting.findIndex(({ atMs, read }) => atMs <= entry.atMs && !fork.isUnderWay(read));
    const { atMs, read } = part < 0 ? entry : waiting.splice(part, 1)[0];
    if (atMs > trial.untilMs) break;
    nowMs = Math.max(nowMs, atMs);
    const flags = client.feed(part < 0 ? fork.keyOf(entry) : fork.keyOfPart(read), read, nowMs);
    if (part < 0) {
      fork.note(read);
      index += 1;
    }
    if (isActivity(flags)) noticedMs = nowMs - trial.atMs;
  }
  replay.restore(saved);
  fork.end();
  return noticedMs;
}

/** What counted after the background was learned, and for which share of that time the idle timer would have run. */
function steadyState(alarms) {
  const reasons = new Map();
  let activeMs = 0;
  let activeUntilMs = LEARN_MS;
  let count = 0;
  for (const { atMs, why } of alarms) {
    const untilMs = Math.min(atMs + TIMEOUT_MS, END_MS);
    activeMs += Math.max(0, untilMs - Math.max(activeUntilMs, atMs));
    activeUntilMs = Math.max(activeUntilMs, untilMs);
    if (atMs < LEARN_MS) continue;
    count += 1;
    reasons.set(why, (reasons.get(why) ?? 0) + 1);
  }
  const alarmsByReason = [...reasons].sort((a, b) => b[1] - a[1]);
  return { activeShare: activeMs / (END_MS - LEARN_MS), alarms: count, alarmsByReason };
}

function sumTrials(results, alarms, kind) {
  const trials = results.filter((result) => result.kind === kind);
  const isMasked = ({ atMs, untilMs }) => alarms.some((alarm) => alarm.atMs >= atMs && alarm.atMs <= untilMs);
  return {
    trials: trials.length,
    missed: trials.filter(({ noticedMs }) => noticedMs === Number.POSITIVE_INFINITY).length,
    masked: trials.filter(isMasked).length,
  };
}

/** Mulberry32: small, seeded, the same everywhere. */
function createRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A session has its trials whichever sessions are run beside it. */
function hashOf(name) {
  let hash = 0;
  for (const character of name) hash = (Math.imul(hash, 31) + character.charCodeAt(0)) | 0;
  return hash;
}

const { values } = parseArgs({
  options: {
    dir: { type: 'string', default: CARRIED_TRACES },
    only: { type: 'string', default: '' },
    trials: { type: 'string', default: '150' },
    seed: { type: 'string', default: '1' },
    core: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const replay = await loadReplayCore(values.core === undefined ? undefined : readFileSync(values.core));
const rows = spliceSessions(replay, listSessions(values.dir, values.only), {
  trials: Number(values.trials),
  seed: Number(values.seed),
  donors: listSessions(values.dir),
});
if (values.json) console.log(JSON.stringify({ seed: Number(values.seed), rows }));
else printRows(rows);

function printRows(all) {
  console.log('Steady state: share of 10 min to 2 h called active with nobody there, worst first (target 0 %)');
  for (const row of all.toSorted((a, b) => b.activeShare - a.activeShare || b.alarms - a.alarms)) {
    if (row.alarms === 0) continue;
    const share = `${(100 * row.activeShare).toFixed(1)} %`;
    const tile = `tile ${row.tileS.toFixed(1)} s, seam off ${row.seamCostMs.toFixed(0)} ms`;
    console.log(`  ${row.session.padEnd(44)} ${share.padStart(7)}  ${`${row.alarms} alarms`.padEnd(15)} ${tile}`);
    for (const [why, count] of row.alarmsByReason.slice(0, 4))
      console.log(`      ${String(count).padStart(7)} x ${why}`);
  }
  console.log(`  quiet: ${all.filter(({ alarms }) => alarms === 0).length} of ${all.length}`);
  printTrials(all, 'single', (trials) => Math.floor((trials * MISSED_OF_150) / 150));
  printTrials(all, 'burst', () => 0);
}

function printTrials(all, kind, mostOf) {
  const tried = all.filter((row) => row[kind].trials > 0);
  const failing = tried.filter((row) => row[kind].missed > mostOf(row[kind].trials));
  console.log(`\n${kind}: missed, worst first (target <= ${mostOf(tried[0]?.[kind].trials ?? 0)} on every background)`);
  for (const row of tried.toSorted((a, b) => b[kind].missed - a[kind].missed)) {
    const { trials, missed, masked } = row[kind];
    if (missed === 0) continue;
    const mask = masked === 0 ? '' : `  (${masked} in seconds that counted anyway)`;
    const verdict = failing.includes(row) ? 'FAIL' : 'ok  ';
    console.log(
      `  ${verdict} ${row.session.padEnd(44)} ${`${missed} of ${trials}`.padStart(10)}  keys of ${row.keysFrom}${mask}`,
    );
  }
  console.log(`  ${tried.length - failing.length} of ${tried.length} backgrounds hold`);
  const without = all.filter((row) => row[kind].trials === 0).map(({ session }) => session);
  if (without.length > 0) console.log(`  no input of their protocol recorded: ${without.join(', ')}`);
}
