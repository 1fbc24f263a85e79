// Requests of disks' clients in flight, counted from both directions' bytes.
import { describe, expect, it } from 'vitest';
import { DiskRequests } from '../../src/streams/disk/disk-requests.ts';
import { REQUESTS_MAX, UNANSWERED_BOUND_MS } from '../../src/streams/disk/request-table.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { DISK_DIALOGUES, hex, NBD_OPENING, nbdReply, nbdRequest, pdu, type Turn } from './support/disk-dialogues.ts';

function make() {
  const clock = new FakeClock();
  const givenUp: string[] = [];
  const requests = new DiskRequests({ clock, onGivenUp: (why) => givenUp.push(why) });
  const say = (side: 'c' | 's', bytes: Buffer) => requests.read(side === 'c' ? 'client' : 'server', bytes);
  const play = (turns: readonly Turn[]) => {
    for (const [side, bytes] of turns) say(side, bytes);
  };
  return { clock, requests, givenUp, say, play };
}

describe('DiskRequests', () => {
  for (const [name, turns] of Object.entries(DISK_DIALOGUES)) {
    it(`${name} -> each answer takes its request away, and no other`, () => {
      const { requests, say } = make();
      const counts = turns.map(([side, bytes]) => {
        say(side, bytes);
        return requests.inFlight();
      });
      expect(counts).toEqual(turns.map(([, , count]) => count));
      expect(requests.speaks).toBe(name.startsWith('NBD') ? 'nbd' : 'iscsi');
    });

    it(`${name}, byte by byte -> the same after each message, in flight within one`, () => {
      const { requests, say } = make();
      for (const [side, bytes, count] of turns) {
        for (let at = 0; at < bytes.length; at += 1) {
          say(side, bytes.subarray(at, at + 1));
          const isKnown = requests.speaks !== null;
          if (isKnown && at < bytes.length - 1) expect(requests.inFlight()).toBeGreaterThan(0);
        }
        expect(requests.inFlight()).toBe(count);
      }
    });
  }

  it('the answer to the last request, its payload included -> told once, with its last byte', () => {
    const { say, play } = make();
    play([...NBD_OPENING, ['c', nbdRequest(0, 1, 512), 1], ['c', nbdRequest(1, 2, 8, 8), 2]]);
    const read = nbdReply(1, 512);
    expect(say('s', nbdReply(2))).toBe(false);
    expect(say('s', read.subarray(0, 100))).toBe(false);
    expect(say('s', read.subarray(100, -1))).toBe(false);
    expect(say('s', read.subarray(-1))).toBe(true);
  });

  it('no answer -> in flight until the bound, then not, and that is told once', async () => {
    const { clock, requests, givenUp, play } = make();
    play([...NBD_OPENING, ['c', nbdRequest(1, 1, 8, 8), 1]]);
    await clock.advance(UNANSWERED_BOUND_MS - 1);
    expect([requests.inFlight(), givenUp.length]).toEqual([1, 0]);
    await clock.advance(1);
    expect([requests.inFlight(), requests.inFlight(), givenUp.length]).toEqual([0, 0, 1]);
  });

  it('half a request, and no more -> in flight until the bound', async () => {
    const { clock, requests, play } = make();
    play([...NBD_OPENING, ['c', nbdRequest(1, 1, 8, 8).subarray(0, 20), 1]]);
    expect(requests.inFlight()).toBe(1);
    await clock.advance(UNANSWERED_BOUND_MS);
    expect(requests.inFlight()).toBe(0);
  });

  it('a late answer to a read that does not count any more -> its place is kept', async () => {
    const { clock, requests, play } = make();
    play([...NBD_OPENING, ['c', nbdRequest(0, 1, 512), 1]]);
    await clock.advance(UNANSWERED_BOUND_MS);
    play([
      ['s', nbdReply(1, 512), 0],
      ['c', nbdRequest(1, 2, 8, 8), 1],
    ]);
    expect([requests.speaks, requests.inFlight()]).toEqual(['nbd', 1]);
  });

  it('more requests than are kept -> by bytes: in flight until the server says anything', () => {
    const { requests, say, play } = make();
    play(NBD_OPENING);
    for (let cookie = 0; cookie < REQUESTS_MAX; cookie += 1) say('c', nbdRequest(3, cookie, 0));
    expect([requests.speaks, requests.inFlight()]).toEqual(['nbd', REQUESTS_MAX]);
    say('c', nbdRequest(3, REQUESTS_MAX, 0));
    expect([requests.speaks, requests.inFlight()]).toEqual(['bytes', 1]);
    expect(say('s', Buffer.of(0))).toBe(true);
    expect(requests.inFlight()).toBe(0);
  });
});

describe('DiskRequests that cannot follow', () => {
  const LOST: Record<string, readonly Turn[]> = {
    'TLS from the start': [
      ['c', hex('1603010200'), 1],
      ['s', hex('16030300'), 0],
    ],
    'NBD that goes on in TLS': [
      ...NBD_OPENING.slice(0, 2),
      ['c', hex('49484156454f5054 00000005 00000000'), 0],
      ['s', hex('0003e889045565a9 00000005 00000001 00000000'), 0],
      ['c', hex('160301'), 1],
      ['s', hex('160303'), 0],
    ],
    'NBD, an answer nobody asked for': [...NBD_OPENING, ['s', nbdReply(9), 0], ['c', hex('00'), 1]],
    'NBD, no request': [
      ...NBD_OPENING,
      ['c', nbdRequest(3, 1, 0), 1],
      ['c', Buffer.alloc(28), 1],
      ['s', nbdReply(1), 0],
    ],
    'a greeting that is none of NBD': [
      ['s', Buffer.from('SSH-2.0-OpenSSH'), 0],
      ['c', hex('00'), 1],
    ],
    'iSCSI, a digest of another kind': [
      ['c', pdu('43870000', 1, Buffer.from('HeaderDigest=CRC64\0')), 1],
      ['s', pdu('23870000', 1, Buffer.from('HeaderDigest=CRC64\0')), 0],
      ['c', pdu('01a10000', 2), 1],
      ['s', pdu('21800000', 2), 0],
    ],
    'iSCSI, a command is rejected': [
      ['c', pdu('43870000', 1), 1],
      ['s', pdu('23870000', 1), 0],
      ['c', pdu('01a10000', 2, undefined, (header) => header.writeUInt8(0x2a, 32)), 1],
      ['s', pdu('3f800400', 0xffffffff, Buffer.alloc(48)), 1],
      ['s', pdu('20800000', 0xffffffff), 0],
    ],
  };
  for (const [name, turns] of Object.entries(LOST)) {
    it(`${name} -> whatever the client sent last is in flight until the server says anything`, () => {
      const { requests, say } = make();
      const counts = turns.map(([side, bytes]) => {
        say(side, bytes);
        return requests.inFlight();
      });
      expect(counts).toEqual(turns.map(([, , count]) => count));
      expect(requests.speaks).toBe('bytes');
    });
  }
});
