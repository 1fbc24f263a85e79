// Random clients and a random gate: whatever happens, a VM receives exactly what its client sent.
import type { Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawSeed, runs } from '../core/support/seed.ts';
import { eventually } from '../support/eventually.ts';
import { noise, SocketReader } from './support/socket-reader.ts';
import { StreamRig, VmServer } from './support/stream-rig.ts';

const SEED = drawSeed('StreamSet');

type Act =
  | { readonly kind: 'write'; readonly bytes: Buffer }
  | { readonly kind: 'answer'; readonly bytes: Buffer }
  | { readonly kind: 'hold' | 'release' | 'pauseVm' | 'resumeVm' | 'wait' };

const bytes = fc.oneof(
  fc.integer({ min: 1, max: 20 }).map((count) => noise(count, count)),
  fc.tuple(fc.integer({ min: 1, max: 300_000 }), fc.nat()).map(([count, seed]) => noise(count, seed)),
  fc.integer({ min: 1, max: 300_000 }).map((count) => Buffer.alloc(count, 'redraw, ')),
);
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 5, arbitrary: bytes.map((each) => ({ kind: 'write' as const, bytes: each })) },
  { weight: 1, arbitrary: bytes.map((each) => ({ kind: 'answer' as const, bytes: each })) },
  {
    weight: 6,
    arbitrary: fc
      .constantFrom('hold' as const, 'release' as const, 'pauseVm' as const, 'resumeVm' as const, 'wait' as const)
      .map((kind) => ({ kind })),
  },
);

describe('StreamSet', () => {
  async function play(initiallyHeld: boolean, acts: readonly Act[], ending: 'fin' | 'rst'): Promise<void> {
    const game = await Game.start(initiallyHeld);
    try {
      for (const each of acts) await game.act(each);
      await game.finish(ending, acts.length % 2 === 0);
      if (game.sent.length > 0) await game.expectDelivered(ending);
      await eventually('the close', () => game.endAtVm().rig.seen.of('closed').length === 1, { everyMs: 2 });
      expect(game.rig.set.heldBytes()).toEqual({ heldBytes: 0, heldStoredBytes: 0 });
    } finally {
      await game.close();
    }
  }

  it('random chunks, holds, releases, a VM that pauses, and an end: any seed -> every byte once, in order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.array(act, { maxLength: 25 }), fc.constantFrom('fin', 'rst'), play),
      runs(60, SEED),
    );
  }, 120_000);
});

/** One client, one VM, and both ends' view of what passed between them. */
class Game {
  readonly vm: VmServer;
  readonly rig: StreamRig;
  readonly #client: Socket;
  readonly #atClient: SocketReader;
  readonly #readers: SocketReader[];
  #sent: Buffer[] = [];
  #answered: Buffer[] = [];

  private constructor(vm: VmServer, rig: StreamRig, client: Socket, readers: SocketReader[]) {
    this.vm = vm;
    this.rig = rig;
    this.#client = client;
    this.#atClient = new SocketReader(client);
    this.#readers = readers;
  }

  static async start(initiallyHeld: boolean): Promise<Game> {
    const readers: SocketReader[] = [];
    const vm = await VmServer.start((socket) => readers.push(new SocketReader(socket)));
    const rig = await StreamRig.start({
      target: vm.port,
      initiallyHeld,
      perStreamBytes: 128 * 1024,
      maxCoreStreams: 8,
    });
    return new Game(vm, rig, await rig.connect(), readers);
  }

  get sent(): Buffer {
    return Buffer.concat(this.#sent);
  }

  async act(each: Act): Promise<void> {
    if (each.kind === 'write') {
      this.#client.write(each.bytes);
      this.#sent.push(each.bytes);
    } else if (each.kind === 'answer') this.#answer(each.bytes);
    else if (each.kind === 'hold') this.rig.set.hold();
    else if (each.kind === 'release') this.rig.set.release(null);
    else if (each.kind === 'pauseVm') this.#readers.at(-1)?.pause();
    else if (each.kind === 'resumeVm') this.#readers.at(-1)?.resume();
    else await pause(3);
  }

  /** Only on the connection that carries the stream: one that was aborted by a hold while it was made has no reader. */
  #answer(answer: Buffer): void {
    const carries = this.#readers.findIndex((reader) => reader.receivedBytes > 0);
    if (carries < 0) return;
    this.vm.sockets[carries]?.write(answer);
    this.#answered.push(answer);
  }

  async finish(ending: 'fin' | 'rst', holdsBefore: boolean): Promise<void> {
    if (ending === 'fin') this.#client.end();
    else {
      // A RST overtakes what Torpor has not read yet: it is given the room to read all of it first.
      this.rig.set.release(null);
      for (const reader of this.#readers) reader.resume();
      const bytes = this.sent.length;
      await eventually('all bytes', () => this.rig.set.streams()[0]?.bytesFromClient === bytes, { everyMs: 2 });
      if (holdsBefore) this.rig.set.hold();
      this.#client.resetAndDestroy();
      await pause(5);
    }
    this.rig.set.release(null);
  }

  async expectDelivered(ending: 'fin' | 'rst'): Promise<void> {
    const { sent } = this;
    await eventually('the VM to be connected', () => this.#readers.length > 0, { everyMs: 2 });
    for (const reader of this.#readers) reader.resume();
    const carrier = await eventually(
      `${sent.length} bytes at one connection`,
      () => {
        for (const reader of this.#readers) reader.resume();
        return this.#readers.find(({ receivedBytes }) => receivedBytes >= sent.length);
      },
      { everyMs: 2 },
    );
    await carrier.untilEnd(ending);
    expect(carrier.received.equals(sent)).toBe(true);
    expect(this.#readers.filter(({ receivedBytes }) => receivedBytes > 0)).toHaveLength(1);
    if (ending === 'rst') return;
    const answered = Buffer.concat(this.#answered);
    await this.#atClient.until(answered.length);
    expect(this.#atClient.received.equals(answered)).toBe(true);
  }

  endAtVm(): this {
    for (const socket of this.vm.sockets) socket.end();
    return this;
  }

  async close(): Promise<void> {
    await this.rig.close();
    this.vm.close();
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
