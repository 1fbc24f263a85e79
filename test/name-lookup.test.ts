// Names looked up: few questions at once, one a name, and the last answer where none comes.
import type { LookupAddress } from 'node:dns';
import { describe, expect, it } from 'vitest';
import { FRESH_MS, NameLookup, PATIENCE_MS, QUESTIONS_MAX } from '../src/name-lookup.ts';
import { FakeClock } from './support/fake-clock.ts';

interface Asked {
  readonly name: string;
  answer(addresses: readonly string[]): void;
  fail(code: string): void;
}

/** A system whose answers the test gives. */
function setUp() {
  const clock = new FakeClock();
  const asked: Asked[] = [];
  const lookup = new NameLookup({
    clock,
    ask: (name, _options, answer) => {
      asked.push({
        name,
        answer: (addresses) =>
          answer(
            null,
            addresses.map((address) => ({ address, family: 4 })),
          ),
        fail: (code) => answer(Object.assign(new Error(code), { code }), []),
      });
    },
  });
  const find = (name: string) => {
    const found: Array<string | undefined> = [];
    lookup.lookup(name, { all: true }, (error, addresses) => {
      const list = addresses as LookupAddress[];
      found.push(error === null ? list.map(({ address }) => address).join() : error.code);
    });
    return found;
  };
  return { clock, asked, lookup, find };
}

describe('names', () => {
  it('many who ask for one name -> one question, one answer each; the next soon after gets it, too', async () => {
    const { clock, asked, find } = setUp();
    const all = Array.from({ length: 100 }, () => find('vm'));
    expect(asked).toHaveLength(1);
    asked[0]?.answer(['10.0.0.1', '10.0.0.2']);
    expect(all).toEqual(new Array(100).fill(['10.0.0.1,10.0.0.2']));
    const soon = find('vm');
    expect(soon).toEqual([]);
    await new Promise(setImmediate);
    expect(soon).toEqual(['10.0.0.1,10.0.0.2']);
    await clock.advance(FRESH_MS);
    find('vm');
    expect(asked).toHaveLength(2);
  });

  it('many names, and a service that answers nobody -> few questions are open; each answer lets the next one ask', () => {
    const { asked, find } = setUp();
    const found = Array.from({ length: 50 }, (_each, index) => find(`vm-${index}`));
    expect(asked.map(({ name }) => name)).toEqual(
      Array.from({ length: QUESTIONS_MAX }, (_each, index) => `vm-${index}`),
    );
    for (let index = 0; index < 50; index += 1) {
      expect(asked).toHaveLength(Math.min(50, index + QUESTIONS_MAX));
      asked[index]?.answer([`10.0.0.${index}`]);
    }
    expect(found).toEqual(Array.from({ length: 50 }, (_each, index) => [`10.0.0.${index}`]));
  });

  it('the service is gone -> the last answer after a moment, or at once where the system says so; nothing where nothing is known', async () => {
    const { clock, asked, find } = setUp();
    find('vm');
    asked[0]?.answer(['10.0.0.1']);
    await clock.advance(60_000);
    const slow = find('vm');
    const stranger = find('other');
    await clock.advance(PATIENCE_MS);
    expect(slow).toEqual(['10.0.0.1']);
    expect(stranger).toEqual([]);
    const refused = find('vm');
    asked[1]?.fail('EAI_AGAIN');
    asked[2]?.fail('EAI_AGAIN');
    expect(refused).toEqual(['10.0.0.1']);
    expect(stranger).toEqual(['EAI_AGAIN']);
    await clock.advance(60_000);
    expect([slow, refused]).toEqual([['10.0.0.1'], ['10.0.0.1']]);
    expect(clock.pending).toBe(0);
  });

  it('a name that is gone, or has another address -> told as it is', async () => {
    const { clock, asked, find } = setUp();
    find('vm');
    asked[0]?.answer(['10.0.0.1']);
    await clock.advance(FRESH_MS);
    const moved = find('vm');
    asked[1]?.answer(['10.0.0.9']);
    await clock.advance(FRESH_MS);
    const gone = find('vm');
    asked[2]?.fail('ENOTFOUND');
    expect([moved, gone]).toEqual([['10.0.0.9'], ['ENOTFOUND']]);
    const after = find('vm');
    asked[3]?.fail('EAI_AGAIN');
    expect(after).toEqual(['EAI_AGAIN']);
  });

  it('one address is asked for, by a socket of datagrams, or by a promise -> the first', async () => {
    const { asked, lookup } = setUp();
    const found: unknown[] = [];
    lookup.lookupOne('vm', 4, (...answer) => found.push(answer));
    lookup.lookup('vm', {}, (...answer) => found.push(answer));
    const first = lookup.first('vm');
    for (const each of asked) each.answer(['10.0.0.1', '10.0.0.2']);
    expect(found).toEqual([
      [null, '10.0.0.1', 4],
      [null, '10.0.0.1', 4],
    ]);
    expect(await first).toEqual({ address: '10.0.0.1', family: 4 });
  });

  it('the system itself -> knows localhost', async () => {
    const lookup = new NameLookup({ clock: new FakeClock() });
    expect(['127.0.0.1', '::1']).toContain((await lookup.first('localhost')).address);
  });
});
