// Random frames in random pieces, held and released at random: which pings are answered is told by a model that counts bytes.
import type { Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WebSocketPings } from '../../src/streams/web-socket-pings.ts';
import { drawSeed, randomFrom, runs } from '../core/support/seed.ts';
import { eventually } from '../support/eventually.ts';
import { SocketReader } from './support/socket-reader.ts';
import { StreamRig, VmServer } from './support/stream-rig.ts';
import { ANSWER, bare, FIRST, type Frame, masked, PING, PONG, REQUEST, readFrames } from './support/web-frames.ts';

const SEED = drawSeed('WebSocketPings');

type Draw = ReturnType<typeof randomFrom>;

/** Payloads end in their number, so that no two pings are alike, and hold what looks like the start of one. */
function payload(draw: Draw, number: number, most: number): Buffer {
  const size = draw.below(10) === 0 ? most : draw.below(20);
  return Buffer.concat([Buffer.alloc(Math.max(0, size - 4), PING), Buffer.from(String(number).padStart(4, '0'))]);
}

function clientFrames(draw: Draw, count: number): Buffer[] {
  const mask = () => Buffer.of(draw.below(256), draw.below(256), draw.below(256), draw.below(256));
  return Array.from({ length: count }, (_, number) => {
    if (draw.below(2) === 0) return masked(PING, payload(draw, number, 125), mask());
    const first = Object.values(FIRST)[draw.below(Object.keys(FIRST).length)] as number;
    return masked(first, payload(draw, number, draw.below(16) === 0 ? 66_000 : 200), mask());
  });
}

function serverFrames(draw: Draw, count: number): Buffer[] {
  return Array.from({ length: count }, (_, number) => bare(FIRST.binary, payload(draw, number, 200)));
}

/** A stream of bytes that is read in random pieces, mostly small. */
class Pieces {
  readonly bytes: Buffer;
  readonly #draw: Draw;
  at = 0;

  constructor(bytes: Buffer, draw: Draw) {
    this.bytes = bytes;
    this.#draw = draw;
  }

  next(): Buffer {
    const most = [3, 12, 300, 100_000][this.#draw.below(4)] as number;
    const piece = this.bytes.subarray(this.at, this.at + 1 + this.#draw.below(most));
    this.at += piece.length;
    return Buffer.from(piece);
  }

  get isOver(): boolean {
    return this.at >= this.bytes.length;
  }
}

/** What a stream does with its tracker, without sockets; notes for each byte of the client in which hold it came, and whether a pong would fit. */
class Model {
  readonly pings = new WebSocketPings();
  readonly atVm: Buffer[] = [];
  readonly atClient: Buffer[] = [];
  readonly #held: Buffer[] = [];
  #hold = 0;
  #isHeld = false;
  readonly holdOf: number[] = [];
  readonly fits: boolean[] = [];

  toggle(): void {
    this.#isHeld = !this.#isHeld;
    if (this.#isHeld) this.#hold += 1;
    else this.atVm.push(...this.#held.splice(0), this.pings.takeBegun() ?? Buffer.alloc(0));
  }

  fromClient(chunk: Buffer, takesPongs: boolean, isBetween: boolean): void {
    for (const _ of chunk) {
      this.holdOf.push(this.#isHeld ? this.#hold : 0);
      this.fits.push(takesPongs && isBetween);
    }
    if (this.#isHeld) {
      const { held, pongs } = this.pings.hold(chunk, takesPongs);
      this.#held.push(Buffer.from(held));
      this.atClient.push(pongs);
    } else {
      this.pings.followClient(chunk);
      this.atVm.push(Buffer.from(chunk));
    }
  }

  fromServer(chunk: Buffer): void {
    this.pings.followServer(chunk);
    this.atClient.push(Buffer.from(chunk));
  }

  finish(): void {
    if (this.#isHeld) this.toggle();
  }
}

/** Where one frame ends and the next may begin. */
function boundaries(frames: readonly Buffer[], start: number): Set<number> {
  let at = start;
  return new Set([at, ...frames.map((frame) => (at += frame.length))]);
}

describe('WebSocketPings', () => {
  it('random frames, pieces, holds: any seed -> exactly the pings that came whole in one hold, between two frames of the server, are answered', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 0, max: 60 }), (seed, count) => {
        const draw = randomFrom(seed);
        const [asked, said] = [clientFrames(draw, count), serverFrames(draw, draw.below(20))];
        const model = new Model();
        const client = new Pieces(Buffer.concat([REQUEST, ...asked]), draw);
        const server = new Pieces(Buffer.concat([ANSWER, ...said]), draw);
        const betweenServerFrames = boundaries(said, ANSWER.length);
        model.fromClient(Buffer.from(client.bytes.subarray(0, REQUEST.length)), true, false);
        client.at = REQUEST.length;
        while (server.at < ANSWER.length) model.fromServer(server.next());
        while (!client.isOver || !server.isOver) {
          const act = draw.below(8);
          if (act === 0) model.toggle();
          else if (act < 3 && !server.isOver) model.fromServer(server.next());
          else if (!client.isOver)
            model.fromClient(client.next(), draw.below(5) > 0, betweenServerFrames.has(server.at));
        }
        model.finish();

        let at = REQUEST.length;
        const isAnswered = asked.map((frame) => {
          const [start, end] = [at, at + frame.length - 1];
          at += frame.length;
          const isOfOneHold = model.holdOf[start] !== 0 && model.holdOf[start] === model.holdOf[end];
          return frame[0] === PING && isOfOneHold && model.fits[end] === true;
        });
        const left = asked.filter((_, index) => isAnswered[index] === false);
        expect(Buffer.concat(model.atVm).equals(Buffer.concat([REQUEST, ...left]))).toBe(true);
        const got = readFrames(Buffer.concat(model.atClient).subarray(ANSWER.length), 'server');
        expect(got.restBytes).toBe(0);
        const answered = asked.filter((_, index) => isAnswered[index] === true);
        const wanted = answered.map((frame) => payloadOf(frame).toString('hex'));
        expect(got.frames.filter(isPong).map(payloadText)).toEqual(wanted);
        const rest = got.frames.filter((frame) => !isPong(frame)).map(({ bytes }) => bytes);
        expect(Buffer.concat(rest).equals(Buffer.concat(said))).toBe(true);
        expect(model.pings.isOver).toBe(false);
      }),
      runs(100, SEED),
    );
  }, 120_000);

  it('random bytes from either side, in random pieces: any seed -> the VM gets every byte, and nobody is answered', () => {
    fc.assert(
      fc.property(fc.nat(), fc.uint8Array({ maxLength: 400 }), fc.boolean(), (seed, noise, isUpgraded) => {
        const draw = randomFrom(seed);
        const model = new Model();
        const head = isUpgraded ? REQUEST : Buffer.from('GET /');
        // 0x83 is reserved: from there on nothing is certain.
        const client = new Pieces(Buffer.concat([head, Buffer.of(0x83), noise]), draw);
        const server = new Pieces(Buffer.concat([ANSWER, noise]), draw);
        if (isUpgraded) while (client.at < REQUEST.length) model.fromClient(client.next(), true, true);
        while (!client.isOver || !server.isOver) {
          if (draw.below(5) === 0) model.toggle();
          if (!client.isOver) model.fromClient(client.next(), true, true);
          if (!server.isOver) model.fromServer(server.next());
        }
        model.finish();
        expect(Buffer.concat(model.atVm).equals(client.bytes)).toBe(true);
        expect(Buffer.concat(model.atClient).equals(server.bytes)).toBe(true);
      }),
      runs(100, SEED),
    );
  }, 120_000);

  it('between sockets, with a VM that answers its pings: any seed -> each ping is answered once, every other byte arrives once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (seed) => {
        const draw = randomFrom(seed);
        const game = await Game.start(clientFrames(draw, 40), draw);
        try {
          await game.play();
          await game.expectAll();
        } finally {
          await game.close();
        }
      }),
      runs(10, SEED),
    );
  }, 120_000);
});

/** The VM sends frames in two halves, and its pongs between them only. */
class Game {
  readonly #rig: StreamRig;
  readonly #vm: VmServer;
  readonly #client: Socket;
  readonly #atClient: SocketReader;
  readonly #atVm: SocketReader;
  readonly #server: Socket;
  readonly #frames: readonly Buffer[];
  readonly #draw: Draw;
  #openHalf: Buffer | null = null;
  #answeredPings = 0;
  #said = 0;

  private constructor(rig: StreamRig, vm: VmServer, client: Socket, server: Socket, frames: Buffer[], draw: Draw) {
    [this.#rig, this.#vm, this.#client, this.#server] = [rig, vm, client, server];
    [this.#atClient, this.#atVm] = [new SocketReader(client), new SocketReader(server)];
    [this.#frames, this.#draw] = [frames, draw];
  }

  static async start(frames: Buffer[], draw: Draw): Promise<Game> {
    const vm = await VmServer.start();
    const listeners = [{ protocol: 'websocket', activity: 'learned' } as const];
    const rig = await StreamRig.start({ target: vm.port, listeners, maxCoreStreams: 8 });
    const client = await rig.connect();
    const server = await eventually('the VM to accept', () => vm.sockets[0], { everyMs: 2 });
    const game = new Game(rig, vm, client, server, frames, draw);
    client.write(REQUEST);
    await game.#atVm.until(REQUEST.length);
    server.write(ANSWER);
    await game.#atClient.until(ANSWER.length);
    return game;
  }

  async play(): Promise<void> {
    const pieces = new Pieces(Buffer.concat(this.#frames), this.#draw);
    while (!pieces.isOver) {
      const act = this.#draw.below(8);
      if (act === 0) this.#rig.set.hold();
      else if (act === 1) this.#rig.set.release(null);
      else if (act === 2) this.#speak();
      else await this.#send(pieces.next());
    }
    this.#rig.set.release(null);
    if (this.#openHalf !== null) this.#speak();
  }

  /** Both halves of a frame by turns; behind the second, pongs to what came meanwhile. */
  #speak(): void {
    if (this.#openHalf !== null) {
      this.#server.write(this.#openHalf);
      this.#openHalf = null;
      this.#said += 1;
      this.#pong();
      return;
    }
    const frame = bare(FIRST.text, `line ${this.#said}`);
    const cut = 1 + this.#draw.below(frame.length - 1);
    this.#server.write(frame.subarray(0, cut));
    this.#openHalf = frame.subarray(cut);
  }

  #pong(): void {
    if (this.#openHalf !== null) return;
    const pings = this.#pingsAtVm();
    for (const { payload: each } of pings.slice(this.#answeredPings)) this.#server.write(bare(PONG, each));
    this.#answeredPings = pings.length;
  }

  #pingsAtVm(): Frame[] {
    return readFrames(this.#atVm.received.subarray(REQUEST.length), 'client').frames.filter(
      ({ first }) => first === PING,
    );
  }

  async #send(piece: Buffer): Promise<void> {
    const before = this.#rig.set.streams()[0]?.bytesFromClient ?? 0;
    this.#client.write(piece);
    const isThere = () => this.#rig.set.streams()[0]?.bytesFromClient === before + piece.length;
    await eventually('the piece in Torpor', isThere, { everyMs: 1 });
  }

  async expectAll(): Promise<void> {
    const isPing = (frame: Buffer) => frame[0] === PING;
    const wanted = this.#frames.filter(isPing).map((frame) => payloadOf(frame).toString('hex'));
    const atClient = () => readFrames(this.#atClient.received.subarray(ANSWER.length), 'server');
    await eventually('an answer to each ping', () => {
      this.#pong();
      return atClient().frames.length >= wanted.length + this.#said;
    });
    const { frames, restBytes } = atClient();
    expect([restBytes, frames.length]).toEqual([0, wanted.length + this.#said]);
    expect(frames.filter(isPong).map(payloadText).sort()).toEqual([...wanted].sort());
    const atVm = new Set(this.#pingsAtVm().map(payloadText));
    const left = this.#frames.filter((frame) => !isPing(frame) || atVm.has(payloadOf(frame).toString('hex')));
    await this.#atVm.until(Buffer.concat([REQUEST, ...left]).length);
    expect(this.#atVm.received.equals(Buffer.concat([REQUEST, ...left]))).toBe(true);
  }

  async close(): Promise<void> {
    await this.#rig.close();
    this.#vm.close();
  }
}

function isPong({ first }: Frame): boolean {
  return first === PONG;
}

function payloadText(frame: Frame): string {
  return frame.payload.toString('hex');
}

function payloadOf(clientFrame: Buffer): Buffer {
  return readFrames(clientFrame, 'client').frames[0]?.payload as Buffer;
}
