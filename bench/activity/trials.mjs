// Judges detection on learned idle backgrounds: what counts while nobody is there for two hours (the steady state), and which single
// keys and short bursts, put in at random, are missed. Leaves the backgrounds, the keys and the tables to their files.
import { randomFrom } from '../corpus.mjs';
import { findBackgrounds, readAt } from './background.mjs';
import { keyFinder } from './keys.mjs';
import { isActivity } from './replay-core.mjs';
import { Wires } from './wires.mjs';

/** Until then a background is learned. */
const LEARN_MS = 600_000;
/** When keys are put in: after the background is learned, or while it still is. */
const WHEN = {
  learned: { fromMs: LEARN_MS, forMs: 600_000 },
  early: { fromMs: 15_000, forMs: 105_000 },
};
const END_MS = 2 * 3_600_000;
const TIMEOUT_MS = 60_000;
const NOTICE_MS = 1000;
/** 2 of 150. */
const SINGLE_MISSED = 2 / 150;
/** Between the keys of a burst. */
const LEAST_GAP_MS = 80;
const MOST_GAP_MS = 250;
/** `isAnswered`: with what the server did, and the client's replies to that; a password is typed without. */
const TRIAL_KINDS = [
  { kind: 'single', count: 1, isAnswered: true },
  { kind: 'burst', count: 3, isAnswered: true },
  { kind: 'unanswered', count: 3, isAnswered: false },
];

/**
 * Answers a row per session that has a background: `steady`, the worst steady state of its tiles, and `trials` (see judgeTrials). `donors`:
 * sessions whose keys may be used. `trials`: how many of each kind; 0 for the steady state alone. `when`: of WHEN.
 */
export function judgeBackgrounds(replay, sessions, { trials, seed, donors, when = 'learned' }) {
  const keysFor = trials === 0 ? () => ({ keys: [], from: [] }) : keyFinder(donors);
  const rows = [];
  for (const session of sessions) {
    const prepared = prepareTrials(session, keysFor, { trials, seed, when });
    if (prepared === undefined) continue;
    const { backgrounds, keysFrom } = prepared;
    const steady = backgrounds
      .map((background) => steadyState(play(replay, background, [], END_MS).alarms, background))
      .sort((a, b) => b.activeShare - a.activeShare);
    const { name, client, protocol } = session;
    rows.push({ session: name, client, protocol, keysFrom, steady: steady[0], trials: judgeTrials(replay, prepared) });
  }
  return rows;
}

/**
 * A session's backgrounds and the trials planned on the first: `{ backgrounds, keysFrom, planned }`; undefined where it has none. `keysFor`:
 * a keyFinder.
 */
export function prepareTrials(session, keysFor, { trials, seed, when = 'learned' }) {
  const backgrounds = findBackgrounds(session);
  if (backgrounds.length === 0) return undefined;
  const { keys, from } = keysFor(session);
  const planned =
    keys.length === 0 ? [] : planTrials(keys, trials, WHEN[when], randomFrom(seed ^ hashOf(session.name)));
  return { backgrounds, keysFrom: from, planned, endMs: WHEN[when].fromMs + WHEN[when].forMs };
}

/**
 * Of `single` keys, of `burst`s and of `unanswered` bursts: how many were tried (`count`), how many were `missed`, and why (`excuses`), and
 * how many say nothing because the background counted in the same seconds (`masked`).
 */
export function judgeTrials(replay, { backgrounds, planned, endMs }) {
  const { alarms, results } = play(replay, backgrounds[0], planned, planned.length === 0 ? 0 : endMs);
  return Object.fromEntries(TRIAL_KINDS.map(({ kind }) => [kind, sumTrials(results, alarms, kind)]));
}

/** Trials of a kind that may be missed on a background: of single keys a few, as one alone may look like anything; of bursts none. */
export function mostMissed(kind, count) {
  return kind === 'single' ? Math.floor(count * SINGLE_MISSED) : 0;
}

/** All kinds of trials, in time: `{ kind, atMs, untilMs, parts }`, a part being `{ atMs, read }`. */
function planTrials(keys, trials, { fromMs, forMs }, random) {
  const planned = [];
  for (let index = 0; index < trials; index += 1) {
    for (const { kind, count, isAnswered } of TRIAL_KINDS) {
      const atMs = fromMs + random() * forMs;
      let keyMs = atMs;
      const parts = [];
      for (let key = 0; key < count; key += 1) {
        if (key > 0) keyMs += LEAST_GAP_MS + random() * (MOST_GAP_MS - LEAST_GAP_MS);
        const startMs = keyMs;
        const chosen = keys[Math.floor(random() * keys.length)];
        const used = isAnswered ? chosen : untilAnswered(chosen);
        parts.push(...used.map(({ afterMs, read }) => ({ atMs: startMs + afterMs, read })));
      }
      parts.sort((a, b) => a.atMs - b.atMs);
      planned.push({ kind, atMs, untilMs: keyMs + NOTICE_MS, parts });
    }
  }
  return planned.sort((a, b) => a.atMs - b.atMs);
}

/** What the client sent of a key before the server spoke; where the server was speaking anyway, the first of it. */
function untilAnswered(key) {
  const answer = key.findIndex(({ read }) => read.direction === 'server');
  const first = key.findIndex(({ read }) => read.direction === 'client');
  return answer < 0 ? key : key.slice(first, Math.max(answer, first + 1));
}

/** One pass over the background; at each trial's time its ending is tried, and the core put back. */
function play(replay, background, trials, endMs) {
  const client = replay.openClient();
  const wires = new Wires(client, background);
  const alarms = [];
  const results = [];
  let nextTrial = 0;
  for (let index = 0; ; index += 1) {
    const entry = readAt(background, index);
    while (nextTrial < trials.length && trials[nextTrial].atMs <= Math.min(entry.atMs, endMs)) {
      const trial = trials[nextTrial];
      results.push({ ...trial, ...tryEnding(replay, client, background, index, wires, trial) });
      nextTrial += 1;
    }
    if (entry.atMs >= endMs) break;
    const key = wires.keyOf(entry);
    const flags = client.feed(key, entry.read, entry.atMs);
    wires.note(entry.read);
    if (isActivity(flags)) alarms.push({ atMs: entry.atMs, why: client.why(key, entry.read) });
  }
  client.releaseAll();
  return { alarms, results };
}

/**
 * `noticedMs`: when the core first says activity after the trial's start, in milliseconds from it, Infinity where it does not in time;
 * `excuses`: why each read of the client that was put in before did not count.
 */
function tryEnding(replay, client, background, startIndex, wires, trial) {
  const fork = wires.fork(startIndex, trial);
  const saved = replay.save();
  const waiting = [...trial.parts];
  const excuses = [];
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
    const key = part < 0 ? fork.keyOf(entry) : fork.keyOfPart(read);
    const flags = client.feed(key, read, nowMs);
    if (part < 0) {
      fork.note(read);
      index += 1;
    }
    if (isActivity(flags)) noticedMs = nowMs - trial.atMs;
    else if (part >= 0 && read.direction === 'client') excuses.push(client.why(key, read));
  }
  replay.restore(saved);
  fork.end();
  return { noticedMs, excuses };
}

/** What counted after the background was learned, and for which share of that time the idle timer would have run. */
function steadyState(alarms, { tileMs, seamCostMs }) {
  let activeMs = 0;
  let activeUntilMs = LEARN_MS;
  for (const { atMs } of alarms) {
    const untilMs = Math.min(atMs + TIMEOUT_MS, END_MS);
    activeMs += Math.max(0, untilMs - Math.max(activeUntilMs, atMs));
    activeUntilMs = Math.max(activeUntilMs, untilMs);
  }
  const late = alarms.filter(({ atMs }) => atMs >= LEARN_MS);
  return {
    activeShare: activeMs / (END_MS - LEARN_MS),
    alarms: late.length,
    alarmsByReason: countReasons(late.map(({ why }) => why)),
    tileS: tileMs / 1000,
    seamCostMs,
  };
}

/** Most frequent first: `[reason, count]`. How often a thing was seen before makes no reason of its own. */
function countReasons(reasons) {
  const counts = new Map();
  for (const reason of reasons.map((text) => text.replace(/, \d+ seen$/, ''))) {
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1]);
}

function sumTrials(results, alarms, kind) {
  const tried = results.filter((result) => result.kind === kind);
  const missed = tried.filter(({ noticedMs }) => noticedMs === Number.POSITIVE_INFINITY);
  const isMasked = ({ atMs, untilMs }) => alarms.some((alarm) => alarm.atMs >= atMs && alarm.atMs <= untilMs);
  return {
    count: tried.length,
    missed: missed.length,
    excuses: countReasons(missed.flatMap(({ excuses }) => excuses)),
    masked: tried.filter(isMasked).length,
  };
}

/** A session has its trials whichever sessions are run beside it. */
function hashOf(name) {
  let hash = 0;
  for (const character of name) hash = (Math.imul(hash, 31) + character.charCodeAt(0)) | 0;
  return hash;
}
