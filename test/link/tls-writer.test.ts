// One write of a connection at a time, and nothing out of order.
import { describe, expect, it } from 'vitest';
import { MAX_WAITING_BYTES, TlsWriter } from '../../src/link/tls-writer.ts';

/** A socket whose writes end when they are told to; until then their bytes must stay as they are. */
class HeldSocket {
  readonly written: Buffer[] = [];
  /** What each write was as it ended. */
  readonly sent: Buffer[] = [];
  destroyed = false;
  #done: (() => void) | null = null;

  write(bytes: Buffer, done: () => void): boolean {
    if (this.#done !== null) throw new Error('two writes at once');
    this.written.push(bytes);
    this.#done = done;
    return false;
  }

  destroyedBy: Error | null = null;
  destroy(error: Error): void {
    this.destroyed = true;
    this.destroyedBy = error;
  }

  endWrite(): void {
    const done = this.#done;
    this.#done = null;
    this.sent.push(Buffer.from(this.written.at(-1) as Buffer));
    done?.();
  }

  endAll(): Buffer {
    while (this.#done !== null) this.endWrite();
    return Buffer.concat(this.sent);
  }
}

function make(): { socket: HeldSocket; writer: TlsWriter } {
  const socket = new HeldSocket();
  return { socket, writer: new TlsWriter(socket as unknown as ConstructorParameters<typeof TlsWriter>[0]) };
}

describe('TlsWriter', () => {
  it('bytes that follow one another in memory while a write is under way -> the next write, as they lie', () => {
    const { socket, writer } = make();
    const memory = Buffer.from('onetwothree');
    writer.write(memory.subarray(0, 3));
    writer.write(memory.subarray(3, 6));
    writer.write(memory.subarray(6));
    socket.endWrite();
    expect(socket.written.map(String)).toEqual(['one', 'twothree']);
    expect(socket.written[1]?.buffer === memory.buffer).toBe(true);
    socket.endWrite();
    writer.write(memory.subarray(0, 3));
    expect(socket.written).toHaveLength(3);
  });

  it('short ones from all over -> gathered, in order, and the memory of a write under way stays as it is', () => {
    const { socket, writer } = make();
    for (const text of ['a', 'b', 'c']) writer.write(Buffer.from(text));
    socket.endWrite();
    for (const text of ['d', 'e']) writer.write(Buffer.from(text));
    socket.endAll();
    expect(socket.sent.map(String)).toEqual(['a', 'bc', 'de']);
  });

  it('any sizes -> every byte once and in order, in fewer writes', () => {
    const { socket, writer } = make();
    const sent = Array.from({ length: 300 }, (_, n) => Buffer.alloc((n * 7919) % 200_000, n));
    for (const [n, bytes] of sent.entries()) {
      writer.write(bytes);
      if (n % 3 === 0) socket.endWrite();
    }
    expect(socket.endAll().equals(Buffer.concat(sent))).toBe(true);
    expect(socket.sent.length).toBeLessThan(sent.length);
  });

  it('a peer that takes nothing -> the connection ends at the bound, by bytes and by what many short ones cost', () => {
    for (const bytes of [1, 8, 65_536]) {
      const { socket, writer } = make();
      const [even, odd] = [Buffer.alloc(bytes), Buffer.alloc(bytes)];
      let written = 0;
      while (!socket.destroyed && written < 2 * MAX_WAITING_BYTES) {
        writer.write(written % (2 * bytes) === 0 ? even : odd);
        written += bytes;
      }
      expect(socket.destroyedBy?.message).toMatch(/takes none/);
      expect(written).toBeLessThanOrEqual(MAX_WAITING_BYTES + 65_536 * 2);
    }
  });

  it('as much as may wait, again and again, for a peer that reads -> all of it goes', () => {
    const { socket, writer } = make();
    const bytes = Buffer.alloc(1024 * 1024);
    for (let round = 0; round < 5; round += 1) {
      for (let n = 0; n < 31; n += 1) writer.write(bytes);
      socket.endAll();
    }
    expect([socket.destroyed, Buffer.concat(socket.sent).length]).toEqual([false, 5 * 31 * bytes.length]);
  });

  it('a connection that is gone -> what waited is for nobody', () => {
    const { socket, writer } = make();
    writer.write(Buffer.from('a'));
    writer.write(Buffer.from('b'));
    socket.destroyed = true;
    socket.endWrite();
    expect(socket.written.map(String)).toEqual(['a']);
  });
});
