// No byte is lost or changed on the way through reused memory; and the check that says so fails where memory is reused too early.
// TORPOR_CHECKSUM_BYTES sets how much passes: 4294967296 for four gigabytes.
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type BufferReader, type ReadBuffer, ReadBuffers } from '../../src/streams/read-buffers.ts';
import { drawSeed } from '../core/support/seed.ts';
import { eventually } from '../support/eventually.ts';
import { runTraffic } from './support/checked-traffic.ts';
import { type RigOptions, StreamRig, VmServer } from './support/stream-rig.ts';

const TOTAL_BYTES = Number(process.env.TORPOR_CHECKSUM_BYTES ?? 256 * 1024 * 1024);
const BOUND_MS = 60_000;
/** A slow machine moves at least this much. */
const BYTES_PER_MS = 5000;
/** Few, so that each direction has more to carry than the kernel's own buffers take. */
const STREAMS = 4;

/** The mutation: each buffer is given back the moment the write from it was begun, so that the next one asks for it gets it. */
class HastyBuffers extends ReadBuffers {
  #slot: ReadBuffer | null = null;
  #busy: ReadBuffer | null = null;
  override borrowSlot(): ReadBuffer | null {
    this.#slot ??= super.borrowSlot();
    return this.#slot;
  }
  override lendBusy(reader: BufferReader): ReadBuffer | null {
    this.#busy ??= super.lendBusy(reader);
    return this.#busy;
  }
  override release(): void {}
  override keep(): void {}
}

/** Counts how often memory had to be kept because a write was not done at once. */
class CountedBuffers extends ReadBuffers {
  kept = 0;
  override keep(buffer: ReadBuffer): void {
    this.kept += 1;
    super.keep(buffer);
  }
}

const seed = drawSeed('checksums');
const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function startPairs(options: RigOptions): Promise<{ rig: StreamRig; pairs: Array<[Socket, Socket]> }> {
  const vm = await VmServer.start();
  closers.push(() => vm.close());
  const rig = await StreamRig.start({ target: vm.port, ...options });
  closers.push(() => rig.close());
  const pairs: Array<[Socket, Socket]> = [];
  for (let stream = 0; stream < STREAMS; stream += 1) {
    const client = await rig.connect();
    pairs.push([client, await eventually('the VM to accept', () => vm.sockets[stream], { everyMs: 2 })]);
  }
  return { rig, pairs };
}

describe('checksums', () => {
  it(
    `${STREAMS} streams both ways, random chunks, slow readers, fewer buffers than streams -> every byte as it was sent`,
    async () => {
      const { rig, pairs } = await startPairs({
        slots: 2,
        busyBuffers: 8,
        makeBuffers: (all) => new CountedBuffers(all),
      });
      const result = await runTraffic({ pairs, totalBytes: TOTAL_BYTES, seed });
      expect(result.wrongReads).toBe(0);
      expect(result.comparedBytes).toBeGreaterThanOrEqual(TOTAL_BYTES);
      expect((rig.buffers as CountedBuffers).kept).toBeGreaterThan(100);
      for (const pair of pairs) for (const socket of pair) socket.destroy();
      await eventually('all closes', () => rig.seen.of('closed').length === STREAMS);
      await eventually('all buffers back', () => rig.buffers.lent.busy + rig.buffers.lent.slots === 0);
    },
    BOUND_MS + TOTAL_BYTES / BYTES_PER_MS,
  );

  it(
    'held and released again and again under way -> every byte as it was sent',
    async () => {
      const { rig, pairs } = await startPairs({ slots: 2, busyBuffers: 3, perStreamBytes: 4 * 1024 * 1024 });
      let turns = 0;
      const timer = setInterval(() => {
        turns += 1;
        if (turns % 2 === 1) rig.set.hold();
        else rig.set.release(null);
      }, 60);
      closers.push(() => clearInterval(timer));
      const result = await runTraffic({ pairs, totalBytes: 128 * 1024 * 1024, seed });
      expect(result.wrongReads).toBe(0);
      expect(turns).toBeGreaterThan(4);
      expect(rig.seen.of('delivered').length).toBeGreaterThan(4);
    },
    BOUND_MS,
  );

  it(
    'buffers that are lent again before the write from them is done -> the check finds bytes that were not sent',
    async () => {
      const { pairs } = await startPairs({ slots: 2, busyBuffers: 3, makeBuffers: (all) => new HastyBuffers(all) });
      const result = await runTraffic({ pairs, totalBytes: 256 * 1024 * 1024, seed });
      expect(result.wrongReads).toBeGreaterThan(0);
    },
    BOUND_MS,
  );
});
