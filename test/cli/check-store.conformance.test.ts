// What `torpor check` says of the store that several Torpors share, beside Debian's nats-server.
import { expect, it } from 'vitest';
import { CheckReport } from '../../src/cli/check/check-finding.ts';
import { checkStore } from '../../src/cli/check/check-store.ts';
import type { FarmConfig } from '../../src/config/farm-schema.ts';
import { NatsServers } from '../farm/support/nats-servers.ts';
import { freePort } from '../support/ports.ts';
import { describeWhere, requires } from '../support/requirements.ts';

const FARM: FarmConfig = {
  servers: [],
  instance: 'torpor-1',
  bucket: 'torpor',
  replicas: 1,
  leaseMs: 10_000,
  credentialsFile: null,
  tls: null,
};

describeWhere(requires(['nats-server']), 'torpor check: the shared store', () => {
  it('a server that answers -> ok, with the bucket and whether the name is taken', async () => {
    await using servers = await NatsServers.start(1);
    const report = new CheckReport(null);
    await checkStore({ ...FARM, servers: servers.addresses }, report, new AbortController().signal);
    expect(report.findings).toMatchObject([{ subject: 'shared store', outcome: 'ok' }]);
    expect(report.findings[0]?.what).toContain('bucket torpor; no Torpor of this name is there (torpor-1)');
  });

  it('nobody listens -> failed, with the address', async () => {
    const server = `127.0.0.1:${await freePort()}`;
    const report = new CheckReport(null);
    await checkStore({ ...FARM, servers: [server] }, report, new AbortController().signal);
    expect(report.findings).toMatchObject([{ subject: 'shared store', outcome: 'failed' }]);
    expect(report.findings[0]?.what).toContain(server);
  });
});
