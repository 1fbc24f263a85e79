// A clock for tests with real sockets: pauses between two looks are over at once, bounds stay as they are.
import type { Clock } from '../../../src/platform/ports.ts';

const LONGEST_PAUSE_MS = 2_000;

export const hurriedClock: Clock = {
  nowMs: () => performance.timeOrigin + performance.now(),
  schedule: (delayMs, run) => {
    const timer = setTimeout(run, delayMs <= LONGEST_PAUSE_MS ? 1 : delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
