// Random messages, fragments and pings of a web client, a gate that holds and releases at random: bytes and pongs.
import type { Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawSeed, runs } from '../core/support/seed.ts';
import { noise, SocketReader } from '../streams/support/socket-reader.ts';
import { StreamRig, VmServer } from '../streams/support/stream-rig.ts';
import { comesTrue } from '../support/eventually.ts';
import { WEB_RULE, WebClient } from './support/web-rig.ts';

const SEED = drawSeed('WebStream');

type Act =
  /** In so many fragments, with a ping between any two. */
  | { readonly kind: 'message'; readonly bytes: Buffer; readonly fragments: number }
  | { readonly kind: 'answer'; readonly bytes: Buffer }
  | { readonly kind: 'ping' | 'hold' | 'release' | 'turn' };

const bytes = fc
  .tuple(fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 100_000 })), fc.nat())
  .map(([count, seed]) => noise(count, seed));
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('message' as const), bytes, fragments: fc.integer({ min: 1, max: 4 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('answer' as const), bytes }) },
  {
    weight: 5,
    arbitrary: fc
      .constantFrom('ping' as const, 'hold' as const, 'release' as const, 'turn' as const)
      .map((kind) => ({ kind })),
  },
);

class Game {
  readonly sent: Buffer[] = [];
  readonly answered: Buffer[] = [];
  readonly pings: string[] = [];
  readonly #rig: StreamRig;
  readonly #vm: VmServer;
  readonly #client: WebClient;

  constructor(rig: StreamRig, vm: VmServer, client: WebClient) {
    this.#rig = rig;
    this.#vm = vm;
    this.#client = client;
  }

  async act(each: Act): Promise<void> {
    if (each.kind === 'message') this.#send(each.bytes, each.fragments);
    else if (each.kind === 'ping') this.#ping();
    else if (each.kind === 'hold') this.#rig.set.hold();
    else if (each.kind === 'release') this.#rig.set.release(null);
    else if (each.kind === 'answer') this.#answer(each.bytes);
    else await new Promise((resolve) => setImmediate(resolve));
  }

  #send(message: Buffer, fragments: number): void {
    this.sent.push(message);
    const step = Math.ceil(message.length / fragments);
    for (let at = 0; at < fragments; at += 1) {
      if (at > 0) this.#ping();
      this.#client.socket.send(message.subarray(at * step, (at + 1) * step), { fin: at === fragments - 1 });
    }
  }

  #ping(): void {
    this.pings.push(`ping ${this.pings.length}`);
    this.#client.socket.ping(this.pings.at(-1));
  }

  #answer(some: Buffer): void {
    const at = this.#vm.sockets[0];
    if (at === undefined) return;
    this.answered.push(some);
    at.write(some);
  }

  async finish(): Promise<void> {
    const sent = Buffer.concat(this.sent);
    await comesTrue(() => expect(this.#rig.set.streams()[0]?.bytesFromClient).toBe(sent.length));
    this.#client.socket.close();
    await comesTrue(() => expect(READERS.get(this.#vm)?.end).toBe('fin'));
    const got = Buffer.from(READERS.get(this.#vm)?.text ?? '', 'latin1');
    expect(got.equals(sent)).toBe(true);
  }

  async expectAnswers(): Promise<void> {
    const answered = Buffer.concat(this.answered);
    await comesTrue(() => expect(this.#client.bytes.length).toBe(answered.length));
    expect(this.#client.bytes.equals(answered)).toBe(true);
    const { pongs } = this.#client;
    await comesTrue(() => expect(pongs.at(-1)).toBe(this.pings.at(-1)));
    // While a client takes nothing, only the last of its pings is answered: that can only be where it was sent something.
    if (this.answered.length === 0) expect(pongs).toEqual(this.pings);
    else expect(this.pings.filter((ping) => pongs.includes(ping))).toEqual(pongs);
  }
}

const READERS = new WeakMap<VmServer, SocketReader>();

async function play(isHeld: boolean, vmTalks: boolean, acts: readonly Act[]): Promise<void> {
  const vm: VmServer = await VmServer.start((socket: Socket) => READERS.set(vm, new SocketReader(socket)));
  const rig = await StreamRig.start({
    target: vm.port,
    readUnacked: async () => new Map(),
    listeners: [{ webSocket: WEB_RULE }],
  });
  const client = new WebClient(rig.port());
  try {
    await client.opened();
    // A connect that a hold cuts short would be another socket at the VM.
    rig.set.release(null);
    await comesTrue(() => expect(rig.set.streams()[0]?.mode).toBe('flowing'));
    await comesTrue(() => expect(vm.sockets.length).toBe(1));
    if (isHeld) rig.set.hold();
    const game = new Game(rig, vm, client);
    for (const each of acts) if (vmTalks || each.kind !== 'answer') await game.act(each);
    rig.set.release(null);
    await game.expectAnswers();
    await game.finish();
    expect(rig.set.heldBytes()).toEqual({ heldBytes: 0, heldStoredBytes: 0 });
  } finally {
    client.socket.terminate();
    await rig.close();
    vm.close();
  }
}

describe('WebStream', () => {
  it('random messages, fragments, pings, holds and releases: any seed -> every byte once, in order, every ping answered', async () => {
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.boolean(), fc.array(act, { maxLength: 25 }), play),
      runs(10, SEED),
    );
  });
});
