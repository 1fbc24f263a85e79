// The real clock behind the Clock port.
import { performance } from 'node:perf_hooks';
import type { Clock } from './platform/ports.ts';

/** The longest delay that setTimeout takes; longer ones end early, and whoever asked looks at the time again. */
const MAX_DELAY_MS = 2 ** 31 - 1;

const ORIGIN_MS = performance.timeOrigin;

/** Unix milliseconds at the process's start plus steady time since: setting the wall clock does not move it. */
export const systemClock: Clock = {
  nowMs: () => ORIGIN_MS + performance.now(),
  schedule(delayMs, run) {
    const timer = setTimeout(run, Math.min(delayMs, MAX_DELAY_MS));
    timer.unref();
    return () => clearTimeout(timer);
  },
};
