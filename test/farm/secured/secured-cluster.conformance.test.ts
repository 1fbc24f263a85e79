// A farm's stores beside three of Debian's nats-server in a cluster, whose clients need TLS and a certificate: each server has a certificate for its own address
// alone, and the one that the owner of a platform is connected with is killed.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FarmMember } from '../../../src/farm/farm-member.ts';
import type { NatsStore } from '../../../src/farm/nats/nats-store.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { eventually } from '../../support/eventually.ts';
import { KeptLog } from '../../support/kept-log.ts';
import { describeWhere, requires } from '../../support/requirements.ts';
import type { TempFolder } from '../../support/temp-folder.ts';
import { SmallController } from '../support/farm-scene.ts';
import { ADDRESSES, NatsServers, type ServerSecurity } from '../support/nats-servers.ts';
import { makeAuthority, makeCertificate } from './certificates.ts';

const PLATFORM = 'vdi-01';
/** Long beside what a busy machine takes from a process. */
const LEASE_MS = 10_000;

/** The names for which each server's certificate is, by its address. */
function secured(namesAt: (address: string) => string): ServerSecurity {
  return {
    ca: 'ca.crt',
    cert: 'torpor.crt',
    key: 'torpor.key',
    settings: (folder: TempFolder, address: string) => {
      if (address === ADDRESSES[0]) {
        makeAuthority(folder, 'ca');
        makeCertificate(folder, 'torpor', { authority: 'ca', names: 'DNS:torpor-1.example' });
      }
      makeCertificate(folder, address, { authority: 'ca', names: namesAt(address) });
      const [cert_file, key_file, ca_file] = [`${address}.crt`, `${address}.key`, 'ca.crt'].map((name) =>
        folder.file(name),
      );
      return { tls: { cert_file, key_file, ca_file, verify: true } };
    },
  };
}

/** One Torpor of the farm, with a store of its own. */
class Member implements AsyncDisposable {
  readonly store: NatsStore;
  readonly member: FarmMember;
  readonly controller: SmallController;

  constructor(name: string, store: NatsStore) {
    this.store = store;
    this.member = new FarmMember({
      store,
      name,
      version: '0.1.0',
      leaseMs: LEASE_MS,
      clock: systemClock,
      wallMs: Date.now,
      random: Math.random,
      newBoot: () => `${name}-${Math.random().toString(36).slice(2)}`,
      log: new KeptLog(),
    });
    this.member.start();
    this.controller = new SmallController(this.member.share(PLATFORM));
  }

  /** And sure of the other one. */
  get isOwner(): boolean {
    const { peers } = this.controller;
    return peers !== null && peers.owner === peers.self && peers.uncertain === null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.member.stop();
    await this.store.close();
  }
}

/** The server that it is connected with, by its address; another one than `former`. */
async function serverOf(store: NatsStore, former: string | null = null): Promise<string> {
  const found = () => {
    const address = /^connected with (\S+)$/.exec(store.status.why)?.[1];
    return address === former ? null : address;
  };
  return eventually('a connection', found, { withinMs: 90_000, context: () => JSON.stringify(store.status) });
}

describeWhere(requires(['nats-server', 'openssl']), 'three nats-servers whose clients need TLS', () => {
  let servers: NatsServers;
  beforeAll(async () => {
    servers = await NatsServers.start(
      3,
      secured((address) => `IP:${address}`),
    );
  });
  afterAll(() => servers[Symbol.asyncDispose]());

  it('the server of the owner is killed -> another one, and the farm agrees to a suspend there; it runs again -> goes on', async () => {
    await using a = new Member('a', servers.client());
    await using b = new Member('b', servers.client());
    const members = [a, b];
    const said = () => {
      const states = members.map(({ store, controller }) => {
        const { peers, why, agreed, isSeeking, kinds } = controller;
        return [store.status, { peers, why, agreed, isSeeking, kinds }];
      });
      const lines = servers.log.lines.map(({ message, facts }) => `${message} ${JSON.stringify(facts)}`);
      return [JSON.stringify(states), ...lines].join('\n');
    };
    // A cluster chooses its leader anew, on a busy machine not at once.
    const patient = { withinMs: 90_000, context: said };
    /** Whoever owns it by now asks until all are sure of each other again, and the other one is told. */
    const agree = async () => {
      const ask = () => {
        const winner = members.find(({ controller }) => controller.agreed === true);
        if (winner === undefined) for (const each of members) if (each.isOwner) each.controller.seek();
        return winner;
      };
      const { controller } = await eventually('an agreement', ask, { ...patient, everyMs: 100 });
      const other = a.controller === controller ? b.controller : a.controller;
      await eventually('the other to be told', () => other.kinds.at(-1) === 'suspendCommitted', patient);
      controller.end();
      await eventually('its end to be told', () => other.kinds.at(-1) === 'suspendCalledOff', patient);
    };
    await eventually('both', () => members.every(({ member }) => member.instances().length === 2), patient);
    await agree();
    const owner = await eventually('an owner', () => members.find(({ isOwner }) => isOwner), patient);
    const address = await serverOf(owner.store);
    await servers.kill(servers.nameAt(address));
    expect(await serverOf(owner.store, address)).not.toBe(address);
    await agree();
    servers.run(servers.nameAt(address));
    await agree();
  });

  it('one server named, by an address and by a name -> the others are learned: one with a certificate for its own address works, one of another name does not', async () => {
    const [first, second, third] = ADDRESSES;
    const names: Readonly<Record<string, string>> = {
      [first]: `IP:${first},DNS:localhost`,
      [second]: `IP:${second}`,
      [third]: 'DNS:elsewhere.example',
    };
    for (const host of ['127.0.0.1', 'localhost']) {
      await using named = await NatsServers.start(
        3,
        secured((address) => names[address] as string),
      );
      const called = (named.addresses[0] as string).replace(first, host);
      const store = named.client(3_000, [called]);
      expect(await serverOf(store)).toBe(called);
      await named.kill('n1');
      expect(named.nameAt(await serverOf(store, called))).toBe('n2');
      const isWritten = async () => (await store.create('platform.learned', 'x')).outcome !== 'unknown';
      await eventually('a write', isWritten, { context: () => store.status.why });
      await store.close();
    }
  });
});
