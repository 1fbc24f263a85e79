// Test projects: unit (Node and npm alone), conformance (other people's programs), live (other people's clients, in real time),
// browser (Chromium), rig (a QEMU platform in real S3).
import { defineConfig } from 'vitest/config';

const CONFORMANCE = 'test/**/*.conformance.test.ts';
const LIVE = 'test/live/**/*.test.ts';
const BROWSER = 'test/**/*.browser.test.ts';
const RIG = 'test/rig/**/*.test.ts';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [CONFORMANCE, LIVE, BROWSER, RIG],
          // Ends what hangs. Properties reckon for seconds, and for many more where a busy machine runs them.
          testTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'conformance',
          include: [CONFORMANCE],
          testTimeout: 180_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'live',
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
          include: [BROWSER],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'rig',
          include: [RIG],
          testTimeout: 600_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
