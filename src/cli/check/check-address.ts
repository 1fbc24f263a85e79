// Whether an address can be listened on, without keeping it.
import { createServer } from 'node:net';
import { type Endpoint, formatEndpoint } from '../../platform/endpoint.ts';
import { errorText } from '../../platform/errors.ts';
import type { CheckReport } from './check-finding.ts';

/** Listens and stops at once. `takenByTorpor`: a running Torpor holds its own addresses, which is as it should be. */
export async function checkAddress(
  subject: string,
  endpoint: Endpoint,
  takenByTorpor: boolean,
  report: CheckReport,
): Promise<void> {
  const problem = await tryListen(endpoint);
  const name = formatEndpoint(endpoint);
  if (problem === null) {
    report.ok(subject, endpoint.port === 0 ? `${name}, any free port` : `${name} is free`);
    return;
  }
  const code = (problem as NodeJS.ErrnoException).code;
  if (code === 'EADDRINUSE' && takenByTorpor) report.ok(subject, `${name} is in use by the Torpor that runs now`);
  else if (code === 'EADDRINUSE') {
    report.fail(subject, `${name} is in use by another program`, `stop it (ss -ltnp shows it), or choose another port`);
  } else if (code === 'EADDRNOTAVAIL') {
    report.fail(
      subject,
      `${name} is no address of this machine`,
      'write one of its addresses, or 0.0.0.0 for all of them',
    );
  } else if (code === 'EACCES') {
    report.fail(
      subject,
      `this user may not use port ${endpoint.port}`,
      'choose a port above 1023, or grant CAP_NET_BIND_SERVICE',
    );
  } else report.fail(subject, `${name}: ${errorText(problem)}`, 'write an address of this machine');
}

function tryListen(endpoint: Endpoint): Promise<Error | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve(error));
    server.listen({ host: endpoint.host, port: endpoint.port, exclusive: true }, () => {
      server.close(() => resolve(null));
    });
  });
}
