// What counts as activity, protocol by protocol: golden bytes (support/dialogues.ts), at every split; and learned streams.
import { beforeAll, describe, expect, it } from 'vitest';
import { FLAG_ACTIVE, FLAG_CHATTER, FLAG_LOST } from '../../src/core/abi.ts';
import { loadCore, type StreamCore, type StreamHandle } from '../../src/core/stream-core.ts';
import { DEFAULT_STREAM_POLICY } from '../../src/platform/stream-policy.ts';
import { ascii, DIALOGUES, type Dialogue, hex, http2Frame, openDialogue, WHOLE_REQUEST } from './support/dialogues.ts';

let core: StreamCore;

const UEL = hex('1b 252d3132333435 58');

describe('activity of plaintext protocols', () => {
  beforeAll(async () => {
    core = await loadCore({ maxStreams: 8, heapBytes: 256 * 1024 });
  });

  const cases = Object.entries(DIALOGUES).flatMap(([name, dialogue]) => [
    ...Object.entries(dialogue.chatter).map(([message, bytes]) => ({ name, message, bytes, dialogue, counts: false })),
    ...Object.entries(dialogue.input).map(([message, bytes]) => ({ name, message, bytes, dialogue, counts: true })),
  ]);

  it.each(cases)(
    '$name: $message, judged where it lies -> the same verdict, and not a byte of it changed',
    async (each) => {
      const { dialogue, bytes, counts } = each;
      const roomy = await loadCore({ maxStreams: 2, heapBytes: 256 * 1024, reservableBytes: 4096 });
      const memory = roomy.reserve(4096);
      const stream = roomy.openStream(1000, 0);
      const show = (side: 'c' | 's', piece: Uint8Array, now: number) => {
        memory.set(piece, 100);
        const lies = memory.subarray(100, 100 + piece.length);
        const flags = roomy.observe(stream, side === 'c' ? 'client' : 'server', lies, now);
        expect(Buffer.from(lies).equals(piece)).toBe(true);
        return flags;
      };
      for (const [side, piece] of dialogue.opening) show(side, piece, 0);
      expect((show('c', bytes, 10) & FLAG_ACTIVE) !== 0).toBe(counts);
      expect(roomy.verdict(stream).protocol).toBe(dialogue.protocol);
    },
  );

  it.each(cases)('$name: $message, whole and at every split -> counts: $counts', ({ dialogue, bytes, counts }) => {
    for (let split = 0; split < bytes.length; split += 1) {
      const stream = openDialogue(core, dialogue);
      const first = core.observe(stream, 'client', bytes.subarray(0, split), 10);
      const flags = first | core.observe(stream, 'client', bytes.subarray(split), 11);
      expect({ split, counts: (flags & FLAG_ACTIVE) !== 0, lost: (flags & FLAG_LOST) !== 0 }).toEqual({
        split,
        counts,
        lost: false,
      });
      if (!counts) expect(flags & FLAG_CHATTER).toBe(FLAG_CHATTER);
      expect(core.verdict(stream).protocol).toBe(dialogue.protocol);
      // The place is kept: what follows is read as what it is.
      const [chatter, input] = [Object.values(dialogue.chatter)[0], Object.values(dialogue.input)[0]] as [
        Buffer,
        Buffer,
      ];
      expect(core.observe(stream, 'client', chatter, 12) & FLAG_ACTIVE).toBe(0);
      expect(core.observe(stream, 'client', input, 13) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
      core.releaseStream(stream);
    }
  });

  it.each(Object.entries(DIALOGUES))('%s: its opening byte by byte -> told all the same', (_name, dialogue) => {
    const stream = core.openStream(1000, 0);
    for (const [side, bytes] of dialogue.opening) {
      if (side === 's') core.observe(stream, 'server', bytes, 0);
      else for (const byte of bytes) core.observe(stream, 'client', Buffer.of(byte), 0);
    }
    expect(core.verdict(stream)).toMatchObject({ protocol: dialogue.protocol, isLost: false });
    for (const bytes of Object.values(dialogue.chatter))
      expect(core.observe(stream, 'client', bytes, 10) & FLAG_ACTIVE).toBe(0);
    for (const bytes of Object.values(dialogue.input))
      expect(core.observe(stream, 'client', bytes, 11) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
    core.releaseStream(stream);
  });

  it.each([
    ['rfb', hex('2a 00 00 00')],
    ['spice', hex('0000 00000000')],
    ['nbd', hex('deadbeef')],
    ['websocket', hex('81 01 61')],
    ['http2', http2Frame(5, 4, 1, hex('00000002'))],
    ['http2', http2Frame(6, 0, 0, hex('01'))],
    ['http2', http2Frame(9, 4, 1, hex('82'))],
    ['http2', http2Frame(1, WHOLE_REQUEST, 5, hex('80'))],
    ['http2', http2Frame(1, WHOLE_REQUEST, 5, hex('ff00'))],
    ['http2', http2Frame(1, WHOLE_REQUEST, 5, hex('40 01'))],
    ['http2', http2Frame(0, 8, 5, hex('ff 00'))],
  ])('%s: bytes that are none of its messages -> lost, and everything counts from there on', (name, bytes) => {
    const dialogue = DIALOGUES[name] as Dialogue;
    const stream = openDialogue(core, dialogue);
    expect(core.observe(stream, 'client', bytes, 10) & (FLAG_ACTIVE | FLAG_LOST)).toBe(FLAG_ACTIVE | FLAG_LOST);
    const chatter = Object.values(dialogue.chatter)[0] as Buffer;
    expect(core.observe(stream, 'client', chatter, 11) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
    expect(core.verdict(stream)).toMatchObject({ isLost: true, reason: 'lost' });
    core.releaseStream(stream);
  });

  it('iscsi: a digest behind a header that begins like a NOP-Out -> lost at once, not ten megabytes that count for nothing', () => {
    const dialogue = DIALOGUES.iscsi as Dialogue;
    const stream = openDialogue(core, dialogue);
    const command = dialogue.input['a read'] as Buffer;
    core.observe(stream, 'client', Buffer.concat([command, hex('40 80 5a 17')]), 10);
    expect(core.observe(stream, 'client', command, 11) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
    expect(core.observe(stream, 'client', command, 12) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
    expect(core.verdict(stream).isLost).toBe(true);
    core.releaseStream(stream);
  });

  it.each([
    ['a question', ascii('@PJL INFO STATUS\r\n'), false],
    ['a question of a variable', ascii('@PJL DINQUIRE RESOLUTION\r\n'), false],
    ['"@PJL" alone', ascii('@PJL\r\n'), false],
    ['an order', ascii('@PJL SET COPIES=2\r\n'), true],
    ['a job', ascii('@PJL ENTER LANGUAGE=PCL\r\nE(0U Hello'), true],
  ])('print: %s between exit sequences, whole and at every split -> counts: %s', (_name, body, counts) => {
    const bytes = Buffer.concat([UEL, body, UEL]);
    for (let split = 0; split < bytes.length; split += 1) {
      const stream = core.openStream(1000, 0);
      core.observe(stream, 'client', UEL, 0);
      const first = core.observe(stream, 'client', bytes.subarray(0, split), 10);
      const flags = first | core.observe(stream, 'client', bytes.subarray(split), 11);
      expect({ split, counts: (flags & FLAG_ACTIVE) !== 0 }).toEqual({ split, counts });
      core.releaseStream(stream);
    }
  });

  const GET = (path: string) => ascii(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
  const OK = ascii('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');

  it('http: asked again as soon as an answer that was held back is there -> a long poll; another path counts', () => {
    const stream = core.openStream(1000, 0);
    core.observe(stream, 'client', GET('/events?since=1'), 0);
    core.observe(stream, 'server', OK, 23_456);
    expect(core.observe(stream, 'client', GET('/events?since=2'), 23_480) & FLAG_ACTIVE).toBe(0);
    core.observe(stream, 'server', OK, 30_001);
    expect(core.observe(stream, 'client', GET('/orders?since=2'), 30_030) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
    core.releaseStream(stream);
  });

  it.each([
    [10_000, true],
    [30_003, true],
    [10_040, false],
    [7003, false],
  ])('http: the same request again after %s ms -> a poll at once: %s', (gapMs, isPoll) => {
    const stream = core.openStream(1000, 0);
    core.observe(stream, 'client', GET('/status'), 0);
    core.observe(stream, 'server', OK, 1);
    expect(core.observe(stream, 'client', GET('/status'), gapMs) & FLAG_ACTIVE).toBe(isPoll ? 0 : FLAG_ACTIVE);
    core.releaseStream(stream);
  });

  it('http: a page that asks 5 s after each answer, whatever is clicked between -> chatter after the third', () => {
    const stream = core.openStream(1000, 0);
    let now = 0;
    const ask = (path: string, at: number) => {
      const flags = core.observe(stream, 'client', GET(path), at);
      core.observe(stream, 'server', OK, at + 150);
      return flags & FLAG_ACTIVE;
    };
    const polls = [];
    for (let poll = 0; poll < 20; poll += 1, now += 5150) {
      polls.push(ask('/status', now));
      if (poll % 3 !== 0) continue;
      now += 2718;
      expect(ask(`/page/${poll}`, now)).toBe(FLAG_ACTIVE);
    }
    expect(polls.slice(4).every((flag) => flag === 0)).toBe(true);
    core.releaseStream(stream);
  });

  it("rfb: a pointer moved every 60 s and back -> counts, unless periodic input is somebody's jiggler; a key in between counts", () => {
    const move = hex('05 00 0010 0020');
    for (const periodicInput of ['active', 'moves', 'ignore'] as const) {
      const dialogue = DIALOGUES.rfb as Dialogue;
      const stream = core.openStream(1000, 0, { policy: { ...DEFAULT_STREAM_POLICY, periodicInput } });
      for (const [side, bytes] of dialogue.opening) core.observe(stream, side === 'c' ? 'client' : 'server', bytes, 0);
      const flags = [];
      for (let beat = 1; beat <= 12; beat += 1) {
        flags.push(core.observe(stream, 'client', move, beat * 60_000) & FLAG_ACTIVE);
        flags.push(core.observe(stream, 'client', move, beat * 60_000 + 40) & FLAG_ACTIVE);
      }
      expect(flags.slice(8).some((flag) => flag !== 0)).toBe(periodicInput === 'active');
      const key = (dialogue.input as Record<string, Buffer>).KeyEvent as Buffer;
      expect(core.observe(stream, 'client', key, 12 * 60_000 + 23_456) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
      core.releaseStream(stream);
    }
  });

  const JIGGLED = [
    ['rfb', 'a movement', '05 00 0010 0020', false],
    ['rfb', 'a movement with a button held', '05 01 0010 0020', true],
    ['rfb', 'a movement and a key', '05 00 0010 0020 04 01 0000 00000061', true],
    ['rfb', 'a key', '04 01 0000 00000061', true],
    ['rfb', 'an extended key', 'ff 00 0001 00000061 0000001e', true],
    ['spice', 'a movement', '6f00 0a000000 01000000 01000000 0000', false],
    ['spice', 'a position', '7000 0b000000 01000000 01000000 0000 00', false],
    ['spice', 'a movement with a button held', '6f00 0a000000 01000000 01000000 0100', true],
    ['spice', 'a longer movement', '6f00 0b000000 01000000 01000000 0000 00', true],
    ['spice', 'a key down', '6500 04000000 1e000000', true],
    ['rfb in websocket', 'a movement', '82 86 00000000 05 00 0010 0020', false],
    ['rfb in websocket', 'a key', '82 88 00000000 04 01 0000 00000061', true],
  ] as const;

  it.each(JIGGLED)(
    "%s: %s every minute, by default a jiggler's -> counts every time: %s",
    (protocol, _what, bytes, counts) => {
      const dialogue = DIALOGUES[protocol] as Dialogue;
      const stream = core.openStream(1000, 0, { policy: DEFAULT_STREAM_POLICY });
      for (const [side, piece] of dialogue.opening) core.observe(stream, side === 'c' ? 'client' : 'server', piece, 0);
      const flags = [];
      for (let beat = 1; beat <= 10; beat += 1)
        flags.push(core.observe(stream, 'client', hex(bytes), beat * 60_000) & FLAG_ACTIVE);
      expect(flags[0]).toBe(FLAG_ACTIVE);
      expect(flags.slice(2)).toEqual(flags.slice(2).map(() => (counts ? FLAG_ACTIVE : 0)));
      expect(core.verdict(stream).isLost).toBe(false);
      core.releaseStream(stream);
    },
  );

  it('mysql: a stream in the place of another, on the beat of what that one asked -> its first request counts', async () => {
    const single = await loadCore({ maxStreams: 1, heapBytes: 256 * 1024 });
    const ask = (stream: StreamHandle, atMs: number) =>
      single.observe(stream, 'client', hex('09000000 03 53454c4543542031'), atMs) & FLAG_ACTIVE;
    const before = single.openStream(1000, 0, { protocol: 'mysql' });
    const flags = Array.from({ length: 8 }, (_, beat) => ask(before, (beat + 1) * 30_000));
    expect(flags.at(-1)).toBe(0);
    single.releaseStream(before);
    const after = single.openStream(1000, 260_000, { protocol: 'mysql' });
    expect(ask(after, 270_000)).toBe(FLAG_ACTIVE);
  });

  it("rfb: a hand on the mouse while a jiggler runs -> each of its gestures counts, but for what a quarter second's step may be", () => {
    const stream = core.openStream(1000, 0, { policy: DEFAULT_STREAM_POLICY });
    const dialogue = DIALOGUES.rfb as Dialogue;
    for (const [side, piece] of dialogue.opening) core.observe(stream, side === 'c' ? 'client' : 'server', piece, 0);
    const move = hex('05 00 0010 0020');
    for (let beat = 1; beat <= 100; beat += 1) {
      const atMs = beat * 60_000;
      expect(core.observe(stream, 'client', move, atMs) & FLAG_ACTIVE).toBe(beat > 1 ? 0 : FLAG_ACTIVE);
      if (beat < 10) continue;
      const gestureMs = atMs + 300 + ((beat * 7919) % 59_000);
      const counted = [];
      for (let step = 0; step < 30; step += 1)
        counted.push(core.observe(stream, 'client', move, gestureMs + step * 16) & FLAG_ACTIVE);
      expect(counted).not.toContain(0);
    }
    core.releaseStream(stream);
  });

  it.each([
    ['a whole minute', true, [60_000]],
    ['five minutes and 4 ms', true, [300_004]],
    ['a minute and 5 ms', false, [60_005]],
    ['half a minute less 2 ms', true, [29_998]],
    ['half a minute and 3 ms', false, [30_003]],
    ['a minute, after movements at other times', false, [7000, 23_456, 11_111, 9000, 60_000]],
  ])(
    'rfb: a pointer moved again after %s, where periodic input is ignored -> the last one ignored: %s',
    (_what, isIgnored, gaps) => {
      const dialogue = DIALOGUES.rfb as Dialogue;
      const policy = { ...DEFAULT_STREAM_POLICY, periodicInput: 'ignore' } as const;
      const stream = core.openStream(1000, 0, { policy });
      for (const [side, bytes] of dialogue.opening) core.observe(stream, side === 'c' ? 'client' : 'server', bytes, 0);
      let atMs = 13_050;
      let flags = core.observe(stream, 'client', hex('05 00 0010 0020'), atMs);
      for (const gap of gaps) {
        expect(flags & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
        atMs += gap;
        flags = core.observe(stream, 'client', hex('05 00 0010 0020'), atMs);
      }
      expect((flags & FLAG_ACTIVE) === 0).toBe(isIgnored);
      core.releaseStream(stream);
    },
  );

  it('http: a second interval that is a multiple of five seconds to 4 ms, after a first that nearly is one -> a poll', () => {
    const ask = (...times: number[]) => {
      const stream = core.openStream(1000, 0);
      const flags = times.map((atMs) => core.observe(stream, 'client', GET('/status'), atMs) & FLAG_ACTIVE);
      core.releaseStream(stream);
      return flags;
    };
    expect(ask(21, 9994, 19_995)).toEqual([FLAG_ACTIVE, FLAG_ACTIVE, 0]);
    expect(ask(21, 9994, 19_950)).toEqual([FLAG_ACTIVE, FLAG_ACTIVE, FLAG_ACTIVE]);
  });

  it('requests every 10 s, where periodic requests count -> each of them does; a jiggler does as before', () => {
    const policy = { ...DEFAULT_STREAM_POLICY, periodicRequests: 'active' } as const;
    for (const [protocol, request] of [
      ['http', GET('/status')],
      ['mysql', hex('09000000 03 53454c4543542031')],
    ] as const) {
      const counted = (hints: Parameters<StreamCore['openStream']>[2]) => {
        const stream = core.openStream(1000, 0, hints);
        const flags = Array.from({ length: 8 }, (_, beat) => core.observe(stream, 'client', request, beat * 10_000));
        core.releaseStream(stream);
        return flags.map((flag) => (flag & FLAG_ACTIVE) !== 0);
      };
      expect(counted({ protocol, policy })).not.toContain(false);
      expect(counted({ protocol }).slice(4)).not.toContain(true);
    }
  });

  it("rfb: keys every 3 s to the millisecond, where periodic input is a jiggler's -> every key counts", () => {
    const dialogue = DIALOGUES.rfb as Dialogue;
    const stream = core.openStream(1000, 0, { policy: { ...DEFAULT_STREAM_POLICY, periodicInput: 'ignore' } });
    for (const [side, bytes] of dialogue.opening) core.observe(stream, side === 'c' ? 'client' : 'server', bytes, 0);
    const key = (dialogue.input as Record<string, Buffer>).KeyEvent as Buffer;
    for (let beat = 1; beat <= 100; beat += 1)
      expect(core.observe(stream, 'client', key, beat * 3000) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
    core.releaseStream(stream);
  });

  it('nbd: the body of a write, in reads of its own -> counts to its end', () => {
    const stream = openDialogue(core, DIALOGUES.nbd as Dialogue);
    core.observe(stream, 'client', hex('25609513 0000 0001 0000000000000001 0000000000000000 00000020'), 10);
    expect(core.observe(stream, 'client', Buffer.alloc(16), 70_000) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
    expect(core.observe(stream, 'client', Buffer.alloc(16), 140_000) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
    const flush = (DIALOGUES.nbd as Dialogue).chatter.flush as Buffer;
    expect(core.observe(stream, 'client', flush, 150_000) & FLAG_ACTIVE).toBe(0);
    core.releaseStream(stream);
  });

  it('protocol raw -> every client byte counts, whatever it looks like', () => {
    const stream = core.openStream(1000, 0, { protocol: 'raw' });
    expect(core.observe(stream, 'client', hex('ff f1'), 1) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
    core.releaseStream(stream);
  });
});

describe('activity of encrypted streams', () => {
  const VERSION = ascii('SSH-2.0-x\r\n');

  function openSsh(): StreamHandle {
    const stream = core.openStream(60_000, 0);
    core.observe(stream, 'client', VERSION, 0);
    return stream;
  }

  it('ssh: a keepalive every 15 s -> chatter from the third on, with its period in the verdict', () => {
    const stream = openSsh();
    const flags = [];
    for (let beat = 1; beat <= 10; beat += 1)
      flags.push(core.observe(stream, 'client', Buffer.alloc(52), beat * 15_000));
    expect(flags.slice(2).every((bits) => (bits & (FLAG_ACTIVE | FLAG_CHATTER)) === FLAG_CHATTER)).toBe(true);
    expect(core.verdict(stream)).toMatchObject({
      protocol: 'ssh',
      reason: 'timer',
      packetBytes: 52,
      periodTicks: 15_000,
    });
    core.releaseStream(stream);
  });

  it('ssh: a key of the size of a learned keepalive, between two of them -> counts at once', () => {
    const stream = openSsh();
    for (let beat = 1; beat <= 10; beat += 1) core.observe(stream, 'client', Buffer.alloc(52), beat * 15_000);
    expect(core.observe(stream, 'client', Buffer.alloc(52), 157_123) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
    expect(core.observe(stream, 'client', Buffer.alloc(52), 165_000) & FLAG_ACTIVE).toBe(0);
    core.releaseStream(stream);
  });

  it('ssh: typed every 3 s to the millisecond -> every key counts', () => {
    const stream = openSsh();
    for (let key = 1; key <= 200; key += 1) {
      expect(core.observe(stream, 'client', Buffer.alloc(36), key * 3000) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
      core.observe(stream, 'server', Buffer.alloc(36), key * 3000 + 1);
    }
    core.releaseStream(stream);
  });

  it('ssh: typed every 3 s, the first time 3 s after the server spoke by itself -> every key counts, by its echo at the latest', () => {
    const stream = openSsh();
    core.observe(stream, 'client', Buffer.alloc(36), 20_000);
    core.observe(stream, 'server', Buffer.alloc(36), 20_001);
    core.observe(stream, 'server', Buffer.alloc(900), 23_500);
    for (let key = 0; key < 50; key += 1) {
      const atMs = 26_500 + key * 3000;
      const flags = core.observe(stream, 'client', Buffer.alloc(36), atMs);
      expect((flags | core.observe(stream, 'server', Buffer.alloc(36), atMs + 1)) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
    }
    core.releaseStream(stream);
  });

  it('ssh: a key just when a keepalive might come, after the server last spoke in two pieces -> counts with its echo', () => {
    const stream = openSsh();
    core.observe(stream, 'client', Buffer.alloc(52), 14_447);
    core.observe(stream, 'server', Buffer.alloc(900), 28_000);
    core.observe(stream, 'server', Buffer.alloc(900), 28_013);
    expect(core.observe(stream, 'client', Buffer.alloc(36), 29_447) & FLAG_ACTIVE).toBe(0);
    expect(core.observe(stream, 'server', Buffer.alloc(36), 29_459) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
    core.releaseStream(stream);
  });

  it('ssh: typed every 4.5 s, each key echoed as it is -> every key counts, by its echo at the latest', () => {
    const stream = openSsh();
    for (let key = 1; key <= 50; key += 1) {
      const flags = core.observe(stream, 'client', Buffer.alloc(36), key * 4500);
      expect((flags | core.observe(stream, 'server', Buffer.alloc(36), key * 4500 + 1)) & FLAG_ACTIVE).toBe(
        FLAG_ACTIVE,
      );
    }
    core.releaseStream(stream);
  });

  it('ssh: keepalives of 30 s that wait for the next tick of a clock -> chatter; a key of their size just after a tick counts', () => {
    const stream = openSsh();
    const counted = [];
    let flags = 0;
    for (let second = 5; second <= 1200; second += 1) {
      const atMs = second * 1001;
      core.observe(stream, 'server', Buffer.alloc(44), atMs);
      if (second % 30 !== 0 && second !== 1180) continue;
      flags = core.observe(stream, 'client', Buffer.alloc(36), atMs + 20);
      flags |= core.observe(stream, 'server', Buffer.alloc(36), atMs + 21);
      if ((flags & FLAG_ACTIVE) !== 0) counted.push(second);
    }
    expect(counted.filter((second) => second > 300)).toEqual([1180]);
    core.releaseStream(stream);
  });

  it('ssh: a keepalive of 15 s that the server refuses -> the first counts, the second is ignored before its period is known', () => {
    const stream = openSsh();
    const flags = [];
    for (let beat = 1; beat <= 3; beat += 1) {
      flags.push(core.observe(stream, 'client', Buffer.alloc(52), beat * 15_000 - 553));
      core.observe(stream, 'server', Buffer.alloc(28), beat * 15_000 - 552);
    }
    expect(flags.map((bits) => bits & FLAG_ACTIVE)).toEqual([FLAG_ACTIVE, 0, 0]);
    core.releaseStream(stream);
  });

  /** A connection on which the server spoke last at `serverMs`, and nobody typed. */
  function openIdleSsh(serverMs: number): StreamHandle {
    const stream = openSsh();
    core.observe(stream, 'server', Buffer.alloc(60), serverMs);
    return stream;
  }

  it.each([
    [5000, 4635],
    [15_000, 14_010],
    [15_000, 14_999],
    [60_000, 59_588],
    [300_000, 299_400],
  ])(
    'ssh: a first keepalive of %s ms that counts from the whole second, %s ms after the server spoke -> ignored',
    (periodMs, firstMs) => {
      const stream = openIdleSsh(3452);
      for (let beat = 0; beat < 10; beat += 1) {
        const atMs = 3452 + firstMs + beat * periodMs;
        expect(core.observe(stream, 'client', Buffer.alloc(52), atMs) & FLAG_ACTIVE).toBe(0);
        expect(core.observe(stream, 'server', Buffer.alloc(28), atMs + 1) & FLAG_ACTIVE).toBe(0);
      }
      core.releaseStream(stream);
    },
  );

  it.each([
    ['in the middle of a second', 12_500],
    ['more than a minute after the server spoke, at no minute', 74_500],
  ])('ssh: a first packet %s -> counts', (_when, silentMs) => {
    const stream = openIdleSsh(3452);
    expect(core.observe(stream, 'client', Buffer.alloc(52), 3452 + silentMs) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
    core.releaseStream(stream);
  });

  it('ssh: a first key when a first keepalive might come -> counts with its echo, or at once where none can come', () => {
    const echoed = openIdleSsh(3452);
    expect(core.observe(echoed, 'client', Buffer.alloc(36), 17_898) & FLAG_ACTIVE).toBe(0);
    expect(core.observe(echoed, 'server', Buffer.alloc(36), 17_900) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
    core.releaseStream(echoed);
    const held = openIdleSsh(3452);
    expect(core.observe(held, 'held', Buffer.alloc(36), 17_898) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
    core.releaseStream(held);
  });

  it('ssh: another size whenever a first keepalive might come, and no answer -> a few are ignored, and then none', () => {
    const stream = openIdleSsh(3452);
    const flags = [];
    for (let beat = 1; beat <= 40; beat += 1) {
      const atMs = 3452 + beat * 60_000 - 500;
      flags.push(core.observe(stream, 'client', Buffer.alloc(30 + beat), atMs) & FLAG_ACTIVE);
    }
    expect(flags.filter((flag) => flag === 0).length).toBeLessThanOrEqual(3);
    expect(flags.slice(5)).not.toContain(0);
    core.releaseStream(stream);
  });

  it('ssh: a key just when a keepalive might come -> counts with its echo', () => {
    const stream = openSsh();
    core.observe(stream, 'client', Buffer.alloc(52), 14_447);
    core.observe(stream, 'server', Buffer.alloc(28), 14_448);
    expect(core.observe(stream, 'client', Buffer.alloc(36), 29_447) & FLAG_ACTIVE).toBe(0);
    expect(core.observe(stream, 'server', Buffer.alloc(36), 29_449) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
    expect(core.verdict(stream)).toMatchObject({ reason: 'echo', packetBytes: 36 });
    core.releaseStream(stream);
  });

  it('ssh: the same key while its bytes are held, so that no echo can come -> counts at once', () => {
    const stream = openSsh();
    core.observe(stream, 'client', Buffer.alloc(52), 14_447);
    core.observe(stream, 'server', Buffer.alloc(28), 14_448);
    expect(core.observe(stream, 'held', Buffer.alloc(36), 29_447) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
    core.releaseStream(stream);
  });

  it('ssh: a learned keepalive while its bytes are held -> chatter all the while', () => {
    const stream = openSsh();
    for (let beat = 1; beat <= 5; beat += 1) core.observe(stream, 'client', Buffer.alloc(52), beat * 15_000);
    for (let beat = 6; beat <= 40; beat += 1)
      expect(core.observe(stream, 'held', Buffer.alloc(52), beat * 15_000) & FLAG_ACTIVE).toBe(0);
    core.releaseStream(stream);
  });

  it('tls: an answer a round trip after every picture, however often those come -> chatter; one more than usual counts', () => {
    const stream = core.openStream(60_000, 0, { protocol: 'tls' });
    const record = (bytes: number) => Buffer.concat([Buffer.from([23, 3, 3, 0, bytes - 5]), Buffer.alloc(bytes - 5)]);
    let now = 0;
    for (let exchange = 0; exchange < 12; exchange += 1, now += 81) {
      core.observe(stream, 'client', record(30 + exchange), now);
      core.observe(stream, 'server', record(60), now + 1);
    }
    const picture = (from: number, isExtra: boolean) => {
      core.observe(stream, 'server', Buffer.alloc(900 + (from % 97)), from);
      const answer = core.observe(stream, 'client', record(57), from + 80 + (from % 7));
      return isExtra ? core.observe(stream, 'client', record(57), from + 88) : answer;
    };
    for (let frame = 0; frame < 60; frame += 1) picture(now + frame * 150, false);
    const learned = now + 60 * 150;
    for (let frame = 0; frame < 200; frame += 1) expect(picture(learned + frame * 150, false) & FLAG_ACTIVE).toBe(0);
    expect(picture(learned + 200 * 150, true) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
    core.releaseStream(stream);
  });

  it('tls: keys typed among the answers to a clock -> a key among them counts, some seconds after the typing', () => {
    const record = (bytes: number) => Buffer.concat([Buffer.from([23, 3, 3, 0, bytes - 5]), Buffer.alloc(bytes - 5)]);
    for (let quiet = 8; quiet < 24; quiet += 1) {
      const stream = core.openStream(60_000, 0, { protocol: 'tls' });
      let now = 0;
      for (let exchange = 0; exchange < 12; exchange += 1, now += 81) {
        core.observe(stream, 'client', record(30 + exchange), now);
        core.observe(stream, 'server', record(60), now + 1);
      }
      const tick = (packets: number) => {
        now += 1000;
        core.observe(stream, 'server', Buffer.alloc(900 + (now % 97)), now);
        let flags = 0;
        for (let packet = 0; packet < packets; packet += 1)
          flags |= core.observe(stream, 'client', record(57), now + 80 + packet);
        return flags & FLAG_ACTIVE;
      };
      for (let clock = 0; clock < 60; clock += 1) tick(2);
      expect(tick(2)).toBe(0);
      for (let typed = 0; typed < 16; typed += 1) tick(8);
      for (let clock = 0; clock < quiet; clock += 1) expect(tick(2)).toBe(0);
      expect({ quiet, counts: tick(4) }).toEqual({ quiet, counts: FLAG_ACTIVE });
      core.releaseStream(stream);
    }
  });

  it('tls: a packet of a size seen once before -> ignored after whole minutes to 4 ms, or halves to 2, and after nothing else', () => {
    const record = Buffer.concat([Buffer.from([23, 3, 3, 0, 52]), Buffer.alloc(52)]);
    let ignored = 0;
    for (let gap = 90_000; gap < 150_000; gap += 1) {
      const stream = core.openStream(60_000, 0, { protocol: 'tls' });
      core.observe(stream, 'client', record, 1000);
      if ((core.observe(stream, 'client', record, 1000 + gap) & FLAG_ACTIVE) === 0) ignored += 1;
      core.releaseStream(stream);
    }
    // Around 120 s 4 ms either way, around 90 s and 150 s 2 ms, of which half lies without.
    expect(ignored).toBe(9 + 3 + 2);
  });

  it('tls: pictures 60 times a second, each with the same three answers -> no work, however many bytes that makes', () => {
    const stream = core.openStream(60_000, 0, { protocol: 'tls' });
    const answer = Buffer.concat([Buffer.from([23, 3, 3, 0, 95]), Buffer.alloc(95)]);
    core.observe(stream, 'client', answer, 0);
    const counted = [];
    for (let picture = 0; picture < 6000; picture += 1) {
      const atMs = 10_000 + Math.floor((picture * 50) / 3);
      core.observe(stream, 'server', Buffer.alloc(900 + (picture % 97)), atMs);
      for (let part = 0; part < 3; part += 1)
        if ((core.observe(stream, 'client', answer, atMs + 2) & FLAG_ACTIVE) !== 0) counted.push(picture);
    }
    expect(counted.filter((picture) => picture > 1000)).toEqual([]);
    core.releaseStream(stream);
  });

  /** Output of 2 kB a second until it makes `usedBytes`; then a packet of 36 B, a round trip of 20 ms after it. Answers the stream and the flags. */
  function adjustAfter(usedBytes: number, direction: 'client' | 'held' = 'client') {
    const stream = openSsh();
    for (let exchange = 0; exchange < 12; exchange += 1) {
      core.observe(stream, 'server', Buffer.alloc(200), 10 + exchange * 30);
      core.observe(stream, 'client', Buffer.alloc(200 + exchange), 30 + exchange * 30);
    }
    const lines = Math.round((usedBytes - 2400) / 2000);
    for (let line = 1; line <= lines; line += 1) core.observe(stream, 'server', Buffer.alloc(2000), 5000 + line * 1000);
    const atMs = 5020 + lines * 1000;
    return { stream, atMs, flags: core.observe(stream, direction, Buffer.alloc(36), atMs) & FLAG_ACTIVE };
  }

  it.each([
    [46_000, FLAG_ACTIVE],
    [50_000, 0],
    [70_000, 0],
    [80_000, FLAG_ACTIVE],
  ])(
    'ssh: a first packet a round trip after output, %s B since the start -> a first window adjustment or not: %s',
    (bytes, flags) => {
      const adjusted = adjustAfter(bytes);
      expect(adjusted.flags).toBe(flags);
      core.releaseStream(adjusted.stream);
    },
  );

  it('ssh: a key where a first window adjustment would be -> counts with its echo, or at once where none can come', () => {
    const { stream, atMs, flags } = adjustAfter(56_000);
    expect(flags).toBe(0);
    expect(core.observe(stream, 'server', Buffer.alloc(36), atMs + 2) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
    core.releaseStream(stream);
    const held = adjustAfter(56_000, 'held');
    expect(held.flags).toBe(FLAG_ACTIVE);
    core.releaseStream(held.stream);
  });

  /** A client next to its server, which has said nothing for `silentMs`, and then one piece of output. Answers when that was. */
  function speakAfter(stream: StreamHandle, silentMs: number): number {
    for (let exchange = 0; exchange < 12; exchange += 1) {
      core.observe(stream, 'server', Buffer.alloc(200), 10 + exchange * 30);
      core.observe(stream, 'client', Buffer.alloc(200 + exchange), 11 + exchange * 30);
    }
    core.observe(stream, 'server', Buffer.alloc(120), 400 + silentMs);
    return 400 + silentMs;
  }

  it.each([1, 3, 7])(
    'ssh: a first key %s ms after the first output for long, where an answer to that would be -> counts with its echo, whatever its size',
    (delayMs) => {
      for (const echoBytes of [36, 44, 500]) {
        const stream = openSsh();
        const atMs = speakAfter(stream, 30_000) + delayMs;
        expect(core.observe(stream, 'client', Buffer.alloc(36), atMs) & FLAG_ACTIVE).toBe(0);
        expect(core.observe(stream, 'server', Buffer.alloc(echoBytes), atMs + 1) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
        expect(core.verdict(stream)).toMatchObject({ reason: 'echo', packetBytes: 36 });
        core.releaseStream(stream);
      }
    },
  );

  /** The same client amid 56 kB of output, the last of it just before a key. Answers when the key came, which may have been an adjustment. */
  function typeAmidOutput(stream: StreamHandle): number {
    const fromMs = speakAfter(stream, 3000);
    for (let line = 1; line <= 26; line += 1) core.observe(stream, 'server', Buffer.alloc(2000), fromMs + line * 1000);
    const atMs = fromMs + 26_004;
    expect(core.observe(stream, 'client', Buffer.alloc(36), atMs) & FLAG_ACTIVE).toBe(0);
    return atMs;
  }

  it.each([
    ['at once', [[1, 36]]],
    [
      'after more of the output',
      [
        [1, 1460],
        [2, 540],
        [3, 36],
      ],
    ],
    ['in a larger piece, after a pause', [[12, 80]]],
  ])(
    'ssh: a key amid output, where a first window adjustment would be, its echo %s -> counts with that',
    (_how, pieces) => {
      const stream = openSsh();
      const atMs = typeAmidOutput(stream);
      const flags = pieces.map(([ms = 0, bytes = 0]) => core.observe(stream, 'server', Buffer.alloc(bytes), atMs + ms));
      expect(flags.map((bits) => bits & FLAG_ACTIVE)).toEqual([...pieces.slice(1).map(() => 0), FLAG_ACTIVE]);
      core.releaseStream(stream);
    },
  );

  it('ssh: a first window adjustment amid output that goes on -> chatter, and so is what comes of it', () => {
    const stream = openSsh();
    const atMs = typeAmidOutput(stream);
    for (let piece = 1; piece <= 6; piece += 1)
      expect(core.observe(stream, 'server', Buffer.alloc(44 * piece), atMs + piece) & FLAG_ACTIVE).toBe(0);
    core.releaseStream(stream);
  });

  it('ssh: windows adjusted in time, after some of them more of the output at once -> no echo of it', () => {
    const stream = openSsh();
    let usedBytes = 0;
    const counted = [];
    for (let line = 0; line < 4000; line += 1) {
      const atMs = 5000 + line * 20;
      core.observe(stream, 'server', Buffer.alloc(1000), atMs);
      usedBytes += 1000;
      if (usedBytes < 48_000) continue;
      usedBytes = 0;
      let flags = core.observe(stream, 'client', Buffer.alloc(36), atMs + 15);
      if (line % 480 === 47) flags |= core.observe(stream, 'server', Buffer.alloc(60), atMs + 16);
      if ((flags & FLAG_ACTIVE) !== 0) counted.push(atMs);
    }
    expect(counted.filter((atMs) => atMs > 20_000)).toEqual([]);
    core.releaseStream(stream);
  });

  it('tls: another size with every packet, on a period -> every packet counts', () => {
    const stream = core.openStream(60_000, 0, { protocol: 'tls' });
    for (let packet = 1; packet <= 500; packet += 1) {
      const record = Buffer.alloc(25 + ((packet * packet) % 1009));
      record.set([23, 3, 3, (record.length - 5) >> 8, (record.length - 5) & 0xff]);
      expect(core.observe(stream, 'client', record, packet * 5000) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
    }
    core.releaseStream(stream);
  });

  it('any bytes at all, from a seeded source, at random times -> no trap, and unexplained ones never idle', () => {
    let seed = 20_260_101;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    for (let round = 0; round < 300; round += 1) {
      const stream = core.openStream(1000, 0);
      let now = 0;
      let counted = 0;
      for (let chunk = 0; chunk < 40; chunk += 1) {
        now += 1 + random(2000);
        const bytes = Buffer.from(Array.from({ length: 1 + random(60) }, () => random(256)));
        const flags = core.observe(stream, random(4) === 0 ? 'server' : 'client', bytes, now);
        if ((flags & FLAG_ACTIVE) !== 0) counted += 1;
      }
      expect({ seed: 20_260_101, round, counts: counted > 15 }).toEqual({ seed: 20_260_101, round, counts: true });
      core.releaseStream(stream);
    }
  });
});
