// The verdict of `.ci/run`: what its tally makes of vitest's reports.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { TempFolder } from '../support/temp-folder.ts';

const TALLY = fileURLToPath(new URL('../../.ci/tally.mjs', import.meta.url));

/** A report in the form of vitest's JSON reporter: one file, and the status of each of its tests. */
function report(statuses: readonly string[], fileStatus = 'passed', success = true): object {
  const assertionResults = statuses.map((status, at) => ({
    status,
    fullName: `test ${at}`,
    failureMessages: status === 'failed' ? ['expected 1 to be 2\n    at somewhere'] : [],
  }));
  return {
    success,
    testResults: [{ name: 'a.test.ts', status: fileStatus, message: 'cannot load', assertionResults }],
  };
}

function tally(reports: Readonly<Record<string, object>>, expected: string, failedSteps: readonly string[] = []) {
  using folder = new TempFolder('tally');
  for (const [name, content] of Object.entries(reports))
    writeFileSync(folder.file(`${name}.json`), JSON.stringify(content));
  const { status, stdout } = spawnSync(process.execPath, [TALLY, folder.path, expected, ...failedSteps], {
    encoding: 'utf8',
  });
  return { status, lines: stdout.trimEnd().split('\n'), verdict: stdout.trimEnd().split('\n').at(-1) };
}

describe('tally of the test reports', () => {
  test('tally: all passed in two suites -> their sum, exit code 0', () => {
    const { status, verdict } = tally({ unit: report(['passed', 'passed']), rig: report(['passed']) }, 'unit rig');
    expect(verdict).toBe('3 passed, 0 failed');
    expect(status).toBe(0);
  });

  test.each(['skipped', 'pending', 'todo', 'disabled'])(
    'tally: a test is %s -> named, counted, exit code 1',
    (kind) => {
      const { status, verdict, lines } = tally({ unit: report(['passed', kind]) }, 'unit');
      expect(verdict).toBe('1 passed, 0 failed, 1 skipped');
      expect(lines).toContain('skipped: unit: test 1');
      expect(status).toBe(1);
    },
  );

  test('tally: a test failed -> named, counted, exit code 1', () => {
    const { status, verdict, lines } = tally({ unit: report(['failed', 'passed'], 'failed', false) }, 'unit');
    expect(verdict).toBe('1 passed, 1 failed');
    expect(lines).toContain('failed: unit: test 0: expected 1 to be 2');
    expect(status).toBe(1);
  });

  test.each([
    ['a file that cannot be loaded', { unit: report([], 'failed', false) }],
    ['an error outside of any test', { unit: report(['passed'], 'passed', false) }],
    ['a suite without tests', { unit: report([]) }],
    ['a suite that did not report', {}],
  ])('tally: %s -> one failure, exit code 1', (_what, reports) => {
    const { status, verdict } = tally(reports, 'unit');
    expect(verdict).toMatch(/^[01] passed, 1 failed$/);
    expect(status).toBe(1);
  });

  /** As vitest reports a test that passed at its second try: with what the first one said. */
  function repeated(tests: number): object {
    const assertionResults = Array.from({ length: tests }, (_, at) => ({
      status: 'passed',
      fullName: `test ${at}`,
      failureMessages: ['Error: waited 15000 ms in vain for 4 frames\nit says "connecting"\n    at somewhere'],
    }));
    return { success: true, testResults: [{ name: 'a.test.ts', status: 'passed', message: '', assertionResults }] };
  }

  test('tally: four tests passed at their second try -> named, with what the first said, exit code 0', () => {
    const { status, verdict, lines } = tally({ rig: repeated(4) }, 'rig');
    expect(verdict).toBe('4 passed, 0 failed');
    const said = 'Error: waited 15000 ms in vain for 4 frames | it says "connecting"';
    expect(lines).toContain(`passed at the second try: rig: test 3: ${said}`);
    expect(status).toBe(0);
  });

  test('tally: five did -> a failure, exit code 1', () => {
    const { status, verdict, lines } = tally({ rig: repeated(3), live: repeated(2) }, 'rig live');
    expect(verdict).toBe('5 passed, 1 failed');
    expect(lines).toContain('failed: 5 tests passed at their second try only');
    expect(status).toBe(1);
  });

  test('tally: every test passed and a step failed -> one failure, exit code 1', () => {
    const { status, verdict, lines } = tally({ unit: report(['passed']) }, 'unit', ['lint']);
    expect(verdict).toBe('1 passed, 1 failed');
    expect(lines).toContain('failed step: lint');
    expect(status).toBe(1);
  });
});
