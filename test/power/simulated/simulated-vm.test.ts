// A simulated VM over real TCP on loopback: freezes as a suspended guest does, resets what a lost RAM has forgotten.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SimulatedVm } from '../../../src/power/simulated/simulated-vm.ts';
import type { VmService } from '../../../src/power/simulated/vm-connection.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { PATIENT } from '../../support/eventually.ts';

/** As it draws its port. */
const [FIRST_PORT, PORT_COUNT] = [26_000, 6_000];
/** Long enough for loopback to carry something that must not be carried. */
const SILENCE_MS = 60;

/** A TCP client that keeps what it hears. */
class Client {
  readonly socket: Socket;
  heard = '';
  problem = '';

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    this.socket.on('data', (bytes: Buffer) => {
      this.heard += bytes.toString('latin1');
    });
    this.socket.on('error', (error: NodeJS.ErrnoException) => {
      this.problem = error.code ?? error.message;
    });
  }

  async hears(text: string): Promise<void> {
    await expect.poll(() => this.heard, PATIENT).toBe(text);
  }
}

describe('simulated VM', () => {
  let vm: SimulatedVm;
  const clients: Client[] = [];

  const newClient = (): Client => {
    const client = new Client(vm.port);
    clients.push(client);
    return client;
  };
  const startVm = async (service?: VmService): Promise<void> => {
    vm = new SimulatedVm({ name: '1', clock: systemClock, service });
    await vm.start('boot-a');
  };

  beforeEach(async () => {
    await startVm();
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.socket.destroy();
    await vm.stop();
  });

  it('lines -> each answered with its number of the connection and the boot id', async () => {
    const client = newClient();
    client.socket.write('one\ntwo\nthr');
    await client.hears('vm1 n=1 boot=boot-a one\nvm1 n=2 boot=boot-a two\n');
    client.socket.write('ee\n\n');
    await client.hears(
      'vm1 n=1 boot=boot-a one\nvm1 n=2 boot=boot-a two\nvm1 n=3 boot=boot-a three\nvm1 n=4 boot=boot-a \n',
    );
    const other = newClient();
    other.socket.write('x\n');
    await other.hears('vm1 n=1 boot=boot-a x\n');
  });

  it('frozen -> new connections are refused, open ones are neither read nor written; thawed -> all goes on', async () => {
    const client = newClient();
    client.socket.write('before\n');
    await client.hears('vm1 n=1 boot=boot-a before\n');
    vm.freeze();
    const [connection] = vm.connections;
    connection?.write(Buffer.from('a late word\n'));
    client.socket.write('while asleep\n');
    const refused = newClient();
    await expect.poll(() => refused.problem, PATIENT).toBe('ECONNREFUSED');
    await pause(SILENCE_MS);
    expect([vm.state, connection?.bytesReceived, client.heard]).toEqual(['frozen', 7, 'vm1 n=1 boot=boot-a before\n']);
    expect(client.problem).toBe('');
    vm.thaw();
    await client.hears('vm1 n=1 boot=boot-a before\na late word\nvm1 n=2 boot=boot-a while asleep\n');
    await expect.poll(() => vm.state, PATIENT).toBe('answering');
    const after = newClient();
    after.socket.write('new\n');
    await after.hears('vm1 n=1 boot=boot-a new\n');
  });

  it('frozen and thawed ten times -> the same port, the same connection, nothing lost', async () => {
    const { port } = vm;
    const client = newClient();
    await once(client.socket, 'connect');
    let expected = '';
    for (let round = 1; round <= 10; round += 1) {
      vm.freeze();
      client.socket.write(`line ${round}\n`);
      expected += `vm1 n=${round} boot=boot-a line ${round}\n`;
      await pause(5);
      vm.thaw();
      await client.hears(expected);
    }
    expect(vm.port).toBe(port);
  });

  it('frozen again before it listens again -> frozen', async () => {
    vm.freeze();
    vm.thaw();
    vm.freeze();
    await pause(SILENCE_MS);
    expect(vm.state).toBe('frozen');
    vm.thaw();
    await expect.poll(() => vm.state, PATIENT).toBe('answering');
  });

  it('booted -> old connections are reset, new ones see another boot id and count from 1', async () => {
    const client = newClient();
    client.socket.write('x\n');
    await client.hears('vm1 n=1 boot=boot-a x\n');
    vm.lose();
    client.socket.write('into the void\n');
    await pause(SILENCE_MS);
    expect([vm.state, client.problem]).toEqual(['down', '']);
    vm.boot('boot-b');
    await expect.poll(() => client.problem, PATIENT).toBe('ECONNRESET');
    await expect.poll(() => vm.state, PATIENT).toBe('answering');
    const after = newClient();
    after.socket.write('y\n');
    await after.hears('vm1 n=1 boot=boot-b y\n');
  });

  it('4 MiB in random pieces across a freeze -> checksum and count of what arrived are those of what was sent', async () => {
    await vm.stop();
    await startVm({ received: () => {} });
    const sent = createHash('sha256');
    const chunks: number[] = [];
    vm.onBytes((_connection, bytes) => chunks.push(bytes.length));
    const client = newClient();
    await once(client.socket, 'connect');
    await expect.poll(() => vm.connections.length, PATIENT).toBe(1);
    for (let piece = 0; piece < 64; piece += 1) {
      const bytes = randomBytes(64 * 1024);
      sent.update(bytes);
      client.socket.write(bytes);
      if (piece % 8 === 0) await pause(1);
      if (piece === 20) vm.freeze();
      if (piece === 40) vm.thaw();
    }
    const total = 64 * 64 * 1024;
    await expect.poll(() => vm.connections[0]?.bytesReceived, PATIENT).toBe(total);
    expect(vm.connections[0]?.receivedSha256()).toBe(sent.digest('hex'));
    expect(chunks.reduce((sum, length) => sum + length, 0)).toBe(total);
  });

  it('the client half-closes -> the rest is answered, then the VM closes too', async () => {
    const client = newClient();
    client.socket.end('last\n');
    await client.hears('vm1 n=1 boot=boot-a last\n');
    await expect.poll(() => client.socket.readableEnded, PATIENT).toBe(true);
    await expect.poll(() => vm.connections.at(0)?.closed, PATIENT).toBe(true);
  });

  it('a line longer than the bound -> one answer with its first 1 MiB', async () => {
    const client = newClient();
    client.socket.write('x'.repeat(1024 * 1024 + 5));
    client.socket.write('\nnext\n');
    const head = 'vm1 n=1 boot=boot-a ';
    await client.hears(`${head}${'x'.repeat(1024 * 1024)}\nvm1 n=2 boot=boot-a next\n`);
  });

  it('connections without a byte, as probes make -> are not kept; others are', async () => {
    for (let probe = 0; probe < 5; probe += 1) {
      const client = newClient();
      await once(client.socket, 'connect');
      client.socket.destroy();
    }
    const client = newClient();
    client.socket.end('x\n');
    await expect.poll(() => vm.connections.map(({ id, closed }) => [id, closed]), PATIENT).toEqual([[6, true]]);
  });

  it('states -> told in order, answering only once it listens', async () => {
    const states: string[] = [];
    vm.onState((state) => states.push(state));
    vm.freeze();
    vm.thaw();
    await expect.poll(() => vm.state, PATIENT).toBe('answering');
    vm.lose();
    vm.boot('boot-b');
    await expect.poll(() => vm.state, PATIENT).toBe('answering');
    expect(states).toEqual(['frozen', 'answering', 'down', 'answering']);
  });

  it('port in use -> ERR_STREAM_LISTEN that names it', async () => {
    const second = new SimulatedVm({ name: '2', clock: systemClock, port: vm.port });
    await expect(second.start('b')).rejects.toMatchObject({ code: 'ERR_STREAM_LISTEN' });
    await second.stop();
  });

  it('frozen, and another draws the same port -> that one takes the next', async () => {
    vm.freeze();
    vi.spyOn(Math, 'random').mockReturnValueOnce((vm.port - FIRST_PORT + 0.5) / PORT_COUNT);
    const second = new SimulatedVm({ name: '2', clock: systemClock });
    await second.start('b');
    expect(second.port).not.toBe(vm.port);
    vm.thaw();
    await expect.poll(() => vm.state, PATIENT).toBe('answering');
    await second.stop();
  });
});
