// The switches of a listener at work on its streams: watching, transfers, its own idle timeout, and what reaches the core.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { DEFAULT_STREAM_POLICY, type StreamPolicy } from '../../src/platform/stream-policy.ts';
import type { ListenerOptions } from '../../src/streams/listener.ts';
import { eventually } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { SocketReader } from './support/socket-reader.ts';
import { StreamRig, VmServer } from './support/stream-rig.ts';

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** One stream that flows, idle after a second. */
async function startFlowing(listener: Partial<ListenerOptions>) {
  const vm = await VmServer.start();
  closers.push(() => vm.close());
  const clock = new FakeClock();
  const rig = await StreamRig.start({ target: vm.port, clock, idleTimeoutMs: 1000, listeners: [listener] });
  closers.push(() => rig.close());
  const client = await rig.connect();
  const server = await eventually('the VM to accept', () => vm.sockets[0], { everyMs: 2 });
  return { rig, clock, client, server, atClient: new SocketReader(client) };
}

function policyOf(changes: Partial<StreamPolicy>): { readonly policy: StreamPolicy } {
  return { policy: { ...DEFAULT_STREAM_POLICY, ...changes } };
}

describe('viewing', () => {
  const WORK = { fromClientBytes: null, fromServerBytes: 1000, windowMs: 5000 };

  /** The server sends 1500 bytes a second for ten seconds; what the observer was told. */
  async function watch(changes: Partial<StreamPolicy>): Promise<string[]> {
    const { rig, clock, server, atClient } = await startFlowing(policyOf({ work: WORK, ...changes }));
    for (let second = 1; second <= 10; second += 1) {
      server.write(Buffer.alloc(1500));
      await atClient.until(second * 1500);
      await clock.advance(1000);
    }
    return rig.seen.told;
  }

  it('ignore: a film -> its client is idle', async () => {
    expect(await watch({ viewing: 'ignore' })).toEqual(['opened', 'active: connected', 'idle: no activity for 1s']);
  });

  it('active: a film -> its client is active once the rate held for the window', async () => {
    const told = await watch({ viewing: 'active' });
    expect(told.slice(0, 4)).toEqual([
      'opened',
      'active: connected',
      'idle: no activity for 1s',
      'active: work: a transfer from the server',
    ]);
  });

  it('active: a clock that is redrawn -> its client is idle', async () => {
    const { rig, clock, server, atClient } = await startFlowing(policyOf({ viewing: 'active', work: WORK }));
    for (let second = 1; second <= 10; second += 1) {
      server.write(Buffer.alloc(500));
      await atClient.until(second * 500);
      await clock.advance(1000);
    }
    expect(rig.seen.told).toEqual(['opened', 'active: connected', 'idle: no activity for 1s']);
  });
});

describe('work', () => {
  it('fromClient: chatter of a learned protocol as fast as that -> work', async () => {
    const { rig, clock, client } = await startFlowing({
      protocol: 'telnet',
      activity: 'learned',
      ...policyOf({ work: { fromClientBytes: 100, fromServerBytes: 1000, windowMs: 1000 } }),
    });
    await clock.advance(1100);
    expect(rig.seen.told.at(-1)).toBe('idle: no activity for 1s');
    // IAC NOP, RFC 854: chatter of telnet.
    client.write(Buffer.alloc(100, Buffer.from('fff1', 'hex')));
    await eventually('the work', () => rig.seen.told.at(-1) === 'active: work: a transfer from the client');
  });
});

describe('idleTimeout', () => {
  it("a listener's own -> over that of all others", async () => {
    const { rig, clock } = await startFlowing({ idleTimeoutMs: 3000 });
    await clock.advance(2900);
    expect(rig.seen.told).toEqual(['opened', 'active: connected']);
    await clock.advance(300);
    expect(rig.seen.told.at(-1)).toBe('idle: no activity for 3s');
  });
});

describe('status', () => {
  it('last activity and time left: a connection, a key, then nothing -> told as they are', async () => {
    const { rig, clock, client } = await startFlowing({ idleTimeoutMs: 3000 });
    const told = () => {
      const { lastActiveAtMs, lastActiveWhy, idleAtMs } = rig.set.streams()[0] ?? {};
      return [lastActiveAtMs, lastActiveWhy, idleAtMs];
    };
    const startMs = clock.nowMs();
    expect(told()).toEqual([startMs, 'connected', startMs + 3000]);
    await clock.advance(1000);
    client.write('k');
    await eventually('the key', () => rig.set.streams()[0]?.bytesFromClient === 1, { everyMs: 2 });
    expect(told()).toEqual([startMs + 1000, 'client bytes', startMs + 4000]);
    await clock.advance(4000);
    expect(told()).toEqual([startMs + 1000, 'client bytes', null]);
  });
});

describe('polls', () => {
  const ask = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

  /** A connection whose first request is a health check. */
  async function check(wakeOn: 'input' | 'preface', initiallyHeld: boolean) {
    const vm = await VmServer.start();
    closers.push(() => vm.close());
    const clock = new FakeClock();
    const rules = { protocol: 'http', activity: 'learned', ...policyOf({ polls: ['GET /health'] }) } as const;
    const rig = await StreamRig.start({ target: vm.port, clock, initiallyHeld, listeners: [{ ...rules, wakeOn }] });
    closers.push(() => rig.close());
    const client = await rig.connect();
    const say = async (text: string) => {
      const bytes = (rig.set.streams()[0]?.bytesFromClient ?? 0) + text.length;
      client.write(text);
      await eventually('what was said', () => rig.set.streams()[0]?.bytesFromClient === bytes, { everyMs: 2 });
    };
    await say(ask('/health'));
    return { rig, vm, clock, client, say };
  }

  it.each([
    ['input', true],
    ['input', false],
    ['preface', true],
    ['preface', false],
  ] as const)(
    'wakeOn: %s, held: %s: a connection that begins with one -> does not count before another request does',
    async (wakeOn, held) => {
      const { rig, say } = await check(wakeOn, held);
      expect(rig.seen.told).toEqual(['opened']);
      await say(ask('/order'));
      const why = wakeOn === 'input' ? 'client bytes' : 'valid start of http';
      expect(rig.seen.told).toEqual(['opened', `active: ${why}`, ...(held ? [`held-activity: ${why}`] : [])]);
    },
  );

  it('a health check of a sleeper that is gone -> is forgotten: its VM does not hear of it after the wake', async () => {
    const { rig, vm, client } = await check('input', true);
    client.resetAndDestroy();
    await eventually('its end', () => rig.seen.of('closed').length === 1, { everyMs: 2 });
    expect([rig.set.heldBytes().heldBytes, rig.set.streams()]).toEqual([0, []]);
    rig.set.release(null);
    const other = await rig.connect();
    other.write(ask('/order'));
    const first = new SocketReader(await eventually('a connection', () => vm.sockets[0], { everyMs: 2 }));
    await first.until(ask('/order').length);
    expect([first.text, vm.sockets.length]).toEqual([ask('/order'), 1]);
  });

  it('what else counts for nothing, and its client is gone -> is held all the same', async () => {
    const { rig, client, say } = await check('input', true);
    await say('GET /heal');
    client.resetAndDestroy();
    await eventually('its end', () => rig.set.streams()[0]?.heldBytes === `${ask('/health')}GET /heal`.length, {
      everyMs: 2,
    });
    await rig.connect();
    await eventually('another', () => rig.set.streams().length === 2, { everyMs: 2 });
    expect(rig.seen.of('closed')).toEqual([]);
  });

  it('preface, a health check that waits -> is reset after its time, and told why', async () => {
    const { rig, clock } = await check('preface', true);
    await clock.advance(10_000);
    expect(rig.seen.told.at(-1)).toMatch(
      /^closed: client refused: it sent nothing but polls, which never count, within 10s/,
    );
  });
});

describe('policy', () => {
  it('a learned stream -> the core is told all of it; one of which every byte counts -> nothing', async () => {
    const policy: StreamPolicy = { ...DEFAULT_STREAM_POLICY, periodicInput: 'ignore', polls: ['GET /health'] };
    for (const [activity, hints] of [
      ['learned', expect.objectContaining({ protocol: 'http', policy })],
      ['every-byte', { protocol: 'raw' }],
    ] as const) {
      const { rig } = await startFlowing({ protocol: 'http', activity, policy });
      const open = vi.spyOn(rig.registry.core, 'openStream');
      await rig.connect();
      await eventually('the second stream', () => rig.set.streams().length === 2, { everyMs: 2 });
      expect(open.mock.calls[0]?.[2]).toEqual(hints);
    }
  });
});
