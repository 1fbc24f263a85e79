// The NATS store beside Debian's nats-server: the contract of shared stores, and what it does while servers die.
import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { describeWhere, requires } from '../support/requirements.ts';
import { NatsServers } from './support/nats-servers.ts';
import { describeContract, KeptWatch } from './support/store-contract.ts';

async function open(count: 1 | 3) {
  const servers = await NatsServers.start(count);
  const clients: Array<{ close(): Promise<void> }> = [];
  return {
    client: () => {
      const client = servers.client();
      clients.push(client);
      return client;
    },
    close: async () => {
      for (const client of clients) await client.close();
      await servers[Symbol.asyncDispose]();
    },
  };
}

const MISSING = requires(['nats-server']);

describeWhere(MISSING, 'nats-server', () => {
  describeContract('one server', () => open(1));
  describeContract('a cluster of three', () => open(3));

  it('servers die: one of three -> goes on; two -> writes are unknown; back -> goes on, nothing that was written is lost', async () => {
    await using servers = await NatsServers.start(3);
    const store = servers.client();
    const watch = new KeptWatch();
    await eventually('a connection', () => store.status.connected);
    store.watch(watch);
    const [n1, n2, n3] = servers.names as [string, string, string];
    let written = 0;
    const write = async () => {
      const answer = await store.create(`key.${written + 1}`, 'x');
      if (answer.outcome === 'written') written += 1;
      // It was written, and the answer was lost.
      if (answer.outcome === 'conflict') written += 1;
      return answer.outcome;
    };
    await eventually('a first write', async () => (await write()) === 'written');
    await servers.kill(n1);
    await eventually('a write without one server', async () => (await write()) === 'written');
    await servers.kill(n2);
    await eventually('no quorum', async () => (await write()) === 'unknown');
    servers.run(n1);
    servers.run(n2);
    await eventually('a write with all servers', async () => (await write()) === 'written');
    await servers.kill(n3);
    await eventually('a write without another', async () => (await write()) === 'written');
    for (let at = 1; at <= written; at += 1)
      expect((await eventually('a read', () => store.get(`key.${at}`))).value).toBe('x');
    await eventually('the watch', () => watch.isCaughtUp && watch.values.size === written, {
      context: () => `${watch.values.size} of ${written}: ${watch.told.slice(-10).join(', ')}`,
    });
    await store.close();
  });
});
