// The NATS store while servers of its cluster die: one is nothing, two are no quorum, and what was written stays.
import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { describeWhere, requires } from '../support/requirements.ts';
import { NatsServers } from './support/nats-servers.ts';
import { KeptWatch } from './support/store-contract.ts';

describeWhere(requires(['nats-server']), 'nats-server, a cluster of three', () => {
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
