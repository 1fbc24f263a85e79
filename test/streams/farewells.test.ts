import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { Farewells, RESET_FLUSH_MS } from '../../src/streams/farewells.ts';
import { socketKey } from '../../src/streams/proc-net-tcp.ts';
import { SentWaits } from '../../src/streams/sent-waits.ts';
import { QUEUE_POLL_MS } from '../../src/streams/unacked-table.ts';
import { FakeClock } from '../support/fake-clock.ts';

/** A socket that writes down what is done to it. */
class SocketLike extends EventEmitter {
  localAddress = '10.0.1.10';
  localPort = 1;
  remoteAddress = '10.0.1.21';
  remotePort = 3389;
  writableLength = 0;
  writableEnded = false;
  bytesWritten = 1;
  destroyed = false;
  readonly deeds: string[] = [];

  pause(): void {
    this.deeds.push('pause');
  }

  resume(): void {
    this.deeds.push('resume');
  }

  resetAndDestroy(): void {
    this.deeds.push('reset');
    this.destroyed = true;
    this.emit('close');
  }
}

function makeFarewells(isHeld = false) {
  const clock = new FakeClock();
  const kernel = new Map<string, number>();
  const farewells = new Farewells(new SentWaits(clock, async () => new Map(kernel)), () => isHeld);
  const socket = new SocketLike();
  const key = socketKey(socket) as string;
  return { clock, kernel, farewells, socket, key, target: socket as unknown as Socket };
}

describe('Farewells', () => {
  it('the peer has everything -> reset, and not a byte of what it still sends is read', async () => {
    const { clock, farewells, socket, target } = makeFarewells();
    farewells.resetTarget(target, 'vm');
    await clock.advance(QUEUE_POLL_MS);
    expect(socket.deeds).toEqual(['pause', 'reset']);
    await clock.advance(QUEUE_POLL_MS);
    expect(clock.pending).toBe(0);
  });

  it('the peer has not everything -> is read on, for it may read only after it could write; reset when it has', async () => {
    const { clock, kernel, farewells, socket, key, target } = makeFarewells();
    kernel.set(key, 5);
    farewells.resetTarget(target, 'vm');
    await clock.advance(0);
    expect(socket.deeds).toEqual(['pause', 'resume']);
    kernel.clear();
    await clock.advance(QUEUE_POLL_MS);
    // A line may be missed once.
    expect(socket.deeds).toEqual(['pause', 'resume']);
    await clock.advance(QUEUE_POLL_MS);
    expect(socket.deeds).toEqual(['pause', 'resume', 'reset']);
  });

  it('the peer never takes it -> reset after the bound', async () => {
    const { clock, kernel, farewells, socket, key, target } = makeFarewells();
    kernel.set(key, 5);
    farewells.resetTarget(target, 'vm');
    await clock.advance(RESET_FLUSH_MS - 1);
    expect(socket.deeds).not.toContain('reset');
    await clock.advance(QUEUE_POLL_MS);
    expect(socket.deeds.at(-1)).toBe('reset');
  });

  it('its VM is held -> is read on and reset at the release', async () => {
    const { clock, farewells, socket, target } = makeFarewells(true);
    farewells.resetTarget(target, 'vm');
    await clock.advance(RESET_FLUSH_MS);
    expect(socket.deeds).toEqual(['pause', 'resume']);
    farewells.release('another');
    farewells.release('vm');
    expect(socket.deeds).toEqual(['pause', 'resume', 'reset']);
  });

  it('a target that resets first while its VM is held -> is let go of, not kept for a release that has nothing to reset', async () => {
    const { clock, kernel, farewells, socket, key, target } = makeFarewells(true);
    kernel.set(key, 5);
    farewells.resetTarget(target, 'vm');
    await clock.advance(0);
    expect([socket.deeds, farewells.size]).toEqual([['pause', 'resume'], 1]);
    socket.destroyed = true;
    socket.emit('close');
    await clock.advance(2 * QUEUE_POLL_MS);
    farewells.release('vm');
    expect([socket.deeds, farewells.size, clock.pending]).toEqual([['pause', 'resume'], 0, 0]);
  });
});
