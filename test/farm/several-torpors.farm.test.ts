// Several Torpors for real: three processes, a cluster of three nats-servers, one platform over RMCP+, clients whose every line is counted;
// and one after the other whatever can die of it.
import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import type { LineClient } from '../support/line-client.ts';
import { describeWhere, requires } from '../support/requirements.ts';
import { type FarmTorpor, PLATFORM, TorporFarm } from './support/torpor-farm.ts';

const LEASE = '4s';
const PATIENT = { withinMs: 90_000 };

/** Each line of a client is answered once, in order: `n=` counts them at the VM. */
class Talk {
  readonly client: LineClient;
  #lines = 0;

  constructor(client: LineClient) {
    this.client = client;
  }

  async ask(what: string): Promise<void> {
    this.#lines += 1;
    expect(await this.client.ask(what, 90_000)).toMatch(new RegExp(` n=${this.#lines} .*${what}$`));
    expect(this.client.unread).toEqual([]);
  }
}

const asleep = (farm: TorporFarm) =>
  eventually(
    'the host to sleep',
    async () => {
      if (farm.platform.host.phase === 'asleep') return true;
      for (const torpor of farm.torpors) await forgive(torpor);
      return false;
    },
    { ...PATIENT, context: () => [...farm.timeline, JSON.stringify(farm.record)].join('\n') },
  );
const others = (farm: TorporFarm, torpor: FarmTorpor) => farm.torpors.filter((each) => each !== torpor);
const blockers = async (torpor: FarmTorpor) => (await torpor.process.platform(PLATFORM)).blockers;

/** A busy machine that calls a suspend off makes a Torpor wait before the next, which an operator forgives. */
async function forgive(torpor: FarmTorpor): Promise<false> {
  if (torpor.isThere && (await blockers(torpor)).some(({ kind }) => kind === 'back-off'))
    await torpor.process.ask(PLATFORM, 'release');
  return false;
}

async function sleepsAndWakes(farm: TorporFarm): Promise<void> {
  const owner = await farm.owner();
  const [guest, other] = others(farm, owner) as [FarmTorpor, FarmTorpor];
  const talks = await Promise.all([owner, guest, other].map(async (each) => new Talk(await farm.connect(each))));
  await Promise.all(talks.map((talk, at) => talk.ask(`hello ${at}`)));
  await asleep(farm);
  const { length } = farm.presses;
  farm.note(`a client at ${guest.name} types, which does not own it`);
  await (talks[1] as Talk).ask('wakes it');
  await asleep(farm);
  expect(farm.presses).toHaveLength(length + 1);
  await (talks[2] as Talk).ask('wakes it, too');
  await Promise.all(talks.map((talk) => talk.ask('and goes on')));
}

/** An owner with an active client dies: that client counts until the lease ends. */
async function ownerDies(farm: TorporFarm): Promise<void> {
  const owner = await farm.owner();
  const talk = new Talk(await farm.connect(owner));
  await talk.ask('is active');
  const id = farm.record.owner as string;
  await eventually('its count in the store', async () => {
    if ((farm.record.members[id]?.active ?? 0) > 0) return true;
    await talk.ask('is still active');
    return false;
  });
  const { epoch } = farm.record;
  await owner.kill();
  farm.note(`${owner.name}, the owner, is killed; its client was active`);
  const before = farm.presses.length;
  const next = await farm.owner();
  farm.note(`${next.name} owns it, epoch ${farm.record.epoch}`);
  expect(farm.record.epoch).toBeGreaterThan(epoch);
  await asleep(farm);
  for (const press of farm.presses.slice(before)) expect((await press.record).epoch).toBeGreaterThan(epoch);
  await owner.run();
  await eventually('it to take part again', () => farm.members.length === 3, PATIENT);
  await owner.process.waitForState(PLATFORM, 'asleep');
  farm.note(`${owner.name} runs again, and has found it asleep`);
}

/** The owner stands still from the commit on, until others have taken over: it may not press when it goes on. */
async function ownerStandsStill(farm: TorporFarm): Promise<void> {
  const owner = await farm.owner();
  const [guest] = others(farm, owner) as [FarmTorpor];
  const talk = new Talk(await farm.connect(guest));
  await talk.ask('awake');
  let isCommitted = false;
  for (const proxy of owner.proxies) {
    proxy.keepAnswersAfter('"phase":"committed"', () => {
      isCommitted = true;
      process.kill(owner.process.pid, 'SIGSTOP');
    });
  }
  await eventually('its commit', async () => isCommitted || (await forgive(owner)), PATIENT);
  owner.isThere = false;
  farm.note(`${owner.name} stands still: it has written its commit and not heard the answer`);
  const presses = farm.presses.length;
  const { epoch } = farm.record;
  // Somebody is active from here on: no press is right.
  await talk.ask('here');
  let lines = 0;
  const next = await eventually(
    'another owner',
    async () => {
      lines += 1;
      await talk.ask(`line ${lines}`);
      return farm.record.epoch > epoch ? farm.record.owner : null;
    },
    PATIENT,
  );
  farm.note(`${next} owns it`);
  for (const proxy of owner.proxies) proxy.goOn();
  process.kill(owner.process.pid, 'SIGCONT');
  owner.isThere = true;
  farm.note(`${owner.name} goes on`);
  await eventually(
    'it to take part again',
    async () => {
      lines += 1;
      await talk.ask(`line ${lines}`);
      return farm.members.length === 3 && (await blockers(owner)).every(({ kind }) => kind !== 'agreement');
    },
    PATIENT,
  );
  expect(farm.presses).toHaveLength(presses);
  expect(farm.platform.host.phase).toBe('running');
}

async function storeNodesDie(farm: TorporFarm): Promise<void> {
  const [n1, n2] = farm.servers.names as [string, string];
  await farm.servers.kill(n1);
  farm.note(`${n1} is killed`);
  await asleep(farm);
  await farm.servers.kill(n2);
  farm.note(`${n2} is killed, too`);
  const [torpor] = farm.torpors as [FarmTorpor];
  const presses = farm.presses.length;
  const talk = new Talk(await farm.connect(torpor));
  await talk.ask('wakes it without the store');
  farm.note(`woken by ${torpor.name} alone`);
  const saysSo = async (each: FarmTorpor) => (await blockers(each)).some(({ kind }) => kind === 'agreement');
  for (const each of farm.torpors) await eventually(`${each.name} to say so`, () => saysSo(each), PATIENT);
  farm.note('all say that they are not sure of the others');
  farm.servers.run(n1);
  farm.servers.run(n2);
  farm.note('both run again');
  // Until then nobody was sure of the others.
  expect(farm.presses).toHaveLength(presses);
  await asleep(farm);
}

describeWhere(requires(['nats-server']), 'several Torpors', () => {
  it('owners and store nodes die, one stands still -> slept and woken as it should be, pressed by owners only, every line answered once', async () => {
    await using farm = await TorporFarm.open(['torpor-1', 'torpor-2', 'torpor-3'], LEASE);
    try {
      await eventually('all to take part', () => farm.members.length === 3, PATIENT);
      await sleepsAndWakes(farm);
      await ownerDies(farm);
      await ownerStandsStill(farm);
      await storeNodesDie(farm);
      for (const press of farm.presses) {
        expect(press.over).toEqual([]);
        const { owner, by } = await press.record;
        expect(owner).toBe(by);
      }
      expect(farm.platform.bmc.chassisActions.filter((action) => action !== 'soft' && action !== 'power-on')).toEqual(
        [],
      );
    } finally {
      console.log(farm.timeline.join('\n'));
    }
  }, 400_000);
});
