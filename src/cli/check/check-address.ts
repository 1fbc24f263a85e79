// Whether an address can be listened on, without keeping it.

import { createSocket } from 'node:dgram';
import { accessSync, constants } from 'node:fs';
import { createServer, isIP } from 'node:net';
import { dirname } from 'node:path';
import { type Endpoint, formatEndpoint, systemdNameOf, udpAddressOf, unixPathOf } from '../../platform/endpoint.ts';
import { errorText } from '../../platform/errors.ts';
import { SocketFile, socketFileAdvice } from '../../streams/socket-file.ts';
import type { CheckReport } from './check-finding.ts';

/** Listens and stops at once. `takenByTorpor`: a running Torpor holds its own addresses, which is as it should be. */
export async function checkAddress(
  subject: string,
  endpoint: Endpoint,
  takenByTorpor: boolean,
  report: CheckReport,
): Promise<void> {
  const path = unixPathOf(endpoint);
  if (path !== null) return checkPath(subject, path, takenByTorpor, report);
  if (systemdNameOf(endpoint) !== null) {
    report.skip(subject, 'systemd gives it when it starts Torpor (its .socket unit)');
    return;
  }
  const udp = udpAddressOf(endpoint);
  const { port } = udp ?? endpoint;
  const problem = await (udp === null ? tryListen(endpoint) : tryBind(udp));
  const name = formatEndpoint(endpoint);
  if (problem === null) {
    report.ok(subject, port === 0 ? `${name}, any free port` : `${name} is free`);
    return;
  }
  const code = (problem as NodeJS.ErrnoException).code;
  if (code === 'EADDRINUSE' && takenByTorpor) report.ok(subject, `${name} is in use by the Torpor that runs now`);
  else if (code === 'EADDRINUSE') {
    report.fail(
      subject,
      `${name} is in use by another program`,
      `stop it (ss -l${udp === null ? 't' : 'u'}np shows it), or choose another port`,
    );
  } else if (code === 'EADDRNOTAVAIL') {
    report.fail(
      subject,
      `${name} is no address of this machine`,
      'write one of its addresses, or 0.0.0.0 for all of them',
    );
  } else if (code === 'EACCES') {
    report.fail(
      subject,
      `this user may not use port ${port}`,
      'choose a port above 1023, or grant CAP_NET_BIND_SERVICE',
    );
  } else report.fail(subject, `${name}: ${errorText(problem)}`, 'write an address of this machine');
}

/** Looks only: nothing is bound there. */
async function checkPath(subject: string, path: string, takenByTorpor: boolean, report: CheckReport): Promise<void> {
  try {
    await SocketFile.prepare(path);
    accessSync(dirname(path), constants.W_OK | constants.X_OK);
    report.ok(subject, `${path} is free`);
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE' && takenByTorpor) report.ok(subject, `${path} is in use by the Torpor that runs now`);
    else report.fail(subject, `${path} cannot be listened on (${code})`, socketFileAdvice(path, code));
  }
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

function tryBind({ host, port }: Endpoint): Promise<Error | null> {
  return new Promise((resolve) => {
    const socket = createSocket(isIP(host) === 6 ? 'udp6' : 'udp4');
    socket.once('error', (error) => {
      socket.close();
      resolve(error);
    });
    socket.bind({ address: host, port, exclusive: true }, () => socket.close(() => resolve(null)));
  });
}
