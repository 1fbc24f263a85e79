// `torpor check` on the keys of `link`: what keygen makes is right, and each way in which it can be wrong is told with what to do.
import { chmodSync, copyFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CheckReport } from '../../src/cli/check/check-finding.ts';
import { checkLink } from '../../src/cli/check/check-link.ts';
import { makeLinkKeys } from '../../src/link/link-keys.ts';
import { TempFolder } from '../support/temp-folder.ts';

const DAY_MS = 86_400_000;
const MADE_AT_MS = Date.UTC(2026, 0, 1);
const ROLES = [
  { name: 'gate', role: 'gate' },
  { name: 'office', role: 'edge' },
] as const;

const made = new TempFolder('link-keys');
const others = new TempFolder('link-other-keys');
let folder: TempFolder;

beforeAll(async () => {
  await makeLinkKeys(made.path, ROLES, MADE_AT_MS);
  await makeLinkKeys(others.path, [], MADE_AT_MS);
}, 60_000);
afterAll(() => {
  for (const each of [made, others]) each.remove();
});
beforeEach(() => {
  folder = new TempFolder('check-link');
  for (const file of ['ca.crt', 'gate.crt', 'gate.key', 'office.crt', 'office.key'])
    copyFileSync(made.file(file), folder.file(file));
  return () => folder.remove();
});

async function check(atMs = MADE_AT_MS + DAY_MS, name = 'gate') {
  const report = new CheckReport(null);
  const link = { listen: { host: '127.0.0.1', port: 7443 }, keys: folder.path, name, resumeMs: 60_000 };
  await checkLink(link, atMs, report);
  return report.findings.map(({ outcome, what, todo }) => `${outcome}: ${what.replaceAll(folder.path, '')} → ${todo}`);
}

describe('link keys', () => {
  it('as keygen made them -> ok, and until when; without link nothing is said', async () => {
    expect(await check()).toEqual(['ok: one pair, signed by their authority, valid until 2035-12-30 → null']);
    const report = new CheckReport(null);
    await checkLink(null, MADE_AT_MS, report);
    expect(report.findings).toEqual([]);
  });

  it.each<[string, () => unknown, RegExp]>([
    [
      'one that is not there',
      () => rmSync(folder.file('gate.key')),
      /^failed: \/gate\.key cannot be read: torpor link keygen/,
    ],
    [
      'one that is no PEM',
      () => writeFileSync(folder.file('ca.crt'), 'x'),
      /^failed: \/ca\.crt cannot be read: it has to be PEM/,
    ],
    [
      'a key that is no PEM',
      () => writeFileSync(folder.file('gate.key'), 'x'),
      /^failed: \/gate\.key cannot be read: it has to be PEM/,
    ],
    [
      "another's key",
      () => copyFileSync(made.file('office.key'), folder.file('gate.key')),
      /^failed: \/gate\.key is not the key of \/gate\.crt → make them anew/,
    ],
    [
      'another authority',
      () => copyFileSync(others.file('ca.crt'), folder.file('ca.crt')),
      /^failed: \/gate\.crt is not signed by \/ca\.crt: no edge would take it → make them anew/,
    ],
  ])('%s -> failed, and which it is', async (_, spoil, expected) => {
    spoil();
    expect(await check()).toEqual([expect.stringMatching(expected)]);
  });

  it("an edge's keys at the gate -> failed", async () => {
    expect(await check(MADE_AT_MS, 'office')).toEqual([
      expect.stringMatching(/^failed: \/office\.crt is an edge's, not a gate's/),
    ]);
  });

  it('before their time, after it, and shortly before its end -> failed, failed, a warning with the days left', async () => {
    const endMs = MADE_AT_MS + 3650 * DAY_MS;
    expect(await check(MADE_AT_MS - 2 * DAY_MS)).toEqual([
      expect.stringMatching(/^failed: \/ca\.crt is valid from 2025-12-31 only → make them anew/),
    ]);
    expect(await check(endMs + 1000)).toEqual([expect.stringMatching(/^failed: \/ca\.crt has expired on 2035-12-30/)]);
    expect(await check(endMs - 29.5 * DAY_MS)).toEqual([
      'warning: they expire on 2035-12-30, in 29 days → replace them, and those of the edges',
    ]);
  });

  it('a key that others can read -> a warning, and how to change it', async () => {
    chmodSync(folder.file('gate.key'), 0o644);
    expect((await check())[0]).toBe(
      `warning: /gate.key can be read by others than its owner → chmod 600 ${folder.file('gate.key')}`,
    );
  });
});
