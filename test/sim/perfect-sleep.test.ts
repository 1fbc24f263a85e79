// The perfect controller that the simulation is compared with, on traces small enough to reckon by hand.
import { expect, it } from 'vitest';
import { ActivityTrace, lengthOutside, perfectSleep } from './perfect-sleep.ts';

const RULES = { minAwakeMs: 60, drowsyForMs: 30, suspendMs: 3, resumeMs: 4 };

it('perfectSleep: two spans of activity -> asleep around them, a window and a suspend after each', () => {
  const busy = [
    { fromMs: 1000, toMs: 1300 },
    { fromMs: 1200, toMs: 1400 },
    { fromMs: 1420, toMs: 1500 },
  ];
  expect(perfectSleep(busy, { fromMs: 0, toMs: 2000 }, RULES)).toEqual([
    { fromMs: 93, toMs: 1000 },
    { fromMs: 1533, toMs: 2000 },
  ]);
});

it('perfectSleep: somebody comes and goes at once -> awake for its least time', () => {
  const busy = [{ fromMs: 1000, toMs: 1005 }];
  expect(perfectSleep(busy, { fromMs: 0, toMs: 2000 }, RULES)[1]).toEqual({ fromMs: 1000 + 4 + 60 + 33, toMs: 2000 });
});

it('ActivityTrace: inputs run together, and an end cuts the last span short', () => {
  const trace = new ActivityTrace();
  trace.active(10, 100);
  trace.active(60, 100);
  trace.active(500, 100);
  trace.closed(520, 5);
  expect(trace.spans).toEqual([
    { fromMs: 10, toMs: 160 },
    { fromMs: 500, toMs: 525 },
  ]);
});

it('lengthOutside: what is excluded does not count', () => {
  const spans = [
    { fromMs: 0, toMs: 100 },
    { fromMs: 200, toMs: 300 },
  ];
  expect(lengthOutside(spans, [{ fromMs: 50, toMs: 250 }])).toBe(100);
});
