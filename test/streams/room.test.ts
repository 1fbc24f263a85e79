import { describe, expect, it } from 'vitest';
import { sourceOf } from '../../src/streams/client-source.ts';
import { type Occupant, Room } from '../../src/streams/room.ts';

const NOW_MS = 1_700_000_000_000;

class Guest implements Occupant {
  isDormant = true;
  isGone = false;
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }

  makeRoom(): void {
    this.isGone = true;
    this.isDormant = false;
  }
}

function fill(room: Room, sources: readonly string[]): Guest[] {
  for (const source of sources) room.enter(source);
  return sources.map((source) => new Guest(source));
}

describe('sourceOf', () => {
  it('IPv4, mapped, two of one IPv6 network, another network, a zone, nothing -> one source each but for the network', () => {
    const addresses = [
      '10.0.0.1',
      '::ffff:10.0.0.1',
      '2001:db8:0:1::a',
      '2001:db8:0:1:ffff::b',
      '2001:db8:0:2::a',
      'fe80::1%eth0',
      '',
    ];
    expect(addresses.map(sourceOf)).toEqual([
      '10.0.0.1',
      '10.0.0.1',
      '2001:db8:0:1::',
      '2001:db8:0:1::',
      '2001:db8:0:2::',
      'fe80::',
      'unknown',
    ]);
  });
});

describe('Room', () => {
  const bounds = { maxStreams: 4, maxPerSource: 3 };

  it('up to the source’s bound, up to all, after somebody has left -> source-full, full, free', () => {
    const room = new Room();
    fill(room, ['a', 'a', 'a']);
    expect([room.ask('a', bounds, 0), room.ask('b', bounds, 0), room.ask('b', bounds, 1)]).toEqual([
      'source-full',
      'free',
      'full',
    ]);
    room.leave('a');
    expect([room.ask('a', bounds, 0), room.of('a'), room.total]).toEqual(['free', 2, 2]);
  });

  it('full: a newcomer of a source that has less -> the oldest dormant one of the source that has most goes', () => {
    const room = new Room();
    const guests = fill(room, ['b', 'a', 'a', 'a']);
    (guests[1] as Guest).isDormant = false;
    expect(room.makeRoomFor('c', NOW_MS, guests)).toBe(true);
    expect(guests.map(({ isGone }) => isGone)).toEqual([false, false, true, false]);
  });

  it('full: a newcomer that would have as much itself, nobody dormant -> nobody goes', () => {
    const room = new Room();
    const guests = fill(room, ['a', 'a', 'b', 'b']);
    expect(room.makeRoomFor('b', NOW_MS, guests)).toBe(false);
    const busy = new Room();
    const others = fill(busy, ['a', 'a', 'a']);
    for (const guest of others) guest.isDormant = false;
    expect(busy.makeRoomFor('b', NOW_MS, others)).toBe(false);
    expect([...guests, ...others].some(({ isGone }) => isGone)).toBe(false);
  });

  it('a flood at a full listener where nobody can go -> all streams are looked at once a second, not once a newcomer', () => {
    const room = new Room();
    const guests = fill(room, ['a', 'a', 'a']);
    for (const guest of guests) guest.isDormant = false;
    let looks = 0;
    const occupants = {
      *[Symbol.iterator]() {
        looks += 1;
        yield* guests;
      },
    };
    for (let each = 0; each < 1000; each += 1) room.makeRoomFor('b', NOW_MS + each, occupants);
    expect(looks).toBe(1);
    room.makeRoomFor('b', NOW_MS + 1000, occupants);
    expect(looks).toBe(2);
  });

  it('a flood past 64 dormant ones -> one look for as many newcomers', () => {
    const room = new Room();
    const guests = fill(room, Array<string>(200).fill('a'));
    let looks = 0;
    const occupants = {
      *[Symbol.iterator]() {
        looks += 1;
        yield* guests.filter(({ isGone }) => !isGone);
      },
    };
    for (let each = 0; each < 128; each += 1) {
      expect(room.makeRoomFor('b', NOW_MS, occupants)).toBe(true);
      room.leave('a');
    }
    expect([looks, guests.filter(({ isGone }) => isGone).length]).toEqual([2, 128]);
  });
});
