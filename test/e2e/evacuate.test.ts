// A VM that is moved under its client, over the HTTP API of a simulated Proxmox VE: the platform that it left sleeps, and its client wakes nobody.
import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { SimulatedPlatform } from '../../src/power/simulated/simulated-platform.ts';
import { SimulatedProxmox } from '../../src/power/simulated/simulated-proxmox.ts';
import { systemClock } from '../../src/system-clock.ts';
import { eventually } from '../support/eventually.ts';
import { LineClient } from '../support/line-client.ts';
import { freePort } from '../support/ports.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { type PlatformSetUp, writeFarmConfig } from '../support/torpor-config.ts';
import { TorporHere } from '../support/torpor-here.ts';
import { E2E_TIMEOUT_MS, PASSWORD, USER } from './support/stage.ts';

const TOKEN = { tokenId: 'torpor@pve!move', tokenSecret: '8f4fbb11-0000-4000-8000-5ec4e75ec4e7' };

/** Two simulated platforms, each a node of one simulated cluster, with a VM each. */
class EvacuationStage implements AsyncDisposable {
  readonly folder = new TempFolder('evacuate');
  readonly platforms = new Map<string, SimulatedPlatform>();
  readonly nodes = new Map<string, SimulatedProxmox>();
  readonly ports = new Map<string, number>();
  apiPort = 0;
  torpor: TorporHere | null = null;

  static async open(): Promise<EvacuationStage> {
    const stage = new EvacuationStage();
    stage.apiPort = await freePort();
    for (const [index, [name, vm]] of [['vdi-01', 'alice'] as const, ['vdi-02', 'bob'] as const].entries()) {
      const simulated = new SimulatedPlatform({
        clock: systemClock,
        user: USER,
        password: PASSWORD,
        vms: [{ name: vm }],
      });
      await simulated.start();
      stage.platforms.set(name, simulated);
      stage.ports.set(vm, await freePort());
      const vms = [{ vmid: 101 + index, name: vm, status: 'running' as const, lock: null, memory: 7 }];
      const onMoved = () => stage.#followMoves();
      const options = { clock: systemClock, node: name, ...TOKEN, vms, taskMs: 200, cluster: stage.nodes, onMoved };
      stage.nodes.set(name, await SimulatedProxmox.start(options));
    }
    stage.#configure();
    return stage;
  }

  platform(name: string): SimulatedPlatform {
    return this.platforms.get(name) as SimulatedPlatform;
  }

  async run(): Promise<TorporHere> {
    this.torpor = await TorporHere.run(this.folder.file('torpor.yaml'), this.apiPort);
    return this.torpor;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.torpor?.stop();
    for (const node of this.nodes.values()) await node.stop();
    for (const platform of this.platforms.values()) await platform.stop();
    this.folder.remove();
  }

  /** What the hypervisors say moves the simulated guests. */
  #followMoves(): void {
    for (const [name, node] of this.nodes)
      for (const { name: vm } of node.vms.values())
        for (const [other, platform] of this.platforms)
          if (other !== name && platform.vms.some((each) => each.name === vm)) platform.moveVm(vm, this.platform(name));
  }

  #configure(): void {
    const tokenFile = this.folder.file('token');
    writeFileSync(tokenFile, TOKEN.tokenSecret, { mode: 0o600 });
    const setUp = (name: string, vm: string, change: Partial<PlatformSetUp>): PlatformSetUp => {
      const { bmcPort: port, vmPorts } = this.platform(name);
      const target = `127.0.0.1:${vmPorts[0]}`;
      const vms = [{ name: vm, listenPort: this.ports.get(vm) as number, target }];
      return { platform: name, bmc: { port, user: USER, password: PASSWORD }, vms, ...change };
    };
    const hypervisors = [...this.nodes].map(([name, { url }]) => {
      return { platform: name, driver: 'proxmox', url, node: name, tokenId: TOKEN.tokenId, tokenFile };
    });
    const evacuate = { vmsPerPlatform: 2, quietFor: '0s', hypervisors };
    writeFarmConfig(this.folder, {
      apiPort: this.apiPort,
      more: { pools: [{ name: 'office', platforms: [...this.platforms.keys()], evacuate }] },
      // Longer than between two looks, so that it is seen idle before it sleeps.
      platforms: [setUp('vdi-01', 'alice', { drowsyFor: '8s' }), setUp('vdi-02', 'bob', { idleTimeout: '10m' })],
    });
  }
}

/** A machine that is slow enough puts it to sleep before anybody looks: then it is woken, and looked at again. */
async function untilMoved(torpor: TorporHere, client: LineClient, isOver: () => boolean): Promise<void> {
  await eventually('the move to be over', async () => {
    const isAsleep = !isOver() && (await torpor.platform('vdi-01')).state === 'asleep';
    if (isAsleep) await client.ask('again');
    return isOver();
  });
}

describe('a VM that is moved under its client', { timeout: E2E_TIMEOUT_MS }, () => {
  test('idle beside a platform in use -> moved, its platform sleeps; the next line wakes nobody; a restart finds it there', async () => {
    await using stage = await EvacuationStage.open();
    const torpor = await stage.run();
    using bob = await LineClient.connect(stage.ports.get('bob') as number);
    using alice = await LineClient.connect(stage.ports.get('alice') as number);
    await bob.ask('one');
    await alice.ask('one');
    await untilMoved(torpor, alice, () => torpor.output.includes('alice was moved to vdi-02'));
    await torpor.waitForState('vdi-01', 'asleep');
    const moved = stage.nodes.get('vdi-01')?.requests.filter((request) => request.startsWith('POST'));
    expect(moved).toEqual(['POST /nodes/vdi-01/qemu/101/migrate target=vdi-02 online=1']);
    expect(
      torpor
        .streamsNow()
        .map(({ vm, platform }) => `${platform}/${vm}`)
        .sort(),
    ).toEqual(['vdi-02/alice', 'vdi-02/bob']);
    const presses = stage.platform('vdi-01').host.buttonPresses;
    expect(await alice.ask('two')).toMatch(/ n=\d+ .*two$/);
    await eventually('vdi-02 to count both', async () => (await torpor.platform('vdi-02')).pool === 2);
    using another = await LineClient.connect(stage.ports.get('alice') as number);
    expect(await another.ask('three')).toMatch(/ n=1 .*three$/);
    expect(stage.platform('vdi-01').host.phase).toBe('asleep');
    expect(stage.platform('vdi-01').host.buttonPresses).toBe(presses);

    await torpor.stop();
    const next = await stage.run();
    await eventually('vdi-02 to be known awake', async () => (await next.platform('vdi-02')).state === 'awake');
    using later = await LineClient.connect(stage.ports.get('alice') as number);
    expect(await later.ask('four')).toMatch(/four$/);
    expect(next.streamsNow().map(({ platform }) => platform)).toEqual(['vdi-02']);
    expect(stage.platform('vdi-01').host.phase).toBe('asleep');
  });

  test('refused half-way -> it stays under its client, who is served; an alarm says why', async () => {
    await using stage = await EvacuationStage.open();
    stage.nodes.get('vdi-01')?.failures.set('migrate', 'migration aborted');
    const torpor = await stage.run();
    using bob = await LineClient.connect(stage.ports.get('bob') as number);
    using alice = await LineClient.connect(stage.ports.get('alice') as number);
    await bob.ask('one');
    await alice.ask('one');
    await untilMoved(torpor, alice, () => torpor.output.includes('alice stays: it could not be moved to vdi-02'));
    expect(torpor.output).toContain('the task failed: migration aborted');
    expect(await alice.ask('two')).toMatch(/two$/);
    expect(torpor.streamsNow().find(({ vm }) => vm === 'alice')?.platform).toBe('vdi-01');
  });
});
