// Test projects: unit and e2e (Node and npm alone; e2e: processes in real time), conformance (other people's programs), live (other people's clients, in real time),
// browser (Chromium), rig (a QEMU platform in real S3), farm (several Torpors and NATS servers that die, in real time), week (a week over real
// sockets; by hand: npm run test:week:real).
import { defineConfig } from 'vitest/config';

const CONFORMANCE = 'test/**/*.conformance.test.ts';
const LIVE = 'test/live/**/*.test.ts';
const E2E = 'test/e2e/**/*.test.ts';
/** Faults of BMC, host and network do not hang on Node's version: `.ci/run` plays them once, and everything else on each version (TORPOR_E2E=short). */
const FAULTS = process.env.TORPOR_E2E === 'short' ? ['test/e2e/*-faults.test.ts', 'test/e2e/kill-restart.test.ts'] : [];
const BROWSER = 'test/**/*.browser.test.ts';
const RIG = 'test/rig/**/*.test.ts';
const FARM = 'test/**/*.farm.test.ts';
const WEEK = 'test/**/*.week.test.ts';
/**
 * Where other people's programs and real time rule, a bound that was overrun is tried once more, and `.ci/run` names who needed it.
 * A wrong answer never is.
 */
const ONCE_MORE = { count: 1, condition: /waited \d+ ms in vain|Test timed out|Timeout \d+ms exceeded/ };

export default defineConfig({
  test: {
    // One for each core: by itself Vitest leaves one out, which is half of two.
    maxWorkers: '100%',
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [CONFORMANCE, LIVE, BROWSER, RIG, E2E, FARM, WEEK],
          // Ends what hangs. Properties reckon for seconds, and for many more where a busy machine runs them.
          testTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'e2e',
          retry: ONCE_MORE,
          include: [E2E],
          exclude: [CONFORMANCE, BROWSER, ...FAULTS],
          testTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'conformance',
          retry: ONCE_MORE,
          include: [CONFORMANCE],
          testTimeout: 180_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'live',
          retry: ONCE_MORE,
          include: [LIVE],
          testTimeout: 180_000,
          hookTimeout: 60_000,
          // They wait most of the time; more at once would disturb what is measured by the clock.
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'browser',
          retry: ONCE_MORE,
          include: [BROWSER],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      { test: { name: 'week', include: [WEEK] } },
      {
        test: {
          name: 'farm',
          retry: ONCE_MORE,
          include: [FARM],
          testTimeout: 400_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'rig',
          retry: ONCE_MORE,
          include: [RIG],
          testTimeout: 600_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
