// The NATS store beside Debian's nats-server, one and a cluster of three: the contract of shared stores.
import { describeWhere, requires } from '../support/requirements.ts';
import { NatsServers } from './support/nats-servers.ts';
import { describeContract } from './support/store-contract.ts';

async function open(count: 1 | 3) {
  const servers = await NatsServers.start(count);
  const clients: Array<{ close(): Promise<void> }> = [];
  return {
    client: () => {
      const client = servers.client(60_000);
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
});
