// What one process tells the next of a flow of datagrams, so that it goes on there. Opens nothing but what it closes again.
import { closeSync } from 'node:fs';

/** Flows of one process whose sockets are left to the next; further ones begin with a socket of their own there. */
export const MAX_LEFT_SOCKETS = 1024;
/** Of datagrams that wait, of all flows together; what is beyond is dropped, and counted. */
export const MAX_LEFT_BYTES = 8 * 1024 * 1024;

/** As JSON, over the channel between the two. */
export interface FlowRecord {
  /** Its listener's address, as it is configured, its VM, and where it leads: a listener that differs begins anew. */
  readonly listen: string;
  readonly vm: string;
  readonly target: string;
  /** The client's address and port, as the listener's socket tells them. */
  readonly address: string;
  readonly port: number;
  /** Which of the sockets left is the one towards its VM, from 0; null: it has none, or one opened too late to be left. */
  readonly socket: number | null;
  /** Its client counted as active, and its VM was not held. */
  readonly isActive: boolean;
  /** Datagrams that wait for its VM, oldest first, in base64, and for how long they have. */
  readonly held: ReadonlyArray<{ readonly bytes: string; readonly ageMs: number }>;
}

/** What one process leaves to the next, while it does. `T`: the sockets of which some were left. */
export class LeavingFlows<T extends object = object> {
  readonly records: FlowRecord[] = [];
  readonly #numbers: ReadonlyMap<T, number>;
  #leftBytes: number;

  constructor(sockets: readonly T[], maxBytes = MAX_LEFT_BYTES) {
    this.#leftBytes = maxBytes;
    this.#numbers = new Map(sockets.map((socket, at) => [socket, at]));
  }

  /** `leave` is told which of the sockets its own is, and how many bytes may still be left. */
  add(leave: (socket: number | null, maxBytes: number) => FlowRecord, socket: T | null): void {
    const record = leave(socket === null ? null : (this.#numbers.get(socket) ?? null), this.#leftBytes);
    for (const { bytes } of record.held) this.#leftBytes -= Buffer.byteLength(bytes, 'base64');
    this.records.push(record);
  }
}

/** A flow's socket towards its VM. */
export interface FlowSocket {
  /** null: it cannot be left. */
  readonly fd: number | null;
}

/** A flow that went on, with its descriptor. */
export interface GivenFlow {
  readonly record: FlowRecord;
  /** Connected to its VM, and read by nobody yet; null: it has none. */
  readonly fd: number | null;
}

/** The flows of the process before this one. Each is claimed once. */
export class GivenFlows {
  #flows: readonly GivenFlow[];
  readonly #fds: Set<number>;

  /** `fds`: the sockets left, in their order. */
  constructor(records: readonly FlowRecord[], fds: readonly number[]) {
    this.#fds = new Set(fds);
    this.#flows = records.map((record) => ({
      record,
      fd: record.socket === null ? null : (fds[record.socket] ?? null),
    }));
  }

  /** Those of a listener that leads to the same VM as before. */
  claim({ listen, vm, target }: Pick<FlowRecord, 'listen' | 'vm' | 'target'>): GivenFlow[] {
    const isOf = ({ record }: GivenFlow) => record.listen === listen && record.vm === vm && record.target === target;
    const claimed = this.#flows.filter(isOf);
    this.#flows = this.#flows.filter((flow) => !isOf(flow));
    for (const { fd } of claimed) if (fd !== null) this.#fds.delete(fd);
    return claimed;
  }

  /** Sockets that nobody claimed. */
  close(): void {
    for (const fd of this.#fds) closeSync(fd);
    this.#fds.clear();
    this.#flows = [];
  }
}
