// Scores one session's activity against its labels. The measures: seconds called idle in spite of activity within the timeout
// (false idle), the share of idle time called active (false active), onsets noticed late, and recall and precision per second.

const TIMEOUT_MS = 60_000;
const SAMPLE_MS = 500;
/** Nearness of the timeout that is no error. */
const GRACE_MS = 1500;
const ONSET_SILENCE_MS = 2000;
const LATE_MS = 1000;

function emptyScore() {
  return { tp: 0, fn: 0, fp: 0, tn: 0, onsets: 0, late: 0, idleS: 0, falseIdleS: 0, falseActiveS: 0 };
}

function addScores(total, score) {
  for (const key of Object.keys(total)) total[key] += score[key];
}

/** The sum of scores. */
export function sumScores(scores) {
  const total = emptyScore();
  for (const score of scores) addScores(total, score);
  return total;
}

/** `labels`: intervals [from, to, kind] and inputs [at, kind]; `times`: when activity was seen. Milliseconds. */
export function scoreSession(labels, times) {
  const spans = labels.intervals.filter((span) => span[2] !== 'setup');
  const start = spans[0][0];
  const end = spans.at(-1)[1];
  const active = times.toSorted((a, b) => a - b);
  const inputs = labels.inputs.map(([at]) => at).sort((a, b) => a - b);
  const work = spans.filter((span) => span[2] === 'work');
  const idle = spans.filter((span) => span[2] === 'idle');
  return {
    ...emptyScore(),
    ...scoreWindows({ start, end, active, inputs, work, idle }),
    ...scoreOnsets(inputs, active),
    ...scoreTimer({ start, end, active, inputs, work }),
  };
}

function scoreWindows({ start, end, active, inputs, work, idle }) {
  const count = Math.trunc((end - start) / 1000);
  const windowOf = (at) => Math.trunc((at - start) / 1000);
  const within = (at) => at >= start && at < end;
  const positive = new Set(inputs.filter(within).map(windowOf));
  for (const [from, to] of work) for (let k = windowOf(from); k <= windowOf(to); k += 1) positive.add(k);
  const detected = new Set(active.filter(within).map(windowOf));
  const score = { tp: 0, fn: 0, fp: 0, tn: 0 };
  for (const k of positive) score[k < count && (detected.has(k) || detected.has(k + 1)) ? 'tp' : 'fn'] += 1;
  for (let k = 0; k < count; k += 1) {
    const from = start + k * 1000;
    const isIdle = idle.some(([a, b]) => a <= from - 300 && from + 1000 <= b);
    if (isIdle && !positive.has(k) && !positive.has(k - 1)) score[detected.has(k) ? 'fp' : 'tn'] += 1;
  }
  return score;
}

function scoreOnsets(inputs, active) {
  const score = { onsets: 0, late: 0 };
  let previous = Number.NEGATIVE_INFINITY;
  for (const at of inputs) {
    if (at - previous > ONSET_SILENCE_MS) {
      score.onsets += 1;
      const next = active.find((seen) => seen >= at - 2) ?? Number.POSITIVE_INFINITY;
      if (next - at > LATE_MS) score.late += 1;
    }
    previous = at;
  }
  return score;
}

/** The idle timer as it would run, sampled. */
function scoreTimer({ start, end, active, inputs, work }) {
  const truth = [start, ...inputs];
  for (const [from, to] of work) for (let at = Math.trunc(from); at < Math.trunc(to); at += 200) truth.push(at);
  truth.sort((a, b) => a - b);
  const seen = [...active, start].sort((a, b) => a - b);
  const score = { idleS: 0, falseIdleS: 0, falseActiveS: 0 };
  let truthIndex = 0;
  let seenIndex = 0;
  for (let at = start; at < end; at += SAMPLE_MS) {
    while (truthIndex + 1 < truth.length && truth[truthIndex + 1] <= at) truthIndex += 1;
    while (seenIndex + 1 < seen.length && seen[seenIndex + 1] <= at) seenIndex += 1;
    const sinceTruth = at - truth[truthIndex];
    const isCalledIdle = at - seen[seenIndex] >= TIMEOUT_MS && seen[seenIndex] <= at;
    const isIdle = sinceTruth >= TIMEOUT_MS;
    if (isIdle) score.idleS += SAMPLE_MS / 1000;
    if (isCalledIdle && !isIdle && sinceTruth < TIMEOUT_MS - GRACE_MS) score.falseIdleS += SAMPLE_MS / 1000;
    if (isIdle && !isCalledIdle) score.falseActiveS += SAMPLE_MS / 1000;
  }
  return score;
}
