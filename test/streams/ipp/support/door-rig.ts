// An IPP door without sockets: a spool on a disk in memory, a printer that is known and sleeps, and clients whose every byte is the test's.
import { EventEmitter } from 'node:events';
import { expect } from 'vitest';
import { FrameMemory } from '../../../../src/core/frame-memory.ts';
import { type DoorExits, IppDoor } from '../../../../src/streams/ipp/ipp-door.ts';
import { IppMemory } from '../../../../src/streams/ipp/ipp-memory.ts';
import type { SpoolHome } from '../../../../src/streams/spool/spool-home.ts';
import { SpoolStore } from '../../../../src/streams/spool/spool-store.ts';
import type { StreamRoute } from '../../../../src/streams/stream.ts';
import type { StreamSocket } from '../../../../src/streams/stream-socket.ts';
import type { FakeClock } from '../../../support/fake-clock.ts';
import { KeptLog } from '../../../support/kept-log.ts';
import type { CrashingDisk } from '../../spool/support/crashing-disk.ts';

const FOLDER = '/spool';
const PRINTER = [{ tag: 4, attributes: [number(0x23, 'printer-state', 3), number(0x21, 'printer-up-time', 1)] }];

function number(tag: number, name: string, content: number) {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(content);
  return { name, values: [{ tag, bytes }] };
}

/** A connection in memory. */
export class MemoryClient extends EventEmitter {
  readonly isPlain = true;
  readonly remoteAddress = '10.0.0.7';
  readonly remotePort = 5000;
  /** It takes what it is sent. */
  isReading = true;
  isPaused = false;
  destroyed = false;
  writableEnded = false;
  writableFinished = false;
  writableLength = 0;
  received = Buffer.alloc(0);

  write(bytes: Uint8Array): void {
    this.received = Buffer.concat([this.received, bytes]);
    if (!this.isReading) this.writableLength += bytes.length;
    this.emit('answer');
  }

  end(): void {
    this.writableEnded = true;
    this.writableFinished = true;
    this.emit('answer');
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    queueMicrotask(() => this.emit('close'));
    this.emit('answer');
  }

  resetAndDestroy(): void {
    this.destroy();
  }

  get asSocket(): StreamSocket {
    return this as unknown as StreamSocket;
  }

  get isOver(): boolean {
    return this.destroyed || this.writableEnded;
  }
}

/** Shared, as all stores of a process share theirs. */
let memory: Promise<FrameMemory> | null = null;

export async function openStore(disk: CrashingDisk): Promise<SpoolStore> {
  memory ??= FrameMemory.create();
  const store = new SpoolStore({
    folder: FOLDER,
    disk,
    memory: await memory,
    log: new KeptLog(),
    isAlive: () => false,
  });
  await store.scan();
  return store;
}

export interface DoorRigOptions {
  readonly clock: FakeClock;
  readonly exits?: Partial<DoorExits>;
  /** What is told of its clients that are over. */
  readonly onClosed?: (why: string) => void;
}

/** Its printer is `/ipp/print` of the host `paper`. */
export async function openDoor(disk: CrashingDisk, { clock, exits, onClosed }: DoorRigOptions): Promise<IppDoor> {
  const store = await openStore(disk);
  const log = new KeptLog();
  const memory = new IppMemory({ disk, folder: FOLDER, log });
  const name = { path: '/ipp/print', host: 'paper', uri: 'ipp://paper/ipp/print', ippVersion: 0x0101 };
  await memory.learn(name, { version: 0x0101, code: 0, requestId: 1, groups: PRINTER }, 0);
  const observer = {
    streamOpened: () => {},
    streamClosed: (_: unknown, why: string) => onClosed?.(why),
    activityWhileHeld: () => {},
  };
  const buffers = { direct: null, wipe: () => {} };
  const home = { platform: 'lab', clock, log, observer, buffers, isHeld: () => true };
  const queue = {
    store,
    jobMs: 3_600_000,
    boundReached: () => null,
    onSafe: () => {},
    wakeFor: () => null,
    ippJobs: () => store.jobs.map((job) => ({ job, isDelivering: false })),
    drop: async () => false,
  };
  const route = { vm: 'paper', listener: 'paper', protocol: 'auto', sendProxy: null } as unknown as StreamRoute;
  const all = { onGone: () => {}, onPassed: () => expect.unreachable('it can be kept'), ...exits };
  return new IppDoor({ home: home as unknown as SpoolHome, route, memory, queue, exits: all });
}
