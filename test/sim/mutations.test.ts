// The texts by which guards are taken out of the shipped code: each stands there once, so that a change of the code does not leave its mutation behind.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

interface Mutation {
  readonly changes: readonly { readonly file: string; readonly from: string }[];
}

const { MUTATIONS } = await import(new URL('./mutations.mjs', import.meta.url).href);

describe('simulation: what is taken out', () => {
  it.each(Object.entries<Mutation>(MUTATIONS))('%s -> its texts stand in the code once each', (_name, { changes }) => {
    for (const { file, from } of changes) {
      const text = readFileSync(new URL(`../../src/${file}`, import.meta.url), 'utf8');
      expect([file, text.split(from).length - 1]).toEqual([file, 1]);
    }
  });
});
