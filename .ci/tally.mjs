// Sums up vitest's JSON reports: names what failed, what was skipped and what passed at its second try only, and ends with the line
// `N passed, N failed`. Exit code 0 only where everything ran and passed. Arguments: the reports' folder, the names expected in it,
// the steps that failed.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder, expected = '', ...failedSteps] = process.argv.slice(2);
/** Second tries that a shared machine may need in all: more of them, and a bound or the code is wrong. */
const MAX_REPEATS = 4;
/** Of what a try said, characters: a process's last lines can be long. */
const SAID_MAX = 600;
const total = { passed: 0, failed: 0, skipped: 0 };
let repeats = 0;
const remarks = [];
const suites = [];

for (const name of expected.split(' ')) {
  const path = join(folder, `${name}.json`);
  if (!existsSync(path)) {
    count('failed', `${name}: the suite did not report`);
    continue;
  }
  const before = { ...total };
  const report = JSON.parse(readFileSync(path, 'utf8'));
  for (const file of report.testResults) {
    for (const test of file.assertionResults) tallyTest(name, test);
    // A file that cannot be loaded has no tests to fail.
    if (file.status === 'failed' && !file.assertionResults.some(({ status }) => status === 'failed'))
      count('failed', `${name}: ${file.name}: ${file.message}`);
  }
  const [passed, failed, skipped] = ['passed', 'failed', 'skipped'].map((key) => total[key] - before[key]);
  if (passed + failed + skipped === 0) count('failed', `${name}: the suite has no tests`);
  if (!report.success && failed === 0) count('failed', `${name}: vitest failed outside of any test`);
  suites.push(`${name}: ${passed} passed, ${failed} failed, ${skipped} skipped`);
}

if (repeats > MAX_REPEATS) count('failed', `${repeats} tests passed at their second try only`);

function tallyTest(suite, { status, fullName, failureMessages = [] }) {
  if (status === 'passed' && failureMessages.length > 0) {
    repeats += 1;
    remarks.push(`passed at the second try: ${suite}: ${fullName}: ${whatItSaid(failureMessages)}`);
  }
  if (status === 'passed') total.passed += 1;
  else if (status === 'failed') count('failed', `${suite}: ${fullName}: ${whatItSaid(failureMessages)}`);
  else count('skipped', `${suite}: ${fullName}`);
}

/** The first message without its stack, on one line. */
function whatItSaid([message = 'nothing was said']) {
  const lines = message.split(/\n\s*at /)[0].split('\n');
  return lines
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join(' | ')
    .slice(0, SAID_MAX);
}

function count(kind, what) {
  total[kind] += 1;
  remarks.push(`${kind}: ${what}`);
}

// A step that failed while every test passed (lint, build) counts as one failure, or the last line would say that all is well.
if (total.failed === 0) total.failed = failedSteps.length;
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
const lines = [...suites, ...remarks, ...failedSteps.map((step) => `failed step: ${step}`)];
lines.push(`${total.passed} passed, ${total.failed} failed${skipped}`);
process.stdout.write(`${lines.join('\n')}\n`);
process.exitCode = total.failed > 0 || total.skipped > 0 ? 1 : 0;
