// VMs moved between nodes through the HTTP API of a simulated Proxmox VE cluster: the task to its end, its failures, and its being called off.
import { afterEach, describe, expect, it } from 'vitest';
import { ProxmoxMover } from '../../../src/power/evacuation/proxmox-mover.ts';
import { ProxmoxClient } from '../../../src/power/inband/proxmox-client.ts';
import { SimulatedProxmox, type SimulatedProxmoxOptions } from '../../../src/power/simulated/simulated-proxmox.ts';
import { eventually } from '../../support/eventually.ts';
import { hurriedClock } from '../support/hurried-clock.ts';

const NEVER = new AbortController().signal;
const TOKEN = { tokenId: 'torpor@pve!move', tokenSecret: '8f4fbb11-0000-4000-8000-5ec4e75ec4e7' };
const ALICE = { vm: 'alice', from: 'vdi-01', to: 'vdi-02' };
const ends: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function simulate(change: Partial<SimulatedProxmoxOptions> = {}) {
  const cluster = new Map<string, SimulatedProxmox>();
  const clients = new Map<string, ProxmoxClient>();
  for (const [platform, node] of [['vdi-01', 'pve-1'] as const, ['vdi-02', 'pve-2'] as const]) {
    const vms = node === 'pve-1' ? [vm(101, 'alice'), vm(102, 'bob')] : [vm(103, 'carol')];
    const options = { clock: hurriedClock, node, ...TOKEN, vms, taskMs: 20, cluster, ...change };
    const simulated = await SimulatedProxmox.start(options);
    ends.push(() => simulated.stop());
    cluster.set(node, simulated);
    const { url } = simulated;
    clients.set(platform, new ProxmoxClient({ url, node, ...TOKEN, tls: { kind: 'system' }, clock: hurriedClock }));
  }
  const [first, second] = [...cluster.values()] as [SimulatedProxmox, SimulatedProxmox];
  return { mover: new ProxmoxMover(clients), first, second };
}

function vm(vmid: number, name: string) {
  return { vmid, name, status: 'running' as const, lock: null as string | null, memory: 7 };
}

describe('ProxmoxMover', () => {
  it('a VM that runs -> one request with online=1, its task awaited, and it runs there with its memory', async () => {
    const { mover, first, second } = await simulate();
    await mover.move(ALICE, NEVER);
    const posts = first.requests.filter((request) => request.startsWith('POST'));
    expect(posts).toEqual(['POST /nodes/pve-1/qemu/101/migrate target=pve-2 online=1']);
    expect([first.vms.has(101), second.vms.get(101)]).toEqual([false, { ...vm(101, 'alice') }]);
    expect(await mover.whereIs('alice', ['vdi-01', 'vdi-02'], NEVER)).toBe('vdi-02');
  });

  it('by its number -> the same', async () => {
    const { mover, second } = await simulate();
    await mover.move({ ...ALICE, vm: '102' }, NEVER);
    expect(second.vms.get(102)?.name).toBe('bob');
  });

  it('its task fails -> rejects with the words of Proxmox, and it runs where it was', async () => {
    const { mover, first } = await simulate();
    first.failures.set('migrate', 'migration aborted');
    const refused = { code: 'ERR_HYPERVISOR_REFUSED', message: expect.stringContaining('migration aborted') };
    await expect(mover.move(ALICE, NEVER)).rejects.toMatchObject(refused);
    expect(await mover.whereIs('alice', ['vdi-01', 'vdi-02'], NEVER)).toBe('vdi-01');
  });

  it('called off -> the task is stopped, and it settles only when that has ended', async () => {
    const { mover, first } = await simulate({ taskMs: 600_000_000 });
    const calledOff = new AbortController();
    const moving = mover.move(ALICE, calledOff.signal).then(
      () => 'moved',
      (thrown: Error) => thrown.message,
    );
    await eventually('the task to be begun', async () => first.vms.get(101)?.lock === 'migrate');
    await eventually('it to be looked at', async () => first.requests.some((request) => request.endsWith('/status')));
    calledOff.abort();
    expect(await moving).toContain('interrupted by signal');
    expect(first.requests.some((request) => request.startsWith('DELETE /nodes/pve-1/tasks/UPID'))).toBe(true);
    expect(first.vms.get(101)).toEqual(vm(101, 'alice'));
  });

  it('no such VM, the other node away, no VM anywhere, one that stands still -> told apart', async () => {
    const { mover, first, second } = await simulate();
    const unknown = mover.move({ ...ALICE, vm: 'dave' }, NEVER);
    await expect(unknown).rejects.toMatchObject({ message: expect.stringContaining('no VM called dave runs there') });
    second.online = false;
    const refused = { code: 'ERR_HYPERVISOR_REFUSED', message: expect.stringContaining("can't connect") };
    await expect(mover.move(ALICE, NEVER)).rejects.toMatchObject(refused);
    const away = mover.whereIs('alice', ['vdi-01', 'vdi-02'], NEVER);
    await expect(away).rejects.toMatchObject({ code: 'ERR_HYPERVISOR_UNREACHABLE' });
    second.online = true;
    expect(await mover.whereIs('dave', ['vdi-01', 'vdi-02'], NEVER)).toBeNull();
    const alice = first.vms.get(101);
    if (alice !== undefined) alice.status = 'stopped';
    expect(await mover.whereIs('alice', ['vdi-01', 'vdi-02'], NEVER)).toBeNull();
  });
});
