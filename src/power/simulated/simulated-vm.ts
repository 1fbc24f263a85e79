// A VM's service over real TCP that freezes while its host sleeps, as a suspended guest would. What it answers is its service's business.
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import { errorText, TorporError } from '../../platform/errors.ts';
import type { Clock } from '../../platform/ports.ts';
import { LineService } from './line-service.ts';
import { SimulatedConnection, type VmConnection, type VmService } from './vm-connection.ts';

/**
 * Ports are picked here, below the range Linux takes ephemeral ports from (32768 to 60999): while the VM is frozen its
 * port is free, and must not become the source port of somebody's connection.
 */
const FIRST_PORT = 26_000;
const PORT_COUNT = 6_000;
const PORT_TRIES = 200;
/** While somebody else has the port after all, listening is tried again this often, this many times. */
const RELISTEN_EVERY_MS = 20;
const RELISTEN_TRIES = 250;
/** Closed connections that carried bytes, kept for whoever wants to compare them; the oldest is forgotten first. */
const MAX_KEPT_CLOSED = 1024;

export interface SimulatedVmOptions {
  readonly name: string;
  readonly clock: Clock;
  /** Address to bind, default 127.0.0.1. */
  readonly host?: string | undefined;
  /** 0 (default): a free port below the ephemeral range, kept over the VM's whole life. */
  readonly port?: number | undefined;
  /** Default: the line service, `vmNAME n=COUNT boot=BOOTID LINE\n` for each line. */
  readonly service?: VmService | undefined;
}

/** answering: it listens. frozen: suspended with its RAM, new connections are refused. down: it has no RAM. */
export type VmState = 'answering' | 'frozen' | 'down';

/**
 * Freezing closes the listening socket, for the kernel of a frozen process would still accept; established connections
 * stay open and are neither read nor written. Booting resets them.
 */
export class SimulatedVm {
  readonly name: string;
  readonly #clock: Clock;
  readonly #host: string;
  readonly #service: VmService;
  readonly #open = new Set<SimulatedConnection>();
  readonly #closed: VmConnection[] = [];
  readonly #byteListeners = new Set<(connection: VmConnection, bytes: Uint8Array) => void>();
  readonly #stateListeners = new Set<(state: VmState, atMs: number) => void>();
  #port: number;
  #state: VmState = 'down';
  #bootId = '';
  #server: Server | null = null;
  #claim: UdpSocket | null = null;
  #lastConnectionId = 0;
  #cancelRelisten: () => void = () => {};
  #problem: string | null = null;

  constructor(options: SimulatedVmOptions) {
    this.name = options.name;
    this.#clock = options.clock;
    this.#host = options.host ?? '127.0.0.1';
    this.#port = options.port ?? 0;
    this.#service = options.service ?? new LineService();
  }

  /** Known after `start`. */
  get port(): number {
    return this.#port;
  }

  get state(): VmState {
    return this.#state;
  }

  /** Why it is down although its host runs: somebody took its port while it was frozen. Else null. */
  get problem(): string | null {
    return this.#problem;
  }

  /** The boot id it was last booted with. */
  get bootId(): string {
    return this.#bootId;
  }

  /** Connections by age: all that are open, and the closed ones that carried bytes (the last 1024). */
  get connections(): readonly VmConnection[] {
    return [...this.#closed, ...this.#open].sort((left, right) => left.id - right.id);
  }

  /** Every chunk of bytes in the order of its arrival, until the returned function is called. */
  onBytes(listener: (connection: VmConnection, bytes: Uint8Array) => void): () => void {
    this.#byteListeners.add(listener);
    return () => this.#byteListeners.delete(listener);
  }

  /** Each change of state, until the returned function is called. `answering` is told once it listens. */
  onState(listener: (state: VmState, atMs: number) => void): () => void {
    this.#stateListeners.add(listener);
    return () => this.#stateListeners.delete(listener);
  }

  /** Finds a port and answers. Rejects with ERR_STREAM_LISTEN where there is none. */
  async start(bootId: string): Promise<void> {
    this.#bootId = bootId;
    const tries = this.#port === 0 ? PORT_TRIES : 1;
    const wanted = this.#port;
    for (let attempt = 1; ; attempt += 1) {
      this.#port = wanted === 0 ? FIRST_PORT + Math.floor(Math.random() * PORT_COUNT) : wanted;
      try {
        if (wanted === 0) this.#claim = await claimNumber(this.#host, this.#port);
        await this.#listen();
        return;
      } catch (thrown) {
        this.#unclaim();
        if (attempt < tries) continue;
        const text = `simulated VM "${this.name}" cannot listen on ${this.#host}:${this.#port}: ${errorText(thrown)}; choose another port`;
        throw new TorporError('ERR_STREAM_LISTEN', text, { cause: thrown });
      }
    }
  }

  #unclaim(): void {
    this.#claim?.close();
    this.#claim = null;
  }

  #listen(): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    this.#server = server;
    return new Promise((resolve, reject) => {
      // Also later: a failed accept must not end the process.
      server.on('error', reject);
      server.listen(this.#port, this.#host, () => {
        if (this.#server === server) this.#enter('answering');
        resolve();
      });
    });
  }

  #accept(socket: Socket): void {
    if (this.#state !== 'answering') {
      socket.resetAndDestroy();
      return;
    }
    this.#lastConnectionId += 1;
    const facts = {
      id: this.#lastConnectionId,
      vmName: this.name,
      bootId: this.#bootId,
      openedAtMs: this.#clock.nowMs(),
    };
    const connection = new SimulatedConnection(socket, facts, {
      service: this.#service,
      bytesArrived: (from, bytes) => {
        for (const listener of this.#byteListeners) listener(from, bytes);
      },
      connectionClosed: (which) => this.#forget(which),
    });
    this.#open.add(connection);
  }

  #forget(connection: SimulatedConnection): void {
    this.#open.delete(connection);
    if (connection.bytesReceived === 0) return;
    this.#closed.push(connection);
    if (this.#closed.length > MAX_KEPT_CLOSED) this.#closed.shift();
  }

  /** It runs on another host from now on, and its memory is lost with that one's. */
  follow(bootId: string): void {
    this.#bootId = bootId;
  }

  /** The host suspends: RAM stays. */
  freeze(): void {
    // A resume that is not over yet (it does not listen yet) is taken back too.
    if (this.#state === 'down' && this.#server === null) return;
    this.#silence('frozen');
  }

  /** The host resumed: established connections carry on at once, new ones are accepted as soon as it listens. */
  thaw(): void {
    if (this.#state !== 'frozen') return;
    for (const connection of this.#open) connection.thaw();
    this.#relisten(1);
  }

  /** The host lost its RAM: silent until it boots. */
  lose(): void {
    this.#silence('down');
  }

  /** The host booted: old connections are reset, as a kernel does that never heard of them. */
  boot(bootId: string): void {
    this.#silence('down');
    this.#bootId = bootId;
    for (const connection of this.#open) connection.reset();
    this.#relisten(1);
  }

  #silence(state: VmState): void {
    this.#cancelRelisten();
    this.#server?.close();
    this.#server = null;
    for (const connection of this.#open) connection.freeze();
    if (this.#state !== state) this.#enter(state);
  }

  #relisten(attempt: number): void {
    this.#listen().catch((thrown: unknown) => {
      if (attempt < RELISTEN_TRIES) {
        this.#cancelRelisten = this.#clock.schedule(RELISTEN_EVERY_MS, () => this.#relisten(attempt + 1));
        return;
      }
      this.#server = null;
      this.#problem = `cannot listen on ${this.#host}:${this.#port} again: ${errorText(thrown)}`;
      this.#enter('down');
    });
  }

  #enter(state: VmState): void {
    this.#state = state;
    const atMs = this.#clock.nowMs();
    for (const listener of [...this.#stateListeners]) listener(state, atMs);
  }

  /** Resets every connection and stops listening. Idempotent. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#cancelRelisten();
    this.#server = null;
    this.#unclaim();
    this.#state = 'down';
    this.#byteListeners.clear();
    this.#stateListeners.clear();
    for (const connection of [...this.#open]) connection.reset();
    if (server?.listening) await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}

/**
 * Keeps other simulated VMs off a port's number while this one is frozen and its port free: by the UDP port of the same number, which
 * nobody speaks here. Rejects where somebody has it.
 */
function claimNumber(host: string, port: number): Promise<UdpSocket> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  return new Promise((resolve, reject) => {
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.bind({ address: host, port, exclusive: true }, () => resolve(socket.unref()));
  });
}
