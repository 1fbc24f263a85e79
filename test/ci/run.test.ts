// `.ci/run` itself: each suite that it runs is one whose report is missed, and none of vitest's projects is forgotten.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const RUN = read('.ci/run');
const SCRIPTS: Record<string, string> = JSON.parse(read('package.json')).scripts;
/** Real time for as long as somebody wants: by hand. */
const BY_HAND = ['week'];

function all(pattern: RegExp, text: string): string[] {
  return [...text.matchAll(pattern)].map((match) => match[1] as string);
}

describe('.ci/run', () => {
  test('suites: each that writes a report -> expected to, and none else is', () => {
    const expected = /^EXPECTED_REPORTS=\((.*)\)$/m.exec(RUN)?.[1]?.split(' ') ?? [];
    const written = [...all(/run_suite (\w+) "\$\w+_BOUND" test:/g, RUN), ...all(/^ *report_to ([\w-]+)$/gm, RUN)];
    expect(written.length).toBeGreaterThan(4);
    expect([...expected].sort()).toEqual(written.sort());
  });

  test('suites: each is run under a bound of its own, by a script that there is', () => {
    const bounds = all(/(\w+_BOUND)=\d+m/g, RUN);
    for (const [, name, bound, script] of RUN.matchAll(/run_suite (\w+) "\$(\w+_BOUND)" (test:\w+)/g)) {
      expect(bounds).toContain(bound);
      expect(bound).toBe(`${name?.toUpperCase()}_BOUND`);
      expect(SCRIPTS[script as string]).toBe(`vitest run --project ${name}`);
    }
  });

  test('projects of vitest: each but those by hand -> run', () => {
    const projects = all(/name: '(\w+)'/g, read('vitest.config.ts')).filter((name) => !BY_HAND.includes(name));
    const run = [
      ...all(/run_suite (\w+) /g, RUN),
      ...all(/--project (\w+)/g, RUN),
      ...all(/--project (\w+)/g, SCRIPTS.test ?? ''),
    ];
    expect(run).toEqual(expect.arrayContaining(projects));
  });
});
