// Peer: OpenSSH with ServerAliveInterval. The client asks, and the sleeping server does not answer.
import { OPENSSH_PROGRAMS } from '../e2e/support/openssh.ts';
import { requires } from '../support/requirements.ts';
import { describeClient } from './support/describe-client.ts';
import { openShell } from './support/idle-shell.ts';

// Detection takes nothing for a timer that comes more often than every 4.5 s.
describeClient('ssh with ServerAliveInterval 5', {
  missing: requires([...OPENSSH_PROGRAMS, 'ip'], { root: true }),
  start: (session) => openShell(session, { ofClient: ['ServerAliveInterval=5', 'ServerAliveCountMax=1000'] }),
  learnsWithinMs: 30_000,
  quietMs: 11_000,
  chatters: { awake: true, asleep: true },
});
