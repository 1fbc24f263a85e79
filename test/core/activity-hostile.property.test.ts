// Streams that want to be taken for idle, or to be dear: whatever is not explained keeps a stream active, whatever was learned before it; and
// no bytes at all bring the core down or reach another stream. Speed is measured by bench:activity.
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { FLAG_ACTIVE, FLAG_CHATTER, FLAG_ENTERED, FLAG_LOST, FLAG_RECOGNISED, FLAG_WORK } from '../../src/core/abi.ts';
import { loadCore, type ProtocolName, type StreamCore, type StreamHandle } from '../../src/core/stream-core.ts';
import { ascii, DIALOGUES, type Dialogue, hex, openDialogue } from './support/dialogues.ts';
import { drawSeed, randomFrom, runs } from './support/seed.ts';
import { tlsRecord } from './support/tls-record.ts';

const seed = drawSeed('hostile streams');
const IDLE_TICKS = 60_000;
const ALL_FLAGS = FLAG_ACTIVE | FLAG_CHATTER | FLAG_ENTERED | FLAG_LOST | FLAG_RECOGNISED | FLAG_WORK;

/** Streams whose content cannot be read: how each starts, and a packet of a size. */
interface Opaque {
  readonly name: string;
  readonly opening: readonly Buffer[];
  readonly hint: ProtocolName;
  /** What is no larger may be a keepalive until its echo tells otherwise; 0 where nothing is echoed. */
  readonly mostEchoedBytes: number;
  /** So many of those are ignored until something is explained by what was learned. */
  readonly mostIgnored: number;
  packet(bytes: number): Buffer;
}

const OPAQUE: readonly Opaque[] = [
  {
    name: 'ssh',
    hint: 'auto',
    opening: [ascii('SSH-2.0-x\r\n')],
    mostEchoedBytes: 160,
    mostIgnored: 2,
    packet: (bytes) => Buffer.alloc(bytes),
  },
  {
    name: 'tls',
    hint: 'tls',
    opening: [tlsRecord(30)],
    mostEchoedBytes: 0,
    mostIgnored: 0,
    packet: (bytes) => tlsRecord(bytes),
  },
  {
    name: 'rdp in tls',
    hint: 'auto',
    // X.224 connection request with a negotiation for TLS, [MS-RDPBCGR] 2.2.1.1; then a handshake record.
    opening: [hex('03 00 0013 0e e0 0000 0000 00 01 00 0800 03000000'), hex('16 0301 0004 01000000')],
    mostEchoedBytes: 0,
    mostIgnored: 0,
    packet: (bytes) => tlsRecord(bytes),
  },
];

/** What a client does with nobody there: on a period, or so long after what the server says on one. */
interface Habit {
  readonly periodMs: number;
  readonly serverBytes: number;
  readonly delayMs: number;
  readonly jitterMs: number;
  readonly packetBytes: number;
}

const habit: fc.Arbitrary<Habit> = fc.record({
  periodMs: fc.integer({ min: 1000, max: 60_000 }),
  serverBytes: fc.constantFrom(0, 0, 36, 100, 1500),
  delayMs: fc.integer({ min: 0, max: 100 }),
  jitterMs: fc.constantFrom(0, 0, 3, 20, 400),
  packetBytes: fc.integer({ min: 20, max: 60 }),
});
const habits = fc.array(habit, { maxLength: 4 });

const untilMs = fc.integer({ min: 1, max: 900_000 });
/** No habit has these. */
const sizeUnseen = fc.integer({ min: 61, max: 1300 });
/** Three gaps are shorter than the idle timeout: after two packets that may be ignored the third comes in time. */
const mostGapMs = fc.integer({ min: 2, max: 19_000 });
/** When floods begin. */
const FLOOD_MS = 300_000;
const FLOOD_PACKETS = 300;
/** Sizes of a flood's packets: none that a habit has, and in 300 packets none twice, as 1301 is a prime. */
const LEAST_FLOOD_BYTES = 61;
const FLOOD_SIZES = 1301;

interface Event {
  readonly atMs: number;
  readonly direction: 'client' | 'server';
  readonly bytes: number;
}

/** All that the habits bring until `untilMs`, in time. */
function live(list: readonly Habit[], untilMs: number, jitterSeed: number): Event[] {
  const random = randomFrom(jitterSeed);
  const events: Event[] = [];
  for (const { periodMs, serverBytes, delayMs, jitterMs, packetBytes } of list) {
    for (let atMs = periodMs; atMs < untilMs; atMs += periodMs) {
      const lateMs = random.below(jitterMs + 1);
      if (serverBytes > 0) events.push({ atMs: atMs + lateMs, direction: 'server', bytes: serverBytes });
      events.push({ atMs: atMs + lateMs + (serverBytes > 0 ? delayMs : 0), direction: 'client', bytes: packetBytes });
    }
  }
  return events.sort((a, b) => a.atMs - b.atMs);
}

/** Packets of sizes never seen, at most `gapMs` apart, and something of the server's after each where it echoes. */
function makeFlood(floodSeed: number, gapMs: number, hasEcho: boolean): Event[] {
  const random = randomFrom(floodSeed);
  const events: Event[] = [];
  let atMs = FLOOD_MS;
  let size = random.below(FLOOD_SIZES);
  const stride = 1 + random.below(FLOOD_SIZES - 1);
  for (let packet = 0; packet < FLOOD_PACKETS; packet += 1) {
    size = (size + stride) % FLOOD_SIZES;
    events.push({ atMs, direction: 'client', bytes: LEAST_FLOOD_BYTES + size });
    if (hasEcho) events.push({ atMs: atMs + random.below(gapMs), direction: 'server', bytes: 20 + random.below(60) });
    atMs += 1 + random.below(gapMs);
  }
  return events.sort((a, b) => a.atMs - b.atMs);
}

let core: StreamCore;
beforeEach(async () => {
  core = await loadCore({ maxStreams: 16, heapBytes: 256 * 1024 });
});

/** Runs `judge` on a stream that has said its opening; the stream is released however that ends. */
function withOpaque({ hint, opening }: Opaque, judge: (stream: StreamHandle) => void): void {
  const stream = core.openStream(IDLE_TICKS, 0, { protocol: hint });
  try {
    for (const bytes of opening) core.observe(stream, 'client', bytes, 0);
    judge(stream);
  } finally {
    core.releaseStream(stream);
  }
}

function feed(stream: StreamHandle, { packet }: Opaque, { atMs, direction, bytes }: Event): number {
  return core.observe(stream, direction, packet(bytes), atMs);
}

/** Moves time on, and notes when the stream went idle. */
function noteIdle(stream: StreamHandle, atMs: number, wentIdle: number[]): void {
  core.advance(atMs, (expired) => {
    if (expired === stream) wentIdle.push(atMs);
  });
}

/**
 * Feeds a flood over its background. `mostIgnored`: of its packets, the most in a row that did not count, by their echoes at the latest, with
 * nothing explained between them; `wentIdle`: when the stream went idle after the first one that counted.
 */
function runFlood(stream: StreamHandle, opaque: Opaque, events: readonly Event[]) {
  const wentIdle: number[] = [];
  let mostIgnored = 0;
  let ignored = 0;
  let hasCounted = false;
  for (const event of events) {
    if (hasCounted) noteIdle(stream, event.atMs, wentIdle);
    const isActive = (feed(stream, opaque, event) & FLAG_ACTIVE) !== 0;
    const isFlood = event.direction === 'client' && event.bytes >= LEAST_FLOOD_BYTES;
    if (isFlood && isActive) hasCounted = true;
    // What follows an ignored packet and counts is its echo; what is a habit's and does not count is explained.
    if (isFlood && !isActive) ignored += 1;
    else if (isFlood || isActive || event.direction === 'client') ignored = 0;
    mostIgnored = Math.max(mostIgnored, ignored);
  }
  return { mostIgnored, wentIdle };
}

describe('what is not explained', () => {
  it.each(OPAQUE)(
    '$name: a packet of a size never seen, after any background -> counts, by its echo at the latest',
    (opaque) => {
      const seen = { active: 0, chatter: 0 };
      fc.assert(
        fc.property(habits, fc.nat(), untilMs, sizeUnseen, (list, jitterSeed, endMs, bytes) => {
          withOpaque(opaque, (stream) => {
            for (const event of live(list, endMs, jitterSeed)) {
              const flags = feed(stream, opaque, event);
              if (event.direction === 'client') seen[(flags & FLAG_ACTIVE) === 0 ? 'chatter' : 'active'] += 1;
            }
            const atMs = endMs + 1000;
            let flags = feed(stream, opaque, { atMs, direction: 'client', bytes });
            if (bytes <= opaque.mostEchoedBytes) {
              flags |= feed(stream, opaque, { atMs: atMs + 2, direction: 'server', bytes });
            }
            expect(flags & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
          });
        }),
        runs(200, seed),
      );
      console.log(`${opaque.name}: packets of the backgrounds: ${seen.active} active, ${seen.chatter} chatter`);
      expect(seen.chatter).toBeGreaterThan(0);
    },
  );

  it.each(OPAQUE)(
    '$name: a packet of a size never seen, while bytes are held -> counts at once, of whatever size',
    (opaque) => {
      fc.assert(
        fc.property(habits, fc.nat(), untilMs, sizeUnseen, (list, jitterSeed, endMs, bytes) => {
          withOpaque(opaque, (stream) => {
            for (const event of live(list, endMs, jitterSeed)) feed(stream, opaque, event);
            const flags = core.observe(stream, 'held', opaque.packet(bytes), endMs + 1000);
            expect(flags & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
          });
        }),
        runs(200, seed),
      );
    },
  );

  it.each(OPAQUE)('$name: a flood of sizes never seen at random times, over any background -> never idle', (opaque) => {
    fc.assert(
      fc.property(habits, fc.nat(), mostGapMs, fc.boolean(), (list, floodSeed, gapMs, hasEcho) => {
        withOpaque(opaque, (stream) => {
          const flood = makeFlood(floodSeed, gapMs, hasEcho);
          const endMs = (flood.at(-1) as Event).atMs;
          const events = [...live(list, endMs, floodSeed), ...flood].sort((a, b) => a.atMs - b.atMs);
          const { mostIgnored, wentIdle } = runFlood(stream, opaque, events);
          // The flood's first packet that counts may end an idle time; after it there is none.
          expect({ mostIgnored: Math.max(mostIgnored, opaque.mostIgnored), wentIdle }).toEqual({
            mostIgnored: opaque.mostIgnored,
            wentIdle: [],
          });
        });
      }),
      runs(100, seed),
    );
  });

  it('ssh: a packet of a size never seen, soon after the server spoke -> counts, though a small one might be an answer', () => {
    withOpaque(OPAQUE[0] as Opaque, (stream) => {
      core.observe(stream, 'server', Buffer.alloc(1500), 10_000);
      expect(core.observe(stream, 'client', Buffer.alloc(835), 10_231) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
      core.observe(stream, 'server', Buffer.alloc(1500), 21_300);
      expect(core.observe(stream, 'client', Buffer.alloc(100), 21_531) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
    });
  });

  it.each(OPAQUE)('$name: more sizes in turn than can be remembered, each on its period -> never idle', (opaque) => {
    withOpaque(opaque, (stream) => {
      const wentIdle: number[] = [];
      for (let packet = 0; packet < 5000; packet += 1) {
        // No round number of seconds: in SSH that alone may be a keepalive's.
        const atMs = (packet + 1) * 4700;
        noteIdle(stream, atMs, wentIdle);
        feed(stream, opaque, { atMs, direction: 'client', bytes: 30 + (packet % 97) });
      }
      expect(wentIdle).toEqual([]);
    });
  });

  it.each(OPAQUE)('$name: single bytes in a flood, at random times -> never idle', (opaque) => {
    withOpaque(opaque, (stream) => {
      const random = randomFrom(seed);
      const record = opaque.packet(22);
      const wentIdle: number[] = [];
      let atMs = 0;
      for (let index = 0; index < 20_000; index += 1) {
        atMs += 1 + random.below(200);
        noteIdle(stream, atMs, wentIdle);
        core.observe(stream, 'client', record.subarray(index % record.length, (index % record.length) + 1), atMs);
      }
      expect({ seed, wentIdle }).toEqual({ seed, wentIdle: [] });
    });
  });

  it('tls: a million empty records in reads of 64 KiB -> the first ones count, and nothing is lost', () => {
    withOpaque(OPAQUE[1] as Opaque, (stream) => {
      const chunk = Buffer.concat(new Array(13_107).fill(tlsRecord(0)));
      let flags = 0;
      for (let index = 0; index < 77; index += 1) flags |= core.observe(stream, 'client', chunk, 10 + index);
      expect(flags & (FLAG_ACTIVE | FLAG_LOST)).toBe(FLAG_ACTIVE);
    });
  });
});

describe('any bytes at all', () => {
  /** Changes a conversation: bytes replaced, left out, doubled, or cut off. */
  function damage(bytes: Buffer, random: ReturnType<typeof randomFrom>): Buffer {
    const damaged = [...bytes];
    for (let change = random.below(4); change >= 0 && damaged.length > 1; change -= 1) {
      const at = random.below(damaged.length);
      const kind = random.below(4);
      if (kind === 0) damaged[at] = random.below(256);
      else if (kind === 1) damaged.splice(at, 1 + random.below(4));
      else if (kind === 2) damaged.splice(at, 0, ...damaged.slice(at, at + 1 + random.below(16)));
      else damaged.length = at;
    }
    return Buffer.from(damaged);
  }

  /** What the neighbour of a fuzzed stream says, again and again. */
  function checkNeighbour(stream: StreamHandle, dialogue: Dialogue, now: number): void {
    const [chatter, input] = [Object.values(dialogue.chatter)[0], Object.values(dialogue.input)[0]] as [Buffer, Buffer];
    expect(core.observe(stream, 'client', chatter, now) & (FLAG_ACTIVE | FLAG_LOST)).toBe(0);
    expect(core.observe(stream, 'client', input, now) & (FLAG_ACTIVE | FLAG_LOST)).toBe(FLAG_ACTIVE);
  }

  it.each(Object.entries(DIALOGUES))(
    '%s: damaged conversations -> known flags only; once lost, everything counts; the neighbour is untouched',
    (name, dialogue) => {
      const random = randomFrom(seed);
      const messages = [...Object.values(dialogue.chatter), ...Object.values(dialogue.input)];
      const neighbour = openDialogue(core, dialogue);
      const count = { streams: 0, chunks: 0, lost: 0, told: 0 };
      for (; count.streams < 600; count.streams += 1) {
        const stream = core.openStream(1000, 0, { family: 1 + random.below(3) });
        const said = [...dialogue.opening, ...messages.map((bytes) => ['c', bytes] as const)];
        let now = 0;
        let isLost = false;
        for (const [side, bytes] of said) {
          const hit = random.below(3) === 0 ? damage(bytes, random) : bytes;
          const cut = random.below(hit.length + 1);
          for (const chunk of [hit.subarray(0, cut), hit.subarray(cut)]) {
            now += random.below(3000);
            const flags = core.observe(stream, side === 'c' ? 'client' : 'server', chunk, now);
            expect(flags & ~ALL_FLAGS).toBe(0);
            if (isLost && side === 'c' && chunk.length > 0) expect(flags & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
            isLost ||= (flags & FLAG_LOST) !== 0;
            count.chunks += 1;
          }
        }
        if (isLost) count.lost += 1;
        if (core.verdict(stream).protocol === dialogue.protocol) count.told += 1;
        core.releaseStream(stream);
        if (count.streams % 100 === 0) checkNeighbour(neighbour, dialogue, now);
      }
      core.releaseStream(neighbour);
      console.log(`${name}: ${JSON.stringify(count)}`);
      expect(count.told).toBeGreaterThan(0);
    },
  );

  it.each<[string, ProtocolName, Buffer, number, Buffer]>([
    ['telnet: a subnegotiation', 'telnet', hex('ff fa 18'), 1025, hex('ff f0')],
    ['irc: a PING', 'irc', ascii('PING :'), 512, ascii('\n')],
  ])(
    '%s that never ends -> is chatter for as long as one may be; from there on each byte counts, until it ends',
    (_name, protocol, start, longest, end) => {
      const stream = core.openStream(1000, 0, { protocol });
      const observe = (bytes: Buffer, atMs: number) =>
        core.observe(stream, 'client', bytes, atMs) & (FLAG_ACTIVE | FLAG_LOST);
      observe(start, 0);
      const quiet = longest - start.length;
      let counted = 0;
      for (let at = 0; at < quiet; at += 1) counted += observe(ascii('x'), 1000 + at);
      expect(counted).toBe(0);
      for (let at = 0; at < 300; at += 1) expect(observe(ascii('x'), 60_000 + at * 20_000)).toBe(FLAG_ACTIVE);
      observe(end, 9_000_000);
      expect(observe(Buffer.concat([start, end]), 9_100_000)).toBe(0);
      core.releaseStream(stream);
    },
  );

  it('irc: a line that comes letter by letter -> each letter counts', () => {
    const stream = core.openStream(1000, 0, { protocol: 'irc' });
    for (const [at, letter] of [...'who is there'].entries())
      expect(core.observe(stream, 'client', ascii(letter), at * 20_000) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
    core.releaseStream(stream);
  });

  it('random bytes under every hint -> no trap, known flags, and a verdict that can be read', () => {
    const random = randomFrom(seed);
    const hints: ProtocolName[] = [
      'raw',
      'auto',
      'ssh',
      'rdp',
      'rfb',
      'spice',
      'telnet',
      'http',
      'websocket',
      'tls',
      'mqtt',
      'irc',
      'nbd',
      'iscsi',
      'print',
      'postgres',
      'mysql',
    ];
    let chunks = 0;
    for (let round = 0; round < 1000; round += 1) {
      const protocol = hints[round % hints.length] as ProtocolName;
      const stream = core.openStream(1000, 0, { protocol, family: 7 });
      let now = 0;
      for (let chunk = 0; chunk < 20; chunk += 1, chunks += 1) {
        now += random.below(20_000);
        // Few values: lengths and kinds that mean something come up more often.
        const most = random.below(2) === 0 ? 256 : 8;
        const bytes = Buffer.from(Array.from({ length: 1 + random.below(80) }, () => random.below(most)));
        const flags = core.observe(stream, random.below(3) === 0 ? 'server' : 'client', bytes, now);
        expect(flags & ~ALL_FLAGS).toBe(0);
        expect(core.verdict(stream).reason).toBeTypeOf('string');
      }
      core.releaseStream(stream);
    }
    console.log(`random bytes: ${chunks} chunks`);
  });
});
