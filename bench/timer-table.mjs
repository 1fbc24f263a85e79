// Idle timers by the million: a TimerTable of the core, `setTimeout` with `refresh`, npm `timer-wheel`, and a `Map` of deadlines that is
// searched. What a touch costs, what an expiry costs, how long a million expiries at once keep the loop from anything else.
import { ReschedulingTimerWheel } from 'timer-wheel';
import { TimerTable } from '../dist/core/timer-table.js';
import { randomFrom } from './corpus.mjs';
import { quantile } from './quantile.mjs';

const IDLE_TIMEOUT_MS = 600_000;
/** The host's tick in the run through spread deadlines. */
const TICK_MS = 10;

/** One row per rival: medians of the rounds, and the quickest round, which a machine with others on it disturbs least. */
export async function benchTimerTable({ timers, rounds, seed }) {
  const random = randomFrom(seed);
  const inOrder = Uint32Array.from({ length: timers }, (_, index) => index);
  const shuffled = inOrder.slice();
  for (let at = timers - 1; at > 0; at -= 1) {
    const other = Math.floor(random() * (at + 1));
    [shuffled[at], shuffled[other]] = [shuffled[other], shuffled[at]];
  }
  const delays = Uint32Array.from({ length: timers }, () => Math.floor(random() * IDLE_TIMEOUT_MS));
  const rivals = [await makeTable(timers), makeWheel(timers), makeMap(timers), makeTimeouts(timers)];
  return rivals.map((rival) => {
    const samples = { touch: [], touchShuffled: [], atOnce: [], longestMs: [], spread: [] };
    for (let round = 0; round < (rival.rounds ?? rounds); round += 1) {
      rival.startAll(() => IDLE_TIMEOUT_MS);
      samples.touch.push(perTimer(timers, () => rival.touchAll(inOrder)));
      samples.touchShuffled.push(perTimer(timers, () => rival.touchAll(shuffled)));
      if (rival.expireAll !== undefined) {
        const { nanoseconds, longest, expired } = rival.expireAll(IDLE_TIMEOUT_MS);
        check(rival.name, expired, timers);
        samples.atOnce.push(nanoseconds / timers);
        samples.longestMs.push(longest / 1e6);
      }
      if (rival.expireSpread !== undefined) {
        rival.startAll((timer) => delays[timer]);
        let expired = 0;
        samples.spread.push(perTimer(timers, () => (expired = rival.expireSpread(IDLE_TIMEOUT_MS, TICK_MS))));
        check(rival.name, expired, timers);
      }
    }
    rival.end?.();
    const reduced = Object.entries(samples).map(([name, values]) => [name, summary(values)]);
    return { name: rival.name, timers, bytes: rival.bytes, ...Object.fromEntries(reduced) };
  });
}

function check(name, expired, timers) {
  if (expired !== timers) throw new Error(`${name}: ${expired} of ${timers} timers expired`);
}

const summary = (values) =>
  values.length === 0 ? null : { median: quantile(values, 0.5), best: Math.min(...values), rounds: values.length };

/** Time of this process on the processor: what others take from it in between is not the rival's cost. */
function processorTime(run) {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) * 1000;
}

const perTimer = (timers, run) => processorTime(run) / timers;

async function makeTable(timers) {
  let now = 0;
  let expired = 0;
  const table = await TimerTable.create(timers, now);
  const count = () => {
    expired += 1;
  };
  return {
    name: 'torpor TimerTable',
    bytes: 12,
    startAll: (delayOf) => {
      for (let timer = 0; timer < timers; timer += 1) table.start(timer, now + delayOf(timer), now);
    },
    touchAll: (order) => {
      // The clock is read once per tick, and the deadline with it.
      const deadline = now + IDLE_TIMEOUT_MS;
      for (let index = 0; index < order.length; index += 1) table.touch(order[index], deadline);
    },
    expireAll: (after) => {
      now += after;
      expired = 0;
      let longest = 0;
      const nanoseconds = processorTime(() => {
        do
          longest = Math.max(
            longest,
            processorTime(() => table.advance(now, count)),
          );
        while (table.isPending);
      });
      return { nanoseconds, longest, expired };
    },
    expireSpread: (span, tick) => {
      expired = 0;
      for (const end = now + span; now < end; now += tick) {
        do table.advance(now, count);
        while (table.isPending);
      }
      do table.advance(now, count);
      while (table.isPending);
      return expired;
    },
  };
}

/**
 * Its smallest slot is 1,024 ms wide. It is told of the whole time at once: advanced in ticks of 10 ms, it reported 2,907 of 100,000
 * timers when this was written.
 */
function makeWheel(timers) {
  let now = 0;
  let wheel;
  const items = Array.from({ length: timers }, (_, index) => ({ index }));
  return {
    name: 'timer-wheel 1.0.0',
    rounds: 3,
    startAll: (delayOf) => {
      wheel = new ReschedulingTimerWheel();
      now = 0;
      for (const item of items) wheel.schedule(item, delayOf(item.index));
    },
    touchAll: (order) => {
      for (let index = 0; index < order.length; index += 1) wheel.schedule(items[order[index]], IDLE_TIMEOUT_MS);
    },
    expireAll: (after) => {
      // Its own clock went on while the timers were touched.
      now += after + 60_000;
      let expired = 0;
      let longest = 0;
      const nanoseconds = processorTime(() => {
        longest = processorTime(() => {
          expired = wheel.advance(now).length;
        });
      });
      return { nanoseconds, longest, expired };
    },
  };
}

/** Deadlines by timer; all of them are looked at, once. A run through ticks would look at all of them at each. */
function makeMap(timers) {
  let now = 0;
  const deadlines = new Map();
  return {
    name: 'Map',
    startAll: (delayOf) => {
      for (let timer = 0; timer < timers; timer += 1) deadlines.set(timer, now + delayOf(timer));
    },
    touchAll: (order) => {
      const deadline = now + IDLE_TIMEOUT_MS;
      for (let index = 0; index < order.length; index += 1) deadlines.set(order[index], deadline);
    },
    expireAll: (after) => {
      now += after;
      let expired = 0;
      const search = () => {
        for (const [timer, deadline] of deadlines) {
          if (deadline > now) continue;
          deadlines.delete(timer);
          expired += 1;
        }
      };
      let longest = 0;
      const nanoseconds = processorTime(() => {
        longest = processorTime(search);
      });
      return { nanoseconds, longest, expired };
    },
  };
}

/** Node's own timers cannot be told that time has passed: only their touch is measured. */
function makeTimeouts(timers) {
  const timeouts = [];
  return {
    name: 'setTimeout, refresh',
    rounds: 3,
    startAll: () => {
      while (timeouts.length < timers) timeouts.push(setTimeout(() => {}, IDLE_TIMEOUT_MS));
    },
    touchAll: (order) => {
      for (let index = 0; index < order.length; index += 1) timeouts[order[index]].refresh();
    },
    end: () => {
      for (const timeout of timeouts) clearTimeout(timeout);
    },
  };
}

/** The comparison as lines of text. */
export function formatTimerTable(rows) {
  const cell = (value) => (value === null ? '-' : `${value.median.toFixed(1)} (${value.best.toFixed(1)})`).padStart(16);
  return [
    `${rows[0].timers} timers; nanoseconds of processor time per timer, median of the rounds (best round)`,
    `${'rival'.padEnd(22)}${['touch', 'in any order', 'expiry, at once', 'longest, ms', 'expiry, spread'].map((title) => title.padStart(16)).join('')}`,
    ...rows.map(
      ({ name, touch, touchShuffled, atOnce, longestMs, spread }) =>
        `${name.padEnd(22)}${[touch, touchShuffled, atOnce, longestMs, spread].map(cell).join('')}`,
    ),
    'longest: the longest single call of those that handle all expiries at once, which keeps the loop from anything else',
    'spread: deadlines all over ten minutes, a tick every 10 ms',
  ];
}
