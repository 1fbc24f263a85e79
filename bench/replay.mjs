// Measures idle policies: how fast `replay` plays them, and how good they are on the generated populations.
import { writeFile } from 'node:fs/promises';
import { DEFAULT_COSTS, idleLagMs, toRates } from '../dist/policy/cost-model.js';
import { createPolicy, parsePolicyChoice } from '../dist/policy/create-policy.js';
import { GENERATED_FROM_MS, generateActivity, MONTH_DAYS } from '../dist/policy/generated-activity.js';
import { listIntervals } from '../dist/policy/interval-list.js';
import { POPULATIONS } from '../dist/policy/populations.js';
import { replayPolicy } from '../dist/policy/replay.js';
import { reportReplay } from '../dist/policy/replay-report.js';
import { describeMachine, machineLine } from './machine.mjs';
import { AMOUNT, COUNT, FILE, oneOf, readOptions, someOf, WHOLE } from './options.mjs';

const DAY_MS = 86_400_000;
const YEAR_DAYS = 365;
/** What `learned` is told beside the activity, which is the same for all. */
const SIGNALS = {
  none: {},
  calendars: { calendars: true },
  openings: { openings: true },
  both: { calendars: true, openings: true },
};
const args = readOptions({
  script: 'bench:replay',
  about: 'Measures idle policies: how fast replay plays them, and how good they are on the generated populations.',
  options: {
    only: { kind: oneOf('speed', 'quality'), about: 'one of the two' },
    years: { kind: AMOUNT, default: 2, about: 'speed: of each population' },
    seeds: { kind: COUNT, default: 20, quick: 3, about: 'quality: seeds of each population' },
    first: { kind: WHOLE, default: 1, about: 'quality: the first of these seeds' },
    signals: {
      kind: someOf(...Object.keys(SIGNALS)),
      default: Object.keys(SIGNALS),
      about: 'quality: what learned is told beside the activity',
    },
    quick: { about: 'fewer seeds and rounds' },
    json: { kind: FILE, about: 'where raw results go' },
  },
});
const SEEDS = args.seeds;
const FIRST = args.first;
const RATES = toRates(DEFAULT_COSTS);
const OFFSET = () => 0;
const LAG_MS = idleLagMs(DEFAULT_COSTS);
/** What was asked for: waits at equal sleep, and G, per cent. */
const TARGETS = { office20: [50, 30], office6: [60, 35], lab8: [35, 20], home4: [20, 20] };

const results = { machine: describeMachine(), speed: [], quality: [] };
console.log(machineLine(results.machine));
if (args.only !== 'quality') measureSpeed();
if (args.only !== 'speed') measureQuality();
if (args.json) await writeFile(args.json, `${JSON.stringify(results, null, 2)}\n`);

function measureSpeed() {
  console.log(
    '\nPlatform-years a second of processor time, interval lists cached: median (slowest to fastest) of the rounds',
  );
  for (const name of Object.keys(POPULATIONS)) {
    const days = Math.round(args.years * YEAR_DAYS);
    const list = listIntervals(generateActivity({ population: POPULATIONS[name], seed: 1, days }), DEFAULT_COSTS);
    for (const text of ['fixed', 'break-even', 'randomized', 'learned']) {
      const speeds = speedsOf(list, days / YEAR_DAYS, parsePolicyChoice(text));
      const [median, slowest, fastest] = [speeds[speeds.length >> 1], speeds[0], speeds.at(-1)];
      results.speed.push({ population: name, policy: text, intervals: list.beginMs.length, median, slowest, fastest });
      const round = (speed) => (speed < 100 ? speed.toFixed(1) : speed.toFixed(0));
      console.log(
        `  ${name.padEnd(9)} ${text.padEnd(11)} ${round(median).padStart(7)} (${round(slowest)} to ${round(fastest)})`,
      );
    }
  }
}

/** Processor time of this process, collections of garbage included: what others take of the machine does not count. */
function cpuMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Rounds of at least 50 ms each, sorted. */
function speedsOf(list, years, choice) {
  const speeds = [];
  const play = () =>
    replayPolicy(list, RATES, createPolicy(choice, { costs: DEFAULT_COSTS, offset: OFFSET, seed: 1 }), LAG_MS);
  play();
  for (let round = 0; round < (args.quick ? 5 : 9); round += 1) {
    const startedMs = cpuMs();
    let played = 0;
    do {
      play();
      played += 1;
    } while (cpuMs() - startedMs < 50);
    speeds.push((played * years * 1000) / (cpuMs() - startedMs));
  }
  return speeds.sort((one, other) => one - other);
}

function measureQuality() {
  console.log(
    `\nThe second month of seeds ${FIRST} to ${FIRST + SEEDS - 1}, at ${DEFAULT_COSTS.pricePerWait} a wait; sums over seeds, learned against fixed 10m`,
  );
  const rows = Object.keys(POPULATIONS).flatMap((name) => args.signals.map((signals) => [name, signals]));
  for (const [name, signals] of rows) {
    const seeds = Array.from({ length: SEEDS }, (_, index) => judgeSeed(name, FIRST + index, SIGNALS[signals]));
    const row = { population: name, signals, ...summarize(seeds), target: TARGETS[name] };
    results.quality.push(row);
    console.log(
      `  ${name.padEnd(9)} ${signals.padEnd(9)} waits at equal sleep ${percent(row.waitsAtEqualSleep)} (${TARGETS[name][0]} asked)   G ${percent(row.gain)} (${TARGETS[name][1]} asked), never waking ahead ${percent(row.gainNoWake)}   S ${percent(row.saved)}, fixed ${percent(row.savedFixed)}`,
    );
    console.log(
      `                      fixed ${row.fixedHours.toFixed(2)} h asleep, ${row.fixedWaits.toFixed(2)} waits a day; learned ${row.hours.toFixed(2)} h, ${row.waits.toFixed(2)}; first month: worst seed ${row.worstFirst.toFixed(3)} of fixed 10m; shifted by six hours: mean ${row.meanShifted.toFixed(3)}, worst ${row.worstShifted.toFixed(3)}`,
    );
  }
}

function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}

function judgeSeed(name, seed, signals) {
  const population = POPULATIONS[name];
  const days = 2 * MONTH_DAYS;
  const middleMs = GENERATED_FROM_MS + MONTH_DAYS * DAY_MS;
  const endMs = GENERATED_FROM_MS + days * DAY_MS;
  const policies = [parsePolicyChoice('fixed'), parsePolicyChoice('learned')];
  const judge = (trace, window, curves) =>
    reportReplay(listIntervals(trace, DEFAULT_COSTS), {
      costs: DEFAULT_COSTS,
      offset: OFFSET,
      seed,
      window,
      policies,
      curves,
    });
  const trace = generateActivity({ population, seed, days, ...signals });
  const shift = { shiftFromDay: 1.5 * MONTH_DAYS, shiftHours: 6 };
  const shifted = generateActivity({ population, seed, days, ...shift, ...signals });
  return {
    second: judge(trace, { fromMs: middleMs, toMs: endMs }, true),
    first: ratioOf(judge(trace, { fromMs: GENERATED_FROM_MS, toMs: middleMs }, false)),
    shifted: ratioOf(judge(shifted, { fromMs: middleMs, toMs: endMs }, false)),
  };
}

function ratioOf({ policies: [fixed, learned] }) {
  return learned.cost / fixed.cost;
}

/** Costs and curves summed over seeds, then compared: a seed with few waits does not outweigh the others. */
function summarize(seeds) {
  const mean = (read) => seeds.reduce((sum, seed) => sum + read(seed), 0) / seeds.length;
  const fixed = (seed) => seed.second.policies[0];
  const learned = (seed) => seed.second.policies[1];
  const [fixedCost, cost] = [mean((seed) => fixed(seed).cost), mean((seed) => learned(seed).cost)];
  const [best, bestNoWake] = [mean((seed) => seed.second.optimum.cost), mean((seed) => seed.second.optimumNoWake.cost)];
  const always = mean((seed) => seed.second.alwaysOn.cost);
  const fixedHours = mean((seed) => fixed(seed).asleepHoursPerDay);
  const fixedWaits = mean((seed) => fixed(seed).waits / seed.second.days);
  const curve = learned(seeds[0]).curve.map((_, index) => ({
    x: mean((seed) => learned(seed).curve[index].x),
    y: mean((seed) => learned(seed).curve[index].y),
  }));
  return {
    waitsAtEqualSleep: 1 - valueAt(curve, fixedHours) / fixedWaits,
    gain: (fixedCost - cost) / (fixedCost - best),
    gainNoWake: (fixedCost - cost) / (fixedCost - bestNoWake),
    saved: (always - cost) / (always - best),
    savedFixed: (always - fixedCost) / (always - best),
    fixedHours,
    fixedWaits,
    hours: mean((seed) => learned(seed).asleepHoursPerDay),
    waits: mean((seed) => learned(seed).waits / seed.second.days),
    worstFirst: Math.max(...seeds.map(({ first }) => first)),
    meanShifted: mean(({ shifted }) => shifted),
    worstShifted: Math.max(...seeds.map(({ shifted }) => shifted)),
  };
}

/** y at x on the line through the points. */
function valueAt(points, x) {
  const sorted = [...points].sort((one, other) => one.x - other.x);
  for (let index = 1; index < sorted.length; index += 1) {
    const [left, right] = [sorted[index - 1], sorted[index]];
    if (left.x <= x && x <= right.x) return left.y + ((right.y - left.y) * (x - left.x)) / (right.x - left.x);
  }
  return Number.NaN;
}
