// What a new connection must bring to count, and so to wake a sleeper: prefaces, input, banners, and who never wakes anybody.
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { IpNetwork } from '../../src/platform/ip-network.ts';
import { RESET_FLUSH_MS } from '../../src/streams/farewells.ts';
import type { ListenerOptions } from '../../src/streams/listener.ts';
import { PREFACE_BOUND_MS } from '../../src/streams/stream-activity.ts';
import { eventually } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { SocketReader } from './support/socket-reader.ts';
import { type RigOptions, StreamRig, VmServer } from './support/stream-rig.ts';

const LOOPBACK: IpNetwork = { bytes: Uint8Array.of(127, 0, 0, 0), prefixBits: 8 };
const ELSEWHERE: IpNetwork = { bytes: Uint8Array.of(10, 0, 0, 0), prefixBits: 8 };
/** [MS-RDPBCGR] section 4.1.1: the Connection Request of its annotated dump. */
const RDP_REQUEST = Buffer.from(
  '0300002c27e00000000000436f6f6b69653a206d737473686173683d656c746f6e730d0a0100080000000000',
  'hex',
);
/** RFC 6143 section 7.1.1. */
const RFB_BANNER = 'RFB 003.008\n';

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function startVm(onSocket?: (socket: Socket) => void): Promise<VmServer> {
  const vm = await VmServer.start(onSocket);
  closers.push(() => vm.close());
  return vm;
}

/** A rig with one listener in front of a VM that sleeps, unless told otherwise. */
async function startRig(listener: Partial<ListenerOptions>, options: RigOptions & { readonly vm?: VmServer } = {}) {
  const vm = options.vm ?? (await startVm());
  const clock = new FakeClock();
  const rig = await StreamRig.start({
    target: vm.port,
    clock,
    initiallyHeld: true,
    listeners: [listener],
    ...options,
  });
  closers.push(() => rig.close());
  return { vm, rig, clock };
}

function streamsOpen(rig: StreamRig, count: number) {
  return eventually(`${count} streams`, () => rig.set.streams().length === count, { everyMs: 2 });
}

function received(rig: StreamRig, bytes: number) {
  const what = `${bytes} bytes in Torpor`;
  return eventually(what, () => rig.set.streams()[0]?.bytesFromClient === bytes, { everyMs: 2 });
}

function connected(vm: VmServer, nth = 0): Promise<Socket> {
  return eventually('the VM to accept', () => vm.sockets[nth], { everyMs: 2 });
}

async function startSleeper(wakeOn: 'preface' | 'input', listener: Partial<ListenerOptions> = {}) {
  const { vm, rig, clock } = await startRig({ wakeOn, protocol: 'ssh', ...listener });
  const client = await rig.connect();
  await streamsOpen(rig, 1);
  return { vm, rig, clock, client };
}

/** The bytes that were shown to the core. */
function shownBytes(observe: { readonly mock: { readonly calls: ReadonlyArray<readonly unknown[]> } }): number {
  return observe.mock.calls.reduce((sum, call) => sum + (call[2] as Uint8Array).length, 0);
}

/** What the observer heard that would wake the platform. */
function wakes(rig: StreamRig): string[] {
  return rig.seen.of('held-activity').map(({ why }) => why);
}

describe('wakeOn: preface', () => {
  it('a connection alone, then half a preface -> no activity, and nobody waits for the VM', async () => {
    const { rig, client } = await startSleeper('preface');
    client.write('SS');
    await received(rig, 2);
    expect([rig.seen.told, rig.registry.size, rig.set.waitingVms()]).toEqual([['opened'], 0, []]);
    expect(rig.set.streams()[0]).toMatchObject({
      active: false,
      heldBytes: 2,
      verdict: 'dormant: no valid start of ssh yet',
    });
  });

  it('a valid start in two pieces -> enters the pool, and all of it is delivered', async () => {
    const { vm, rig, client } = await startSleeper('preface');
    const observe = vi.spyOn(rig.registry, 'observe');
    client.write('SS');
    await received(rig, 2);
    client.write('H-2.0-x\r\n');
    await received(rig, 11);
    expect(rig.seen.told).toEqual(['opened', 'active: valid start of ssh', 'held-activity: valid start of ssh']);
    expect(shownBytes(observe)).toBe(11);
    rig.set.release(null);
    const atVm = new SocketReader(await connected(vm));
    await atVm.until(11);
    expect(atVm.text).toBe('SSH-2.0-x\r\n');
  });

  it('a scanner with other bytes -> reset, told, and never counted as activity', async () => {
    const { vm, rig, client } = await startSleeper('preface');
    const atClient = new SocketReader(client);
    client.write('GET / HTTP/1.0\r\n\r\n');
    await atClient.untilEnd('rst');
    expect(rig.seen.told).toEqual(['opened', expect.stringContaining('its first bytes are no start of ssh')]);
    expect([rig.set.streams(), rig.set.heldBytes().heldBytes]).toEqual([[], 0]);
    rig.set.release(null);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(vm.sockets).toEqual([]);
  });

  it('released by somebody else while it is silent -> connected, in the pool only when it begins', async () => {
    const { vm, rig, client } = await startSleeper('preface');
    rig.set.release(null);
    await connected(vm);
    expect(rig.seen.told).toEqual(['opened']);
    client.write('SSH-2.0-x\r\n');
    await received(rig, 11);
    expect(rig.seen.told).toEqual(['opened', 'active: valid start of ssh']);
  });

  it('more first bytes than a preface needs -> the core has seen all of them', async () => {
    const { rig, client } = await startSleeper('preface', { protocol: 'rdp', activity: 'learned' });
    const observe = vi.spyOn(rig.registry, 'observe');
    client.write(RDP_REQUEST.subarray(0, 3));
    await received(rig, 3);
    client.write(RDP_REQUEST.subarray(3));
    await received(rig, RDP_REQUEST.length);
    expect(rig.set.streams()[0]).toMatchObject({ active: true, speaks: 'rdp', heldBytes: RDP_REQUEST.length });
    expect(shownBytes(observe)).toBe(RDP_REQUEST.length);
  });
});

describe('who never wakes a sleeper (wakeOn: preface)', () => {
  it('a port scan: connections that are reset at once -> no activity, nothing left', async () => {
    const { rig } = await startRig({ wakeOn: 'preface', protocol: 'rdp' });
    for (let round = 0; round < 20; round += 1) (await rig.connect()).resetAndDestroy();
    await eventually('their ends', () => rig.seen.of('closed').length === 20 && rig.set.streams().length === 0);
    expect([wakes(rig), rig.seen.of('active'), rig.registry.size]).toEqual([[], [], 0]);
  });

  it('a TCP health check: connects and closes -> no activity, nothing left', async () => {
    const { rig } = await startRig({ wakeOn: 'preface', protocol: 'rdp' });
    const check = await rig.connect();
    const atCheck = new SocketReader(check);
    check.end();
    await atCheck.untilEnd('fin');
    await streamsOpen(rig, 0);
    expect([wakes(rig), rig.seen.of('active'), rig.set.waitingVms()]).toEqual([[], [], []]);
  });

  it('an HTTP health check to an RDP port -> reset, no activity', async () => {
    const { rig } = await startRig({ wakeOn: 'preface', protocol: 'rdp' });
    const check = await rig.connect();
    const atCheck = new SocketReader(check);
    check.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\n');
    await atCheck.untilEnd('rst');
    expect([wakes(rig), rig.seen.of('active'), rig.set.heldBytes().heldBytes]).toEqual([[], [], 0]);
  });

  it('half open: connected, and silent for ever -> reset after the bound, no activity', async () => {
    const { rig, clock, client } = await startSleeper('preface');
    const atClient = new SocketReader(client);
    await clock.advance(PREFACE_BOUND_MS - 1);
    expect(rig.set.streams()).toHaveLength(1);
    await clock.advance(1);
    await atClient.untilEnd('rst');
    expect(rig.seen.told).toEqual(['opened', expect.stringContaining('no valid start of ssh within 10s')]);
    expect([rig.set.streams(), clock.pending]).toEqual([[], 1]);
  });

  it('a slow drip that never completes -> bounded bytes, reset after the bound, no activity', async () => {
    const { rig, clock } = await startRig({ wakeOn: 'preface', protocol: 'http' });
    const drip = await rig.connect();
    const atDrip = new SocketReader(drip);
    await streamsOpen(rig, 1);
    for (let letter = 1; letter <= 19; letter += 1) {
      drip.write('A');
      await received(rig, letter);
      await clock.advance(PREFACE_BOUND_MS / 20);
    }
    expect(rig.set.streams()[0]?.heldBytes).toBe(19);
    await clock.advance(PREFACE_BOUND_MS / 20);
    await atDrip.untilEnd('rst');
    expect([wakes(rig), rig.seen.of('active'), rig.set.heldBytes().heldBytes]).toEqual([[], [], 0]);
  });

  it('a drip that is reset by its client before the bound -> gone with its bytes at the bound', async () => {
    const { rig, clock, client } = await startSleeper('preface');
    client.write('SS');
    await received(rig, 2);
    client.resetAndDestroy();
    await new Promise((resolve) => setTimeout(resolve, 50));
    await clock.advance(PREFACE_BOUND_MS);
    await streamsOpen(rig, 0);
    expect([wakes(rig), rig.set.heldBytes().heldBytes]).toEqual([[], 0]);
  });
});

describe('wakeOn towards a platform that runs', () => {
  it('preface, other bytes: a health check -> the VM gets them, and the platform may sleep', async () => {
    const { vm, rig } = await startRig({ wakeOn: 'preface', protocol: 'ssh' }, { initiallyHeld: false });
    (await rig.connect()).write('GET /');
    const atVm = new SocketReader(await connected(vm));
    await atVm.until(5);
    expect(rig.seen.told).toEqual(['opened']);
  });

  it('preface, other bytes: still talking after the bound -> in doubt it is activity', async () => {
    const { rig, clock, vm } = await startRig({ wakeOn: 'preface', protocol: 'ssh' }, { initiallyHeld: false });
    const client = await rig.connect();
    await connected(vm);
    client.write('GET /');
    await received(rig, 5);
    await clock.advance(PREFACE_BOUND_MS);
    client.write('?');
    await received(rig, 6);
    expect(rig.seen.told).toEqual(['opened', 'active: client bytes']);
  });

  it('preface, silent, then held, then a valid start -> wakes', async () => {
    const { rig, vm } = await startRig({ wakeOn: 'preface', protocol: 'ssh' }, { initiallyHeld: false });
    const client = await rig.connect();
    await connected(vm);
    rig.set.hold();
    client.write('SSH-2.0-x\r\n');
    await received(rig, 11);
    expect(wakes(rig)).toEqual(['valid start of ssh']);
  });

  it('preface, other bytes, then held: who still talks after the bound -> is somebody, and wakes', async () => {
    const { rig, vm, clock } = await startRig({ wakeOn: 'preface', protocol: 'ssh' }, { initiallyHeld: false });
    const client = await rig.connect();
    await connected(vm);
    client.write('GET /');
    await received(rig, 5);
    rig.set.hold();
    await clock.advance(PREFACE_BOUND_MS);
    client.write('?');
    await received(rig, 6);
    expect(wakes(rig)).toEqual(['client bytes']);
  });

  it('preface, held before its target was reached -> bounded like one that came to a sleeper', async () => {
    const { rig, clock, vm } = await startRig({ wakeOn: 'preface', protocol: 'ssh' }, { initiallyHeld: false });
    rig.seen.onEvent = ({ kind }) => {
      if (kind === 'opened') rig.set.hold();
    };
    const atClient = new SocketReader(await rig.connect());
    await streamsOpen(rig, 1);
    await clock.advance(PREFACE_BOUND_MS);
    await atClient.untilEnd('rst');
    expect([rig.set.streams(), wakes(rig), vm.sockets]).toEqual([[], [], []]);
  });

  it('preface: a dormant stream over two idle timeouts -> never told to leave a pool it was not in', async () => {
    const { rig, clock, vm } = await startRig(
      { wakeOn: 'preface', protocol: 'ssh' },
      { initiallyHeld: false, idleTimeoutMs: 1000 },
    );
    const client = await rig.connect();
    await connected(vm);
    await clock.advance(2500);
    expect(rig.seen.told).toEqual(['opened']);
    client.write('SSH-2.0-x\r\n');
    await received(rig, 11);
    await clock.advance(1500);
    expect(rig.seen.told.slice(1)).toEqual(['active: valid start of ssh', 'idle: no activity for 1s']);
  });

  it('RFB, preface: the client answers the VM -> counts with its answer', async () => {
    const vm = await startVm((socket) => socket.write(RFB_BANNER));
    const { rig } = await startRig({ wakeOn: 'preface', protocol: 'rfb' }, { initiallyHeld: false, vm });
    const client = await rig.connect();
    await new SocketReader(client).until(12);
    expect(rig.seen.told).toEqual(['opened']);
    client.write(RFB_BANNER);
    await received(rig, 12);
    expect(rig.seen.told).toEqual(['opened', 'active: valid start of rfb']);
  });
});

describe('wakeOn: input', () => {
  it('every byte counts: a connection alone, then a byte -> activity with the byte', async () => {
    const { rig, client } = await startSleeper('input');
    expect([rig.seen.told, rig.set.waitingVms()]).toEqual([['opened'], []]);
    client.write('k');
    await received(rig, 1);
    expect(rig.seen.told).toEqual(['opened', 'active: client bytes', 'held-activity: client bytes']);
    expect(rig.set.waitingVms()).toEqual(['alice']);
  });

  it('learned, telnet: negotiation, then a key -> only the key wakes, and all bytes arrive', async () => {
    const { vm, rig, client } = await startSleeper('input', { protocol: 'telnet', activity: 'learned' });
    // IAC DO SUPPRESS-GO-AHEAD, IAC WILL TERMINAL-TYPE, IAC NOP. RFC 854, RFC 858, RFC 1091.
    const negotiation = Buffer.from('fffd03fffb18fff1', 'hex');
    client.write(negotiation);
    await received(rig, 8);
    expect([rig.seen.told, rig.set.waitingVms()]).toEqual([['opened'], []]);
    client.write('k');
    await received(rig, 9);
    expect(wakes(rig)).toEqual(['client bytes']);
    rig.set.release(null);
    const atVm = new SocketReader(await connected(vm));
    await atVm.until(9);
    expect(atVm.received.equals(Buffer.concat([negotiation, Buffer.from('k')]))).toBe(true);
  });
});

describe('allowFrom', () => {
  it.each(['connect', 'preface', 'input'] as const)(
    '%s: a client from elsewhere -> reset, no stream',
    async (wakeOn) => {
      const { rig, vm } = await startRig({ wakeOn, protocol: 'ssh', allowFrom: [ELSEWHERE] }, { initiallyHeld: false });
      await new SocketReader(rig.attempt()).untilEnd('rst');
      expect([rig.seen.told, rig.set.streams(), vm.sockets]).toEqual([[], [], []]);
    },
  );

  it('a client of one of its networks -> served', async () => {
    const { rig } = await startRig({ allowFrom: [ELSEWHERE, LOOPBACK] });
    await rig.connect();
    await streamsOpen(rig, 1);
    expect(rig.seen.told).toEqual(['opened', 'active: connected', 'held-activity: connected']);
  });
});

describe('wakeRate', () => {
  /** One client that wakes, is served, and leaves; then the platform sleeps again. */
  async function wakeOnce(rig: StreamRig): Promise<string> {
    const client = rig.attempt();
    const reader = new SocketReader(client);
    const before = rig.seen.events.length;
    client.write('SSH-2.0-x\r\n');
    await eventually('its verdict', () => rig.seen.events.slice(before).some(({ kind }) => kind !== 'opened'), {
      everyMs: 2,
    });
    const told = rig.seen.events.slice(before).map(({ kind, why }) => `${kind}: ${why}`);
    rig.set.release(null);
    rig.set.hold();
    client.resetAndDestroy();
    expect(reader.end).not.toBe('fin');
    return told.find((line) => !line.startsWith('opened')) as string;
  }

  it('beyond its share: a source -> reset and told, until its time is over', async () => {
    const wakeRate = { count: 2, perMs: 60_000 };
    const { rig, clock } = await startRig({ wakeOn: 'preface', protocol: 'ssh', wakeRate });
    const answers = [await wakeOnce(rig), await wakeOnce(rig), await wakeOnce(rig)];
    expect(answers.map((answer) => answer.split(':')[0])).toEqual(['active', 'active', 'closed']);
    expect(answers[2]).toContain('127.0.0.1 woke alice too often (wakeRate of 127.0.0.1:');
    await clock.advance(60_000);
    expect(await wakeOnce(rig)).toContain('active: valid start of ssh');
  });

  it('connect: beyond its share -> reset, not counted', async () => {
    const { rig } = await startRig({ wakeOn: 'connect', wakeRate: { count: 1, perMs: 60_000 } });
    await rig.connect();
    await streamsOpen(rig, 1);
    rig.set.release(null);
    rig.set.hold();
    await new SocketReader(rig.attempt()).untilEnd('rst');
    expect(rig.seen.told.filter((line) => line.startsWith('active'))).toEqual(['active: connected']);
  });

  it('while a wake is under way: further clients of the source -> cost it nothing', async () => {
    const { rig } = await startRig({ wakeOn: 'connect', wakeRate: { count: 1, perMs: 60_000 } });
    for (let client = 0; client < 5; client += 1) await rig.connect();
    await streamsOpen(rig, 5);
    expect(rig.seen.of('active')).toHaveLength(5);
  });

  it('a stream that was there before the sleep -> its keys are no new connection, and always wake', async () => {
    const vm = await startVm();
    const { rig } = await startRig({ wakeRate: { count: 1, perMs: 60_000 } }, { vm, initiallyHeld: false });
    const client = await rig.connect();
    await connected(vm);
    for (let key = 1; key <= 3; key += 1) {
      rig.set.hold();
      client.write('k');
      await received(rig, key);
      rig.set.release(null);
    }
    expect(wakes(rig)).toHaveLength(3);
  });
});

describe('wakeRate and those who were there before', () => {
  it('input: a silent stream from before the sleep, its source beyond its share -> its first key wakes all the same', async () => {
    const vm = await startVm();
    const wakeRate = { count: 1, perMs: 3_600_000 };
    const { rig } = await startRig({ wakeOn: 'input', wakeRate }, { vm, initiallyHeld: false });
    const console = await rig.connect();
    await connected(vm);
    rig.set.hold();
    const other = await rig.connect();
    await streamsOpen(rig, 2);
    other.write('k');
    await eventually('its wake', () => wakes(rig).length === 1, { everyMs: 2 });
    rig.set.release(null);
    rig.set.hold();
    console.write('k');
    await eventually('the second wake', () => wakes(rig).length === 2, { everyMs: 2 });
    expect(rig.seen.of('closed')).toEqual([]);
  });
});

describe('banner', () => {
  const LISTENER = { wakeOn: 'preface', protocol: 'rfb', banner: 'serve' } as const;

  /** A rig that has seen its VM greet one client, and holds it since. */
  async function startGreeted(greet: (socket: Socket) => void = (socket) => socket.write(RFB_BANNER)) {
    let greetNow: (socket: Socket) => void = (socket) => socket.write(RFB_BANNER);
    const vm = await startVm((socket) => greetNow(socket));
    const { rig, clock } = await startRig(LISTENER, { vm, initiallyHeld: false });
    const first = await rig.connect();
    await new SocketReader(first).until(12);
    first.resetAndDestroy();
    await streamsOpen(rig, 0);
    rig.set.hold();
    greetNow = greet;
    const client = await rig.connect();
    return { vm, rig, clock, client, atClient: new SocketReader(client) };
  }

  it('not known yet: a connection to a sleeper -> wakes, as nobody could be greeted', async () => {
    const { rig } = await startRig(LISTENER);
    await rig.connect();
    await streamsOpen(rig, 1);
    expect(wakes(rig)).toEqual(['connected']);
  });

  it('known: a connection -> greeted, wakes nobody; its answer wakes; each byte once on both sides', async () => {
    const { vm, rig, client, atClient } = await startGreeted((socket) => socket.write(`${RFB_BANNER}\x01\x01`));
    await atClient.until(12);
    expect([atClient.text, wakes(rig), vm.sockets.length]).toEqual([RFB_BANNER, [], 1]);
    client.write(RFB_BANNER);
    await eventually('the wake', () => wakes(rig).length > 0, { everyMs: 2 });
    expect(wakes(rig)).toEqual(['valid start of rfb']);
    rig.set.release(null);
    const atVm = new SocketReader(await connected(vm, 1));
    await Promise.all([atVm.until(12), atClient.until(14)]);
    expect([atVm.text, atClient.text]).toEqual([RFB_BANNER, `${RFB_BANNER}\x01\x01`]);
    expect(rig.set.streams()[0]).toMatchObject({ bytesFromClient: 12, bytesToClient: 14 });
  });

  it("the server's banner in single bytes -> swallowed all the same, what follows passes", async () => {
    const { vm, rig, client, atClient } = await startGreeted((socket) => {
      const bytes = Buffer.from(`${RFB_BANNER}\x02ab`);
      const next = (index: number) => {
        if (index === bytes.length) return;
        socket.write(bytes.subarray(index, index + 1), () => setTimeout(() => next(index + 1), 2));
      };
      next(0);
    });
    client.write(RFB_BANNER);
    rig.set.release(null);
    await connected(vm, 1);
    await atClient.until(15);
    expect(atClient.text).toBe(`${RFB_BANNER}\x02ab`);
  });

  it('the server begins otherwise than it did -> both sides reset, and the old banner is never served again', async () => {
    const { vm, rig, clock, client, atClient } = await startGreeted((socket) => socket.write('RFB 003.003\n'));
    client.write(RFB_BANNER);
    rig.set.release(null);
    await connected(vm, 1);
    await eventually('the end', () => rig.seen.of('closed').length === 2, { everyMs: 2 });
    await clock.advance(RESET_FLUSH_MS);
    await atClient.untilEnd('rst');
    expect(atClient.text).toBe(RFB_BANNER);
    expect(rig.seen.of('closed').at(-1)?.why).toContain('begins otherwise than the banner that was served');
    rig.set.hold();
    const next = new SocketReader(await rig.connect());
    await eventually('the wake', () => wakes(rig).length > 0, { everyMs: 2 });
    expect([next.receivedBytes, wakes(rig).at(-1)]).toEqual([0, 'connected']);
  });

  it('greeted and silent -> reset after the bound, no activity', async () => {
    const { rig, clock, atClient } = await startGreeted();
    await atClient.until(12);
    await clock.advance(PREFACE_BOUND_MS + RESET_FLUSH_MS);
    await atClient.untilEnd('rst');
    expect([wakes(rig), rig.set.streams()]).toEqual([[], []]);
  });

  it('a health check that reads the banner and closes -> no activity', async () => {
    const { rig, client, atClient } = await startGreeted();
    await atClient.until(12);
    client.end();
    await atClient.untilEnd('fin');
    await streamsOpen(rig, 0);
    expect(wakes(rig)).toEqual([]);
  });

  it('a server that is none of RFB -> nothing to serve: a connection to the sleeper wakes', async () => {
    const vm = await startVm((socket) => socket.write('SSH-2.0-OpenSSH_9.2\r\n'));
    const { rig } = await startRig(LISTENER, { vm, initiallyHeld: false });
    await new SocketReader(await rig.connect()).until(21);
    rig.set.hold();
    await rig.connect();
    await eventually('the wake', () => wakes(rig).length > 0, { everyMs: 2 });
    expect(wakes(rig)).toEqual(['connected']);
  });
});
