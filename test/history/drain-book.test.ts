// Which platforms are drained, across a restart.
import { mkdirSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { DrainBook } from '../../src/history/drain-book.ts';
import { TempFolder } from '../support/temp-folder.ts';

const folder = new TempFolder('drain');
const told: string[] = [];
const open = (name: string) => DrainBook.open(folder.file(name), (problem) => told.push(problem));

afterEach(() => told.splice(0));

describe('DrainBook', () => {
  it('set, set again and taken back -> what is left is there after a restart', async () => {
    const book = await open('state');
    await Promise.all([book.set('vdi-02', true), book.set('vdi-01', true), book.set('vdi-02', false)]);
    expect([...(await open('state')).drained]).toEqual(['vdi-01']);
    expect(told).toEqual([]);
  });

  it('a file that is damaged -> nobody is drained, and that is told', async () => {
    mkdirSync(folder.file('bad'));
    writeFileSync(folder.file('bad/drained.json'), '{"vdi-01":1}');
    expect([...(await open('bad')).drained]).toEqual([]);
    expect(told.join()).toContain('it is no list of names');
  });

  it('a disk that refuses -> it holds, and whoever asked is told', async () => {
    writeFileSync(folder.file('no-folder'), '');
    const book = await DrainBook.open(folder.file('no-folder'), () => {});
    await expect(book.set('vdi-01', true)).rejects.toMatchObject({ code: 'ERR_JOURNAL' });
    expect([...book.drained]).toEqual(['vdi-01']);
  });
});
