import { describe, expect, it } from 'vitest';
import { Listener, type ListenerOptions } from '../../src/streams/listener.ts';
import { freePort, isPortFree } from '../support/ports.ts';
import { StreamRig, VmServer } from './support/stream-rig.ts';

function makeListener(host: string, port: number): Listener {
  const options: ListenerOptions = {
    listen: { host, port },
    target: { host: '127.0.0.1', port: 9 },
    vm: 'alice',
    protocol: 'rdp',
    device: 'desktop',
    wakeOn: 'connect',
    maxStreams: null,
  };
  return new Listener(options, (client) => client.destroy());
}

describe('Listener', () => {
  it('port 0 -> a free port, which its endpoint and route name', async () => {
    const listener = makeListener('127.0.0.1', 0);
    await listener.open();
    expect(listener.endpoint.port).toBeGreaterThan(0);
    expect(listener.route).toMatchObject({
      vm: 'alice',
      protocol: 'rdp',
      listener: `127.0.0.1:${listener.endpoint.port}`,
    });
    await listener.close();
    await listener.close();
    expect(await isPortFree(listener.endpoint.port)).toBe(true);
  });

  it('port in use -> ERR_STREAM_LISTEN that names the address, the VM and what to do', async () => {
    const other = await VmServer.start();
    const { port } = other;
    const error = await makeListener('127.0.0.1', port)
      .open()
      .catch((thrown: unknown) => thrown);
    other.close();
    expect(error).toMatchObject({ code: 'ERR_STREAM_LISTEN', retryable: false });
    expect((error as Error).message).toBe(
      `could not listen on 127.0.0.1:${port} for the VM alice (EADDRINUSE): another program has that port ("ss -ltnp sport = :${port}" names it): stop it, or listen on another port`,
    );
  });

  it('an address of another machine -> ERR_STREAM_LISTEN that says so', async () => {
    // TEST-NET-1, RFC 5737: no machine has it.
    await expect(makeListener('192.0.2.1', 0).open()).rejects.toMatchObject({
      code: 'ERR_STREAM_LISTEN',
      message: expect.stringContaining('no network interface of this machine has that address'),
    });
  });

  it('one of two ports in use: a StreamSet opens -> rejects, and the other port is free again', async () => {
    const other = await VmServer.start();
    const first = await freePort();
    const opening = StreamRig.start({
      listeners: [{ listen: { host: '127.0.0.1', port: first } }, { listen: { host: '127.0.0.1', port: other.port } }],
    });
    await expect(opening).rejects.toMatchObject({ code: 'ERR_STREAM_LISTEN' });
    expect(await isPortFree(first)).toBe(true);
    other.close();
  });
});
