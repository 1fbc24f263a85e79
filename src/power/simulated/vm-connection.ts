// One TCP connection as a simulated VM sees it: counts and hashes what comes, queues what goes, stands still while frozen.
import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';

/** Bytes a service may queue before the VM stops reading that connection; it reads on when they are gone. */
const MAX_QUEUED_BYTES = 1024 * 1024;

/** What services, tests and the demo see of a connection. */
export interface VmConnection {
  /** Counts from 1 over the VM's whole life. */
  readonly id: number;
  readonly vmName: string;
  /** The boot in which it was opened. */
  readonly bootId: string;
  readonly openedAtMs: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** SHA-256 over every byte received so far, hex. */
  receivedSha256(): string;
  /** True once both directions ended, or it was reset. */
  readonly closed: boolean;
  /** Sends bytes to the client; queued while the VM is frozen. */
  write(bytes: Uint8Array): void;
  /** Sends FIN after everything that is queued. */
  end(): void;
  /** Sends RST at once. */
  reset(): void;
}

/** What a VM does with its connections. Calls come only while the VM runs. */
export interface VmService {
  opened?(connection: VmConnection): void;
  received(connection: VmConnection, bytes: Uint8Array): void;
  /** The client sent FIN. Without this the VM answers with its own FIN. */
  ended?(connection: VmConnection): void;
  closed?(connection: VmConnection): void;
}

/** Whom a connection tells what happens to it. */
export interface ConnectionOwner {
  readonly service: VmService;
  bytesArrived(connection: VmConnection, bytes: Uint8Array): void;
  connectionClosed(connection: SimulatedConnection): void;
}

export interface ConnectionFacts {
  readonly id: number;
  readonly vmName: string;
  readonly bootId: string;
  readonly openedAtMs: number;
}

/** The socket of one connection. `freeze` and `thaw` are the VM's. */
export class SimulatedConnection implements VmConnection {
  readonly id: number;
  readonly vmName: string;
  readonly bootId: string;
  readonly openedAtMs: number;
  readonly #socket: Socket;
  readonly #owner: ConnectionOwner;
  readonly #hash = createHash('sha256');
  readonly #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #writing = false;
  #ending = false;
  #frozen = false;
  #bytesReceived = 0;
  #bytesSent = 0;
  #closed = false;

  constructor(socket: Socket, facts: ConnectionFacts, owner: ConnectionOwner) {
    this.id = facts.id;
    this.vmName = facts.vmName;
    this.bootId = facts.bootId;
    this.openedAtMs = facts.openedAtMs;
    this.#socket = socket;
    this.#owner = owner;
    socket.setNoDelay(true);
    socket.on('data', (bytes) => this.#received(bytes));
    socket.on('end', () => this.#ended());
    // A reset by the client: 'close' follows.
    socket.on('error', () => {});
    socket.on('close', () => this.#socketClosed());
    owner.service.opened?.(this);
  }

  get bytesReceived(): number {
    return this.#bytesReceived;
  }

  get bytesSent(): number {
    return this.#bytesSent;
  }

  get closed(): boolean {
    return this.#closed;
  }

  receivedSha256(): string {
    return this.#hash.copy().digest('hex');
  }

  write(bytes: Uint8Array): void {
    if (this.#closed || this.#ending) return;
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    if (this.#queuedBytes > MAX_QUEUED_BYTES) this.#socket.pause();
    this.#pump();
  }

  end(): void {
    this.#ending = true;
    this.#pump();
  }

  reset(): void {
    this.#socket.resetAndDestroy();
  }

  /** Neither reads nor writes from now on; the socket stays open. */
  freeze(): void {
    this.#frozen = true;
    this.#socket.pause();
  }

  thaw(): void {
    this.#frozen = false;
    this.#pump();
    if (this.#queuedBytes <= MAX_QUEUED_BYTES) this.#socket.resume();
  }

  #received(bytes: Uint8Array): void {
    this.#bytesReceived += bytes.length;
    this.#hash.update(bytes);
    this.#owner.bytesArrived(this, bytes);
    this.#owner.service.received(this, bytes);
  }

  #ended(): void {
    if (this.#owner.service.ended === undefined) this.end();
    else this.#owner.service.ended(this);
  }

  /** One chunk at a time, so that nothing is left to the socket's own queue, which would flush it while frozen. */
  #pump(): void {
    if (this.#frozen || this.#writing || this.#closed) return;
    const bytes = this.#queue.shift();
    if (bytes === undefined) {
      if (this.#ending && !this.#socket.writableEnded) this.#socket.end();
      return;
    }
    this.#writing = true;
    this.#socket.write(bytes, (error) => {
      this.#writing = false;
      this.#queuedBytes -= bytes.length;
      if (error) return;
      this.#bytesSent += bytes.length;
      if (!this.#frozen && this.#queuedBytes <= MAX_QUEUED_BYTES) this.#socket.resume();
      this.#pump();
    });
  }

  #socketClosed(): void {
    this.#closed = true;
    this.#queue.length = 0;
    this.#owner.service.closed?.(this);
    this.#owner.connectionClosed(this);
  }
}
