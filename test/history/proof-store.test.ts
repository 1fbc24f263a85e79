// Proofs on disk: written whole, read back, and refused where what stands there cannot be relied on.
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ProofStore } from '../../src/history/proof-store.ts';
import type { PlatformProof } from '../../src/platform/proof.ts';
import { TempFolder } from '../support/temp-folder.ts';

const PROOF: PlatformProof = {
  platform: 'lab',
  at: '2026-11-29T10:00:00.000Z',
  fingerprint: 'sha256:00',
  path: 'ipmi 10.0.9.11:623',
  sleep: 'S3',
  wokeBy: 'chassis-on',
  wakeAttempts: ['chassis-on: accepted'],
  why: 'woken by chassis-on',
  witnesses: [{ kind: 'acpi', awake: 'S0', asleep: 'S3', differs: true }],
  readableAsleep: true,
  identity: 'same',
  steps: null,
  learned: {
    witness: 'watts',
    watts: { asleepAtMost: 74, awakeAtLeast: 116 },
    suspendTimeoutMs: 9_000,
    wakeTimeoutMs: 12_000,
  },
};

let folder: TempFolder;
let store: ProofStore;
beforeEach(() => {
  folder = new TempFolder('proofs');
  store = new ProofStore(folder.file('state'));
});
afterEach(() => folder.remove());

describe('proof store', () => {
  it('nothing written -> null', async () => {
    expect(await store.read('lab')).toBeNull();
  });

  it('written -> read back, mode 600, no other file left behind; a second one replaces it', async () => {
    await store.write(PROOF);
    expect(await store.read('lab')).toMatchObject(PROOF);
    await store.write({ ...PROOF, wokeBy: null, learned: null, why: 'no method woke it' });
    expect(await store.read('lab')).toMatchObject({ wokeBy: null, learned: null });
    expect(readdirSync(folder.file('state/proofs'))).toEqual(['lab.json']);
    expect(statSync(store.pathOf('lab')).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(store.pathOf('lab'), 'utf8'))).toMatchObject({ form: 1 });
  });

  it.each<[string, unknown]>([
    ['half a file', '{"form":1,'],
    ['a list', []],
    ['another version', { ...PROOF, form: 2 }],
    ['no version', PROOF],
    ['a witness that is none', { ...PROOF, form: 1, learned: { ...PROOF.learned, witness: 'tea leaves' } }],
    ['watts without bounds', { ...PROOF, form: 1, learned: { ...PROOF.learned, watts: null } }],
    [
      'bounds upside down',
      { ...PROOF, form: 1, learned: { ...PROOF.learned, watts: { asleepAtMost: 116, awakeAtLeast: 74 } } },
    ],
    ['woken by nobody, and yet learned from', { ...PROOF, form: 1, wokeBy: null }],
    ['no time-out', { ...PROOF, form: 1, learned: { ...PROOF.learned, wakeTimeoutMs: 0 } }],
  ])('%s -> ERR_PROOF that says what to run', async (_title, content) => {
    mkdirSync(folder.file('state/proofs'), { recursive: true });
    writeFileSync(store.pathOf('lab'), typeof content === 'string' ? content : JSON.stringify(content));
    await expect(store.read('lab')).rejects.toMatchObject({
      code: 'ERR_PROOF',
      message: expect.stringContaining('run torpor check --prove again'),
    });
  });

  it('a folder that cannot be made -> ERR_PROOF', async () => {
    writeFileSync(folder.file('state'), 'a file');
    await expect(store.write(PROOF)).rejects.toMatchObject({ code: 'ERR_PROOF' });
  });
});
