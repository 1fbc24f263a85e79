// The link against hostile peers: both ends of real sessions, whose records are changed, cut, repeated, left out and invented on the way.
// No end throws, hangs or keeps more than its bounds; what came before the first spoilt record came exact, and later ones bring no more
// bytes than they may. Every byte of codec memory comes back.
import { expect, it } from 'vitest';
import { loadCore } from '../../src/core/stream-core.ts';
import { encodeRecord, RECORD_HEADER_BYTES, RECORD_TYPES, RecordReader } from '../../src/link/link-records.ts';
import { FIRST_CREDIT_BYTES, LinkSession, MAX_KEPT_BYTES } from '../../src/link/link-session.ts';
import type { LinkStream, StreamEnd } from '../../src/link/link-stream.ts';
import { drawSeed, randomFrom } from '../core/support/seed.ts';
import { spoil } from '../streams/support/spoil.ts';
import { FakeClock } from '../support/fake-clock.ts';

const SEED = drawSeed('link fuzz');
const RECORDS = 200_000 * Number(process.env.TORPOR_TIMES ?? 1);
const HISTORY_BYTES = 600_000;
const STEPS = 60;
/** One record in so many is spoilt, in sessions that are. */
const SPOILT_ONE_IN = 40;
const HARMLESS = [RECORD_TYPES.ping, RECORD_TYPES.pong, RECORD_TYPES.notice, 9, 10, 11, 12, 13, 14, 15];

const random = randomFrom(SEED);
const { below } = random;
const TEXT = Buffer.from('a line of a log that repeats itself, 12:00:01 ok\n'.repeat(400));

/** A local side: what it was pushed, and what came. */
class End implements StreamEnd {
  readonly sent: Buffer[] = [];
  readonly chunks: Buffer[] = [];
  stream: LinkStream | null = null;
  /** What came before anything was spoilt is compared. */
  exactChunks: number;
  owedBytes = 0;
  isSlow = false;
  isOver = false;

  constructor(isExact: boolean) {
    this.exactChunks = isExact ? Number.POSITIVE_INFINITY : 0;
  }

  onBytes(bytes: Buffer): void {
    if (this.isOver) throw new Error('bytes after the end');
    this.chunks.push(Buffer.from(bytes));
    this.owedBytes += bytes.length;
    if (!this.isSlow) this.take();
    expect(this.owedBytes).toBeLessThanOrEqual(FIRST_CREDIT_BYTES + 65_536);
  }

  take(): void {
    const bytes = this.owedBytes;
    this.owedBytes = 0;
    if (bytes > 0) this.stream?.consumed(bytes);
  }

  onEnd(): void {
    if (this.isOver) throw new Error('an end after the end');
    this.isOver = true;
  }

  onReset(): void {
    this.isOver = true;
  }

  onRoom(): void {}
}

interface Direction {
  readonly to: LinkSession;
  readonly reader: RecordReader;
  readonly waiting: Buffer[];
}

const cores = await Promise.all([loadCore({ maxStreams: 1 }), loadCore({ maxStreams: 1 })]);
const codecs = cores.map((core) =>
  core.openLinkCodec({ encoderLimitBytes: HISTORY_BYTES, decoderLimitBytes: HISTORY_BYTES }),
);

class Battle {
  readonly clock = new FakeClock();
  readonly edges: End[] = [];
  readonly gates = new Map<number, End>();
  readonly edge: LinkSession;
  readonly gate: LinkSession;
  readonly #toGate: Direction;
  readonly #toEdge: Direction;
  readonly #isHostile: boolean;
  isSpoilt = false;
  records = 0;

  constructor(isHostile: boolean) {
    this.#isHostile = isHostile;
    this.edge = this.#make('edge', 0);
    this.gate = this.#make('gate', 1);
    this.#toGate = { to: this.gate, reader: new RecordReader(), waiting: [] };
    this.#toEdge = { to: this.edge, reader: new RecordReader(), waiting: [] };
    this.gate.attach(this.#wire(this.#toEdge), this.edge.greeting(false));
    this.edge.attach(this.#wire(this.#toGate), this.gate.greeting(false));
  }

  #make(role: 'edge' | 'gate', at: number): LinkSession {
    return new LinkSession({
      id: Buffer.alloc(16, 1),
      role,
      codec: codecs[at] as (typeof codecs)[number],
      clock: this.clock,
      defer: (run) => void this.clock.schedule(0, run),
      historyBytes: HISTORY_BYTES,
      compresses: () => true,
      onBroken: () => {},
      accept: (stream, { service }) => {
        if (role === 'edge' || service === 'missing') throw new Error('no such service');
        const end = new End(!this.isSpoilt);
        end.stream = stream;
        this.gates.set(stream.id, end);
        return end;
      },
    });
  }

  #wire({ reader, waiting }: Direction) {
    return {
      write: (bytes: Buffer) =>
        reader.push(Buffer.from(bytes), ({ type, flags, stream, payload }) => {
          waiting.push(encodeRecord(type, stream, payload, flags));
          return true;
        }),
      close: () => {},
    };
  }

  get isOver(): boolean {
    return this.edge.isClosed || this.gate.isClosed;
  }

  async play(): Promise<void> {
    for (let step = 0; step < STEPS && !this.isOver; step += 1) {
      for (let acts = below(6); acts >= 0; acts -= 1) this.#act();
      for (let turn = 0; turn < 3; turn += 1) {
        await Promise.resolve();
        await Promise.resolve();
        // What was put off until all else is done.
        await this.clock.advance(0);
        this.#deliver(this.#toGate);
        this.#deliver(this.#toEdge);
      }
      if (below(8) === 0) await this.clock.advance([0, 1, 30, 4000][below(4)] as number);
    }
  }

  #act(): void {
    const act = below(20);
    if (act === 0 && this.edges.length < 12) this.#open();
    const ends = below(2) === 0 ? this.edges : [...this.gates.values()];
    const end = ends[below(ends.length || 1)];
    if (end === undefined) this.#open();
    else if (act < 14) this.#push(end);
    else if (act === 14) end.stream?.finish();
    else if (act === 15 && below(4) === 0) end.stream?.reset('because');
    else if (act === 16) end.isSlow = true;
    else if (act === 17) {
      end.isSlow = false;
      end.take();
    } else end.stream?.tell({ isActive: below(2) === 0, state: 'asleep' });
  }

  #open(): void {
    const stream = this.edge.open({ service: below(30) === 0 ? 'missing' : 'desktop', client: '192.0.2.1:1' });
    if (stream === null) return;
    const end = new End(!this.isSpoilt);
    end.stream = stream;
    stream.end = end;
    this.edges.push(end);
  }

  #push(end: End): void {
    const bytes = below(12) === 0 ? below(9000) + 1 : below(120) + 1;
    const at = below(TEXT.length - bytes);
    const piece = Buffer.from(TEXT.subarray(at, at + bytes));
    if (below(5) === 0) for (let n = 0; n < bytes; n += 1) piece[n] = below(256);
    if (end.stream === null || end.stream.isOver || end.stream.isEndDue || end.stream.hasSentEnd) return;
    end.sent.push(Buffer.from(piece));
    end.stream.push(piece);
  }

  #deliver(way: Direction): void {
    for (const record of way.waiting.splice(0)) {
      this.#send(way, this.#isHostile && below(SPOILT_ONE_IN) === 0 ? this.#spoil(record) : record);
      while (below(3) === 0) this.#send(way, this.#harmless());
    }
  }

  #send(way: Direction, bytes: Buffer): void {
    this.records += 1;
    if (bytes.length < 2 || below(4) > 0) way.to.receive(Buffer.from(bytes));
    else {
      const at = 1 + below(bytes.length - 1);
      way.to.receive(Buffer.from(bytes.subarray(0, at)));
      way.to.receive(Buffer.from(bytes.subarray(at)));
    }
    for (const codec of codecs) expect(codec.usedBytes).toBeLessThanOrEqual(2 * HISTORY_BYTES);
  }

  /** Nothing that a session of this version minds: what later ones may say. */
  #harmless(): Buffer {
    const type = HARMLESS[below(HARMLESS.length)] as number;
    // Of a notice: of a version that is not this one's.
    const payload = Buffer.alloc(below(40) + 1, 2 + below(250));
    return encodeRecord(type, below(20), payload, below(256));
  }

  #spoil(record: Buffer): Buffer {
    if (!this.isSpoilt) for (const end of [...this.edges, ...this.gates.values()]) end.exactChunks = end.chunks.length;
    this.isSpoilt = true;
    const way = below(6);
    if (way === 0) return Buffer.concat([record, record]);
    if (way === 1) return Buffer.alloc(0);
    if (way === 2) return this.#invented();
    if (way === 3) return Buffer.concat([this.#invented(), record]);
    if (way === 4 && record.length > RECORD_HEADER_BYTES) {
      const at = RECORD_HEADER_BYTES + below(record.length - RECORD_HEADER_BYTES);
      record[at] = below(256);
      return record;
    }
    return spoil(record, below);
  }

  #invented(): Buffer {
    const types = Object.values(RECORD_TYPES);
    const type = below(4) === 0 ? below(256) : (types[below(types.length)] as number);
    const payload = Buffer.from(Array.from({ length: below(60) }, () => below(256)));
    return encodeRecord(type, below(14), payload, below(32));
  }

  /** Direction by direction: a prefix of what was sent, and nothing after the first spoilt record is called exact. */
  async check(): Promise<void> {
    const pairs = this.edges.map((end) => [end, this.gates.get(end.stream?.id ?? 0)] as const);
    for (const [edge, gate] of pairs) {
      if (gate === undefined) continue;
      expectPrefix(edge, gate);
      expectPrefix(gate, edge);
    }
    if (!this.isSpoilt) expect([this.edge.isClosed, this.gate.isClosed]).toEqual([false, false]);
    this.edge.close('over');
    this.gate.close('over');
    await this.clock.advance(0);
    expect(codecs.map(({ usedBytes }) => usedBytes)).toEqual([0, 0]);
    expect(this.clock.pending).toBe(0);
  }
}

function expectPrefix(from: End, to: End): void {
  const exact = to.chunks.slice(0, to.exactChunks);
  const sent = Buffer.concat(from.sent);
  const got = Buffer.concat(exact);
  if (!sent.subarray(0, got.length).equals(got))
    throw new Error(`${got.length} bytes that were not sent (seed ${SEED})`);
}

it('records spoilt and invented on both ways -> an error in words or nothing, within all bounds, and no memory kept', async () => {
  let [records, sessions, spoilt, ended] = [0, 0, 0, 0];
  while (records < RECORDS) {
    const battle = new Battle(below(8) > 0);
    await battle.play();
    if (battle.isSpoilt) spoilt += 1;
    if (battle.isOver) ended += 1;
    await battle.check();
    records += battle.records;
    sessions += 1;
  }
  console.info(
    `link fuzz: ${records} records in ${sessions} sessions, ${spoilt} spoilt, ${ended} ended by it, seed ${SEED}`,
  );
  expect(spoilt).toBeGreaterThan(sessions / 2);
  expect(ended).toBeGreaterThan(sessions / 4);
}, 1_200_000);

it('a peer that acknowledges nothing of what it makes this end answer -> ended at the bound of what is kept for it', async () => {
  const clock = new FakeClock();
  const core = await loadCore({ maxStreams: 1 });
  const gate = new LinkSession({
    id: Buffer.alloc(16, 1),
    role: 'gate',
    codec: core.openLinkCodec({ encoderLimitBytes: HISTORY_BYTES, decoderLimitBytes: HISTORY_BYTES }),
    clock,
    defer: (run) => void clock.schedule(0, run),
    historyBytes: HISTORY_BYTES,
    compresses: () => true,
    onBroken: () => {},
    accept: () => {
      throw new Error('no such service; '.repeat(20));
    },
  });
  gate.attach({ write: () => {}, close: () => {} }, gate.greeting(false));
  const opening = Buffer.of(1, 97, 1, 98);
  let stream = 0;
  while (!gate.isClosed) {
    const many = Array.from({ length: 500 }, () => {
      stream += 1;
      return encodeRecord(RECORD_TYPES.open, stream, opening);
    });
    gate.receive(Buffer.concat(many));
    expect(gate.figures().keptBytes).toBeLessThan(MAX_KEPT_BYTES + 1_000_000);
  }
  expect(stream).toBeGreaterThan(10_000);
});
