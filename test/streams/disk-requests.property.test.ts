// Requests of disks' clients in flight: whatever the pieces in which bytes come, and against a plain set of what was asked and answered.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DiskRequests } from '../../src/streams/disk/disk-requests.ts';
import { drawSeed, randomFrom, runs } from '../core/support/seed.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { DISK_DIALOGUES, NBD_OPENING, nbdReply, nbdRequest, type Turn } from './support/disk-dialogues.ts';

const SEED = drawSeed('disk requests');
const HOSTILE = Number(process.env.TORPOR_FUZZ_DISKS ?? 2_000);

type Random = ReturnType<typeof randomFrom>;

function make(): DiskRequests {
  return new DiskRequests({ clock: new FakeClock(), onGivenUp: () => {} });
}

/** In pieces of random sizes, small ones mostly. */
function say(requests: DiskRequests, side: 'c' | 's', bytes: Buffer, random: Random): void {
  let at = 0;
  while (at < bytes.length) {
    const end = at + 1 + random.below(random.below(3) === 0 ? 600 : 9);
    requests.read(side === 'c' ? 'client' : 'server', bytes.subarray(at, end));
    at = end;
  }
}

/** What one side says without a word of the other, as one. */
function joinTurns(turns: readonly Turn[]): Turn[] {
  const joined: Turn[] = [];
  for (const [side, bytes, count] of turns) {
    const last = joined.at(-1);
    if (last?.[0] === side) joined[joined.length - 1] = [side, Buffer.concat([last[1], bytes]), count];
    else joined.push([side, bytes, count]);
  }
  return joined;
}

describe('DiskRequests, in pieces', () => {
  it('every dialogue, cut and joined anywhere -> the same counts', () => {
    const cases = fc.tuple(fc.constantFrom(...Object.values(DISK_DIALOGUES)), fc.nat());
    fc.assert(
      fc.property(cases, ([turns, seed]) => {
        const requests = make();
        const random = randomFrom(seed);
        for (const [side, bytes, count] of joinTurns(turns)) {
          say(requests, side, bytes, random);
          expect(requests.inFlight()).toBe(count);
        }
      }),
      runs(300, SEED),
    );
  });

  it('NBD requests and replies in any order -> as many in flight as a set of their cookies has', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const requests = make();
        const random = randomFrom(seed);
        for (const [side, bytes] of NBD_OPENING) say(requests, side, bytes, random);
        const reads = new Map<number, number>();
        for (let cookie = 1; cookie < 40; cookie += 1) {
          const length = 1 + random.below(700);
          const isRead = random.below(2) === 0;
          say(requests, 'c', nbdRequest(isRead ? 0 : 1, cookie, length, isRead ? 0 : length), random);
          reads.set(cookie, isRead ? length : 0);
          while (reads.size > random.below(8)) {
            const [answered, bytes] = [...reads][random.below(reads.size)] as [number, number];
            const isFailed = random.below(5) === 0;
            say(requests, 's', nbdReply(answered, isFailed ? 0 : bytes, isFailed ? 5 : 0), random);
            reads.delete(answered);
            expect(requests.inFlight()).toBe(reads.size);
          }
        }
        expect(requests.speaks).toBe('nbd');
      }),
      runs(100, SEED),
    );
  });

  it(`${HOSTILE} dialogues with a byte that is another -> nothing throws, and the server’s silence never ends a request`, () => {
    const random = randomFrom(SEED);
    const all = Object.values(DISK_DIALOGUES);
    const seen = { bytes: 0, followed: 0 };
    for (let round = 0; round < HOSTILE; round += 1) {
      const requests = make();
      const turns = all[random.below(all.length)] as readonly Turn[];
      const spoiled = random.below(turns.length);
      // A client's own bytes may end what is none of its requests: half an option, or chatter.
      const isServers = turns[spoiled]?.[0] === 's';
      for (const [index, [side, bytes]] of turns.entries()) {
        const copy = Buffer.from(bytes);
        if (index === spoiled) copy[random.below(copy.length)] = random.below(256);
        const before = requests.inFlight();
        say(requests, side, copy, random);
        if (side === 'c' && before > 0 && isServers) expect(requests.inFlight()).toBeGreaterThan(0);
      }
      seen[requests.speaks === 'bytes' ? 'bytes' : 'followed'] += 1;
    }
    expect(Math.min(seen.bytes, seen.followed)).toBeGreaterThan(HOSTILE / 50);
  });
});
