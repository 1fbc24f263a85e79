// VMs saved, and a node shut down, through the HTTP API of a simulated Proxmox VE.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { ProxmoxHypervisor } from '../../../src/power/context/proxmox-hypervisor.ts';
import { VmSaver } from '../../../src/power/context/vm-saver.ts';
import { ProxmoxClient, type ProxmoxClientOptions } from '../../../src/power/inband/proxmox-client.ts';
import { ProxmoxHost } from '../../../src/power/inband/proxmox-host.ts';
import {
  SimulatedProxmox,
  type SimulatedProxmoxOptions,
  type SimulatedProxmoxVm,
} from '../../../src/power/simulated/simulated-proxmox.ts';
import { eventually } from '../../support/eventually.ts';
import { hurriedClock } from '../support/hurried-clock.ts';
import { MemoryRecord } from './support/memory-record.ts';

const NEVER = new AbortController().signal;
const TOKEN = { tokenId: 'torpor@pve!power', tokenSecret: '8f4fbb11-0000-4000-8000-5ec4e75ec4e7' };

const ends: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

function vm(vmid: number, name: string, change: Partial<SimulatedProxmoxVm> = {}): SimulatedProxmoxVm {
  return { vmid, name, status: 'running', lock: null, memory: 7, ...change };
}

async function simulate(change: Partial<SimulatedProxmoxOptions> = {}): Promise<SimulatedProxmox> {
  const vms = [vm(101, 'alice'), vm(102, 'bob'), vm(103, 'carol', { status: 'stopped', memory: 0 })];
  const options = { clock: hurriedClock, node: 'pve-1', ...TOKEN, vms, taskMs: 20, ...change };
  const simulated = await SimulatedProxmox.start(options);
  ends.push(() => simulated.stop());
  return simulated;
}

function clientOf(url: string, change: Partial<ProxmoxClientOptions> = {}): ProxmoxClient {
  return new ProxmoxClient({ url, node: 'pve-1', ...TOKEN, tls: { kind: 'system' }, clock: hurriedClock, ...change });
}

function saverOf(simulated: SimulatedProxmox, told: string[] = []): VmSaver {
  const hypervisor = new ProxmoxHypervisor(clientOf(simulated.url));
  const tell = (_kind: string, message: string) => told.push(message);
  const record = new MemoryRecord();
  return new VmSaver({ hypervisor, vms: 'all', parallel: 1, timeoutMs: 60_000, record, clock: hurriedClock, tell });
}

/** A server that answers everything in its own way. */
async function serve(answer: Parameters<typeof createServer>[1]): Promise<string> {
  const server: Server = createServer(answer as never);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(async () => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('Proxmox: VMs', () => {
  it('save, power off, restore -> hibernated by suspend with todisk, started again with their memory; a stopped one stays stopped', async () => {
    const simulated = await simulate();
    const saver = saverOf(simulated);
    expect(await saver.save(NEVER)).toBeNull();
    expect([...simulated.vms.values()].map(({ status, lock }) => [status, lock])).toEqual([
      ['stopped', 'suspended'],
      ['stopped', 'suspended'],
      ['stopped', null],
    ]);
    simulated.powerOff();
    simulated.online = true;
    expect(await saver.restore(NEVER)).toBeNull();
    expect([...simulated.vms.values()].map(({ status, lock, memory }) => [status, lock, memory])).toEqual([
      ['running', null, 7],
      ['running', null, 7],
      ['stopped', null, 0],
    ]);
    const posts = simulated.requests.filter((request) => request.startsWith('POST'));
    expect(posts).toEqual([
      'POST /nodes/pve-1/qemu/101/status/suspend todisk=1',
      'POST /nodes/pve-1/qemu/102/status/suspend todisk=1',
      'POST /nodes/pve-1/qemu/101/status/start',
      'POST /nodes/pve-1/qemu/102/status/start',
    ]);
  });

  it('save: a VM is locked -> veto that names it and the lock; one with a PCI device -> veto that names it; nothing was asked', async () => {
    const locked = await simulate({ vms: [vm(101, 'alice'), vm(102, 'bob', { lock: 'backup' })] });
    expect(await saverOf(locked).save(NEVER)).toBe('VM bob is busy (locked: backup)');
    const passed = await simulate({
      vms: [vm(101, 'alice'), vm(102, 'gpu', { config: { hostpci0: '0000:01:00.0' } })],
    });
    expect(await saverOf(passed).save(NEVER)).toBe(
      'VM gpu has a device of the host passed through (hostpci0), which cannot be hibernated',
    );
    for (const { requests } of [locked, passed]) expect(requests.filter((one) => one.startsWith('POST'))).toEqual([]);
  });

  it('save: the task of the second fails -> veto with its words; restore starts the first', async () => {
    const simulated = await simulate();
    const told: string[] = [];
    const saver = saverOf(simulated, told);
    const saving = saver.save(NEVER);
    await eventually('the first to be saved', () => told.some((line) => line.startsWith('saved VM alice')), {
      everyMs: 1,
    });
    simulated.failures.set('suspend', 'unable to write state: no space left');
    expect(await saving).toMatch(
      /^VM bob could not be saved: .*the task failed: unable to write state: no space left$/,
    );
    expect(await saver.restore(NEVER)).toBeNull();
    expect([...simulated.vms.values()].map(({ status }) => status)).toEqual(['running', 'running', 'stopped']);
  });

  it('save: called off while a VM is being hibernated -> that is let end, restore starts it again', async () => {
    const simulated = await simulate({ vms: [vm(101, 'alice'), vm(102, 'bob')] });
    const abort = new AbortController();
    const saver = saverOf(simulated);
    const saving = saver.save(abort.signal);
    await eventually('the first task', () => simulated.vms.get(101)?.lock === 'suspending', { everyMs: 1 });
    abort.abort();
    expect(await saving).toBe('called off');
    expect([...simulated.vms.values()].map(({ lock }) => lock)).toEqual(['suspended', null]);
    expect(await saver.restore(NEVER)).toBeNull();
    expect(simulated.vms.get(101)).toMatchObject({ status: 'running', lock: null, memory: 7 });
  });
});

describe('Proxmox: the node', () => {
  const hostOf = (simulated: SimulatedProxmox, via: 'node' | 'peer') =>
    new ProxmoxHost({ client: clientOf(simulated.url), via, clock: hurriedClock });

  it('via the node itself: shutdown is asked for once; it can neither wake it nor tell that it is off', async () => {
    const simulated = await simulate();
    const host = hostOf(simulated, 'node');
    expect([host.wake, host.reader]).toEqual([null, null]);
    expect((await host.requestSleep(NEVER)).outcome).toBe('accepted');
    expect(simulated.requests).toEqual(['POST /nodes/pve-1/status command=shutdown']);
    await eventually('the node to be off', () => !simulated.online);
    expect((await host.requestSleep(NEVER)).outcome).toBe('unknown');
  });

  it('via a peer: online and offline are told, and the peer wakes it', async () => {
    const simulated = await simulate({ peer: 'pve-2' });
    const host = hostOf(simulated, 'peer');
    expect(await host.readPower(NEVER)).toMatchObject({ acpi: 'S0', acpiSource: 'command' });
    expect(await host.proveWake(NEVER)).toMatchObject({ proven: false, needsRecord: true });
    await host.requestSleep(NEVER);
    await eventually('the node to be off', () => !simulated.online);
    expect(await host.readPower(NEVER)).toMatchObject({ acpi: 'S5' });
    expect(await host.requestWake('proxmox-wakeonlan', NEVER)).toMatchObject({ outcome: 'accepted' });
    expect(await host.readPower(NEVER)).toMatchObject({ acpi: 'S0' });
  });

  it('via a peer, but the address is the node’s own -> the wake path is not proven, with the reason', async () => {
    const { proven, why } = await hostOf(await simulate(), 'peer').proveWake(NEVER);
    expect([proven, why]).toEqual([false, expect.stringContaining('is the node itself')]);
  });

  it('the peer answers, the node is off: asked to shut down -> unknown, it may have been asked', async () => {
    const simulated = await simulate({ peer: 'pve-2' });
    simulated.powerOff();
    expect((await hostOf(simulated, 'peer').requestSleep(NEVER)).outcome).toBe('unknown');
  });

  it.each([502, 504, 597, 599])(
    'HTTP %i, of a proxy in between: asked to shut down -> unknown, it may have been asked',
    async (status) => {
      const url = await serve((_, response) => response.writeHead(status, 'Gateway Timeout').end());
      const host = new ProxmoxHost({ client: clientOf(url), via: 'node', clock: hurriedClock });
      expect((await host.requestSleep(NEVER)).outcome).toBe('unknown');
    },
  );

  it('inspect: it answers -> version; another name than the cluster knows -> failed with what to do', async () => {
    const simulated = await simulate();
    expect(await hostOf(simulated, 'node').inspect(NEVER)).toMatchObject([
      { outcome: 'ok', what: expect.stringContaining('8.2.4') },
    ]);
    const client = clientOf(simulated.url, { node: 'pve-9' });
    const wrong = new ProxmoxHost({ client, via: 'node', clock: hurriedClock });
    expect(await wrong.inspect(NEVER)).toMatchObject([
      { outcome: 'failed', todo: expect.stringContaining('power.host.node') },
    ]);
  });
});

describe('Proxmox: answers', () => {
  it('the token is refused -> ERR_HYPERVISOR_AUTHENTICATION; the secret is in no error and no printing', async () => {
    const simulated = await simulate();
    const client = clientOf(simulated.url, { tokenSecret: 'wrong-5ec4e7' });
    const problem: Error = await client.get('/version', NEVER).then(
      () => new Error('none'),
      (thrown: Error) => thrown,
    );
    expect(problem).toMatchObject({ code: 'ERR_HYPERVISOR_AUTHENTICATION' });
    expect(problem.message).toContain('401 authentication failure');
    const shown = [problem, client, JSON.stringify(problem), JSON.stringify(client), String(client)].map((one) =>
      inspect(one, { depth: 9 }),
    );
    expect(shown.join()).not.toContain('5ec4e7');
  });

  it.each([
    [403, 'Permission check failed (/vms/101, VM.PowerMgmt)', 'ERR_HYPERVISOR_AUTHENTICATION', false],
    [500, 'VM 101 is not running', 'ERR_HYPERVISOR_REFUSED', false],
    [595, 'No route to host', 'ERR_HYPERVISOR_UNREACHABLE', true],
    [503, 'Service Unavailable', 'ERR_HYPERVISOR_REFUSED', true],
  ])('status %i %s -> %s', async (status, reason, code, retryable) => {
    const url = await serve((_, response) => response.writeHead(status, reason).end('{"data":null}'));
    await expect(clientOf(url).get('/version', NEVER)).rejects.toMatchObject({
      ...{ code, retryable },
      message: expect.stringContaining(`${status} ${reason}`),
    });
  });

  it('wrong parameters -> Proxmox’s words about each', async () => {
    const body = '{"data":null,"errors":{"command":"value \'x\' does not have a value in the enumeration"}}';
    const url = await serve((_, response) => response.writeHead(400, 'Parameter verification failed.').end(body));
    await expect(clientOf(url).post('/x', {}, NEVER)).rejects.toThrow(
      /Parameter verification failed.: command: value 'x'/,
    );
  });

  it('no JSON, half an answer, an answer without end -> an error each, no unbounded memory', async () => {
    const html = await serve((_, response) => response.end('<html>'));
    await expect(clientOf(html).get('/version', NEVER)).rejects.toMatchObject({ code: 'ERR_HYPERVISOR_PROTOCOL' });
    const half = await serve((request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{"data":', () => request.socket.destroy());
    });
    await expect(clientOf(half).get('/version', NEVER)).rejects.toMatchObject({ code: 'ERR_HYPERVISOR_UNREACHABLE' });
    const endless = await serve((_, response) => {
      const write = () => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
        if (!response.destroyed) response.once('drain', write);
      };
      write();
    });
    await expect(clientOf(endless).get('/version', NEVER)).rejects.toThrow(/longer than 8388608 bytes/);
  });

  it('a POST that is lost -> never sent again', async () => {
    let posts = 0;
    const url = await serve((request) => {
      posts += 1;
      request.socket.destroy();
    });
    await expect(clientOf(url).post('/nodes/pve-1/status', { command: 'shutdown' }, NEVER)).rejects.toMatchObject({
      retryable: true,
    });
    expect(posts).toBe(1);
  });

  it('a task is asked after although the API went away in between; one that stays away -> an error', async () => {
    let looks = 0;
    const url = await serve((request, response) => {
      looks += 1;
      if (looks < 5) request.socket.destroy();
      else response.end('{"data":{"status":"stopped","exitstatus":"OK"}}');
    });
    await clientOf(url).taskEnds('UPID:pve-1:1', NEVER);
    const gone = await serve((request) => request.socket.destroy());
    await expect(clientOf(gone).taskEnds('UPID:pve-1:1', NEVER)).rejects.toMatchObject({
      code: 'ERR_HYPERVISOR_UNREACHABLE',
    });
    await expect(clientOf(gone).taskEnds(null, NEVER)).rejects.toMatchObject({ code: 'ERR_HYPERVISOR_PROTOCOL' });
  });
});
