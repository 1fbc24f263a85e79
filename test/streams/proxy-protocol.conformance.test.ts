// Peers: HAProxy and nginx, before Torpor with PROXY headers of theirs, and behind it with ours.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import type { IpNetwork } from '../../src/platform/ip-network.ts';
import type { ListenerOptions } from '../../src/streams/listener.ts';
import { comesTrue, eventually } from '../support/eventually.ts';
import { passiveOpens } from '../support/kernel-tcp.ts';
import { freePort } from '../support/ports.ts';
import { haproxyConfig as haproxy, nginxConfig as nginx, startProxy } from '../support/proxy-program.ts';
import { describeWhere, requires } from '../support/requirements.ts';
import { SocketReader } from './support/socket-reader.ts';
import { StreamRig, VmServer } from './support/stream-rig.ts';

const LOOPBACK: IpNetwork = { bytes: Uint8Array.of(127, 0, 0, 0), prefixBits: 8 };
/** An address of the client's own, which no program before or behind it has. */
const CLIENT = '127.0.0.77';
const CHECKS = 10;

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** It is gone when the test is over. */
async function start(name: 'haproxy' | 'nginx', port: number, config: string): Promise<void> {
  const proxy = await startProxy(name, port, config);
  closers.push(() => proxy[Symbol.asyncDispose]());
}

async function startRig(proxyProtocol: ListenerOptions['proxyProtocol'], target?: number, initiallyHeld = false) {
  const vm = await VmServer.start();
  closers.push(() => vm.close());
  const rig = await StreamRig.start({
    target: target ?? vm.port,
    initiallyHeld,
    listeners: [{ protocol: 'http', ...(proxyProtocol === undefined ? {} : { proxyProtocol }) }],
  });
  closers.push(() => rig.close());
  return { rig, vm };
}

async function connectAsClient(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, localAddress: CLIENT, noDelay: true });
  closers.push(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

const FRONTS = [
  ['HAProxy, send-proxy', 'haproxy', 'send-proxy'],
  ['HAProxy, send-proxy-v2', 'haproxy', 'send-proxy-v2'],
  [
    'HAProxy, send-proxy-v2 with checksum, unique id and more triplets',
    'haproxy',
    'send-proxy-v2-ssl-cn proxy-v2-options crc32c,unique-id,authority',
  ],
  ['nginx, proxy_protocol on', 'nginx', ''],
] as const;

describeWhere(requires(['haproxy', 'nginx']), 'PROXY headers of others, and ours to others', () => {
  it.each(FRONTS)('%s, before Torpor -> the table has the client, the VM its bytes', async (_, program, options) => {
    const { rig, vm } = await startRig({ acceptFrom: [LOOPBACK], send: null });
    const port = await freePort();
    const config =
      program === 'nginx'
        ? nginx(
            `stream { server { listen 127.0.0.1:${port}; proxy_pass 127.0.0.1:${rig.port()}; proxy_protocol on; } }`,
          )
        : haproxy(
            `listen front\n  mode tcp\n  bind 127.0.0.1:${port}\n  unique-id-format %[uuid()]\n  server torpor 127.0.0.1:${rig.port()} ${options}\n`,
          );
    await start(program, port, config);
    const client = await connectAsClient(port);
    client.write('hello, VM');
    await comesTrue(() => expect(rig.set.streams()[0]?.client).toBe(`${CLIENT}:${client.localPort}`));
    await eventually('the VM to accept', () => vm.sockets[0]);
    const server = new SocketReader(vm.sockets[0] as Socket);
    await server.until(9);
    expect(server.text).toBe('hello, VM');
    vm.sockets[0]?.write('hello, client');
    const reader = new SocketReader(client);
    await reader.until(13);
    expect(rig.set.refusedClients()).toEqual({});
  });

  it('HAProxy that checks a sleeper each 100 ms -> thinks it is up, and wakes nobody', async () => {
    const { rig } = await startRig({ acceptFrom: [LOOPBACK], send: null }, undefined, true);
    const [port, statsPort] = [await freePort(), await freePort()];
    const server = `server torpor 127.0.0.1:${rig.port()} send-proxy-v2 check-send-proxy check inter 100`;
    const stats = `listen stats\n  mode http\n  bind 127.0.0.1:${statsPort}\n  stats enable\n  stats uri /\n`;
    await start('haproxy', port, haproxy(`listen front\n  mode tcp\n  bind 127.0.0.1:${port}\n  ${server}\n${stats}`));
    // HAProxy resets each right behind its header, mostly before that was read here: the kernel knows of each. Nobody else connects meanwhile.
    const first = passiveOpens();
    await eventually('checks of the sleeper', () => passiveOpens() >= first + CHECKS, { withinMs: 60_000 });
    expect(rig.seen.of('active')).toEqual([]);
    expect(rig.set.waitingVms()).toEqual([]);
    const page = async () => (await fetch(`http://127.0.0.1:${statsPort}/;csv`)).text();
    await eventually('it to be up', async () => /^front,torpor,.*,UP,/m.test(await page()));
  });

  it.each(['v1', 'v2'] as const)(
    'HAProxy behind Torpor, accept-proxy, send: %s -> it knows the client',
    async (send) => {
      const port = await freePort();
      const answer =
        'http-request return status 200 content-type text/plain lf-string "%[src]:%[src_port] %[dst]:%[dst_port]"';
      await start(
        'haproxy',
        port,
        haproxy(`frontend back\n  mode http\n  bind 127.0.0.1:${port} accept-proxy\n  ${answer}\n`),
      );
      const { rig } = await startRig({ acceptFrom: null, send }, port);
      const client = await connectAsClient(rig.port());
      const reader = new SocketReader(client);
      const expected = `${CLIENT}:${client.localPort} 127.0.0.1:${rig.port()}`;
      client.write('GET / HTTP/1.0\r\n\r\n');
      await comesTrue(() => expect(reader.text).toContain(expected));
    },
  );

  it.each(['v1', 'v2'] as const)(
    'nginx behind Torpor, listen proxy_protocol, send: %s -> it knows the client',
    async (send) => {
      const port = await freePort();
      const answer = '"$proxy_protocol_addr:$proxy_protocol_port"';
      const block = `http { access_log off; server { listen 127.0.0.1:${port} proxy_protocol; return 200 ${answer}; } }`;
      await start('nginx', port, nginx(block));
      const { rig } = await startRig({ acceptFrom: null, send }, port);
      const client = await connectAsClient(rig.port());
      const reader = new SocketReader(client);
      const expected = `${CLIENT}:${client.localPort}`;
      client.write('GET / HTTP/1.0\r\n\r\n');
      await comesTrue(() => expect(reader.text).toContain(expected));
    },
  );
});
