// The real socket, on loopback: what the kernel reports becomes a named error.
import { createSocket } from 'node:dgram';
import { describe, expect, it } from 'vitest';
import type { TorporError } from '../../../src/platform/errors.ts';
import { BmcSession } from '../../../src/power/ipmi/bmc-session.ts';
import { pingPresence } from '../../../src/power/ipmi/presence-ping.ts';
import { openUdpTransport } from '../../../src/power/ipmi/udp-transport.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { PATIENT } from '../../support/eventually.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { freePort } from '../../support/ports.ts';
import { bytesOf, hexOf } from '../support/hex.ts';

/** An echo that answers every datagram with itself, and once more from another port. */
async function echo() {
  const socket = createSocket('udp4');
  const stranger = createSocket('udp4');
  socket.on('message', (bytes, from) => {
    stranger.send(bytesOf('de ad'), from.port, from.address, () => socket.send(bytes, from.port, from.address));
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const close = async () => {
    await new Promise<void>((resolve) => socket.close(resolve));
    await new Promise<void>((resolve) => stranger.close(resolve));
  };
  return { port: socket.address().port, close };
}

describe('UDP transport', () => {
  it('a datagram out, one back; what others send to the socket never arrives', async () => {
    const peer = await echo();
    const heard: string[] = [];
    const transport = await openUdpTransport('127.0.0.1', peer.port, {
      packet: (bytes) => heard.push(hexOf(bytes)),
      failure: (error) => heard.push(String(error)),
    });
    transport.send(bytesOf('06 00 ff 07'));
    await expect.poll(() => heard, PATIENT).toEqual(['0600ff07']);
    await transport.close();
    await transport.close();
    await peer.close();
  });

  it('nobody listens on the port -> ERR_IPMI_UNREACHABLE that names host, port and what to check', async () => {
    const port = await freePort();
    const failures: TorporError[] = [];
    const transport = await openUdpTransport('127.0.0.1', port, {
      packet: () => {},
      failure: (error) => failures.push(error),
    });
    transport.send(bytesOf('06'));
    await expect.poll(() => failures.length, PATIENT).toBeGreaterThan(0);
    expect(failures[0]).toMatchObject({ code: 'ERR_IPMI_UNREACHABLE', retryable: true });
    expect(String(failures[0])).toMatch(`BMC 127.0.0.1:${port} cannot be reached`);
    expect(String(failures[0])).toMatch(/nothing listens on this UDP port/);
    await transport.close();
  });

  it('a name without an address -> ERR_IPMI_UNREACHABLE', async () => {
    const opening = openUdpTransport('no-such-bmc.invalid', 623, { packet: () => {}, failure: () => {} });
    await expect(opening).rejects.toMatchObject({ code: 'ERR_IPMI_UNREACHABLE' });
  });

  it('an address that the kernel will not connect to -> ERR_IPMI_UNREACHABLE, and no session that throws later', async () => {
    // Not without SO_BROADCAST, anywhere; a machine without a route refuses any address in the same way.
    const host = '255.255.255.255';
    const opening = openUdpTransport(host, 623, { packet: () => {}, failure: () => {} });
    await expect(opening).rejects.toMatchObject({ code: 'ERR_IPMI_UNREACHABLE', retryable: true });
    const clock = new FakeClock();
    const session = new BmcSession({ host, user: 'torpor', password: 'x', clock });
    await expect(session.open()).rejects.toMatchObject({ code: 'ERR_IPMI_UNREACHABLE' });
    await clock.advance(10_000);
    await session.close();
  });

  it('a session with a port nobody listens on -> ERR_IPMI_UNREACHABLE at once, not after the time-outs', async () => {
    const port = await freePort();
    // Its clock stands: what ends it is the refusal.
    const session = new BmcSession({
      host: '127.0.0.1',
      port,
      user: 'torpor',
      password: 'x',
      cipherSuite: 17,
      clock: new FakeClock(),
    });
    await expect(session.open()).rejects.toMatchObject({ code: 'ERR_IPMI_UNREACHABLE' });
    await session.close();
  });

  it('presence ping to a port nobody listens on -> refused', async () => {
    expect(await pingPresence({ host: '127.0.0.1', port: await freePort(), clock: systemClock })).toBe('refused');
  });
});
