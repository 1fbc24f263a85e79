// The built-in service of a simulated VM: answers every line with its number, so that a lost or doubled one shows.
import type { VmConnection, VmService } from './vm-connection.ts';

/** A longer line is counted once and answered with its first bytes alone. */
export const MAX_LINE_BYTES = 1024 * 1024;
const NEWLINE = 0x0a;

interface LineState {
  lines: number;
  readonly parts: Uint8Array[];
  keptBytes: number;
}

/**
 * For each line received, ended by LF: `vmNAME n=COUNT boot=BOOTID LINE\n`. COUNT counts the lines of the connection from 1,
 * BOOTID changes when the VM's memory was lost. A last line without its LF is not answered.
 */
export class LineService implements VmService {
  readonly #states = new WeakMap<VmConnection, LineState>();

  opened(connection: VmConnection): void {
    this.#states.set(connection, { lines: 0, parts: [], keptBytes: 0 });
  }

  received(connection: VmConnection, bytes: Uint8Array): void {
    const state = this.#states.get(connection);
    if (state === undefined) return;
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      this.#keep(state, bytes.subarray(start, end));
      this.#answer(connection, state);
      start = end + 1;
    }
    this.#keep(state, bytes.subarray(start));
  }

  #keep(state: LineState, part: Uint8Array): void {
    const kept = part.subarray(0, MAX_LINE_BYTES - state.keptBytes);
    if (kept.length === 0) return;
    state.parts.push(Buffer.from(kept));
    state.keptBytes += kept.length;
  }

  #answer(connection: VmConnection, state: LineState): void {
    state.lines += 1;
    const head = Buffer.from(`vm${connection.vmName} n=${state.lines} boot=${connection.bootId} `);
    connection.write(Buffer.concat([head, ...state.parts, Buffer.of(NEWLINE)]));
    state.parts.length = 0;
    state.keptBytes = 0;
  }
}
