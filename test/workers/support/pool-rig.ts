// A pool of real worker processes in front of a VM on loopback, and what its gate's observer was told.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { StreamName, StreamObserver } from '../../../src/platform/ports.ts';
import type { ListenerOptions } from '../../../src/streams/listener.ts';
import { systemClock } from '../../../src/system-clock.ts';
import type { WorkerGate } from '../../../src/workers/worker-gate.ts';
import { WorkerPool } from '../../../src/workers/worker-pool.ts';
import { KeptLog } from '../../support/kept-log.ts';

/** As it is built: a worker process runs no TypeScript. */
const path = fileURLToPath(new URL('../../../dist/workers/worker-main.js', import.meta.url));

export interface PoolRigOptions {
  readonly workers?: number;
  readonly targetPort: number;
  readonly idleTimeoutMs?: number;
  readonly listener?: Partial<ListenerOptions>;
}

export class PoolRig implements StreamObserver {
  readonly log = new KeptLog();
  readonly pool: WorkerPool;
  readonly gate: WorkerGate;
  readonly clients: Socket[] = [];
  /** `active: connected` and so on, of all streams, in order. */
  readonly told: string[] = [];
  /** Streams in the pool. */
  readonly active = new Set<string>();
  /** Where each stream is carried: the serial of its worker, a part of its id. */
  readonly workerOf = new Map<string, string>();
  onTold: (what: string, stream: StreamName) => void = () => {};

  private constructor({ workers = 2, targetPort, idleTimeoutMs = 600_000, listener }: PoolRigOptions) {
    const program = { path, execArgv: [] };
    const { log } = this;
    this.pool = new WorkerPool({
      workers,
      record: null,
      maxStreams: 10_000,
      logLevel: 'info',
      clock: systemClock,
      log,
      program,
    });
    this.gate = this.pool.carry({
      platform: 'vdi-01',
      observer: this,
      idleTimeoutMs,
      disconnectGraceMs: 50,
      hold: { perStreamBytes: 1024 * 1024, perPlatformBytes: 16 * 1024 * 1024 },
      listeners: [
        {
          listen: { host: '127.0.0.1', port: 0 },
          target: { host: '127.0.0.1', port: targetPort },
          vm: 'alice',
          protocol: 'raw',
          device: 'desktop',
          wakeOn: 'connect',
          maxStreams: null,
          ...listener,
        },
      ],
    });
  }

  static async start(options: PoolRigOptions): Promise<PoolRig> {
    const rig = new PoolRig(options);
    await rig.gate.open();
    await rig.pool.start();
    return rig;
  }

  get port(): number {
    return Number(this.gate.endpoints()[0]?.split(':').at(-1));
  }

  attempt(): Socket {
    const socket = connect({ host: '127.0.0.1', port: this.port, allowHalfOpen: true, noDelay: true });
    socket.on('error', () => {});
    this.clients.push(socket);
    return socket;
  }

  async connect(): Promise<Socket> {
    const socket = this.attempt();
    await once(socket, 'connect');
    return socket;
  }

  async close(): Promise<void> {
    for (const client of this.clients) client.destroy();
    await this.gate.close();
    await this.pool.close();
  }

  streamOpened(stream: StreamName): void {
    this.workerOf.set(stream.client, /-(\d+)\.\d+$/.exec(stream.id)?.[1] ?? '?');
    this.#tell('opened', stream, '');
  }
  streamActive(stream: StreamName, why: string): void {
    this.active.add(stream.id);
    this.#tell('active', stream, why);
  }
  activityWhileHeld(stream: StreamName, why: string): void {
    this.#tell('held-activity', stream, why);
  }
  keepaliveOverdue(stream: StreamName, why: string): void {
    this.#tell('keepalive', stream, why);
  }
  streamIdle(stream: StreamName, why: string): void {
    this.active.delete(stream.id);
    this.#tell('idle', stream, why);
  }
  streamClosed(stream: StreamName, why: string): void {
    this.#tell('closed', stream, why);
  }
  streamDelivered(stream: StreamName, heldBytes: number): void {
    this.#tell('delivered', stream, String(heldBytes));
  }

  #tell(kind: string, stream: StreamName, why: string): void {
    const what = why === '' ? kind : `${kind}: ${why}`;
    this.told.push(what);
    this.onTold(what, stream);
  }
}
