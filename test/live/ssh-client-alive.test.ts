// Peer: OpenSSH with ClientAliveInterval. The server asks as long as it runs, and the client answers.
import { OPENSSH_PROGRAMS } from '../e2e/support/openssh.ts';
import { requires } from '../support/requirements.ts';
import { describeClient } from './support/describe-client.ts';
import { openShell } from './support/idle-shell.ts';

describeClient('ssh to an sshd with ClientAliveInterval 2', {
  missing: requires([...OPENSSH_PROGRAMS, 'ip'], { root: true }),
  start: (session) => openShell(session, { ofServer: ['ClientAliveInterval 2', 'ClientAliveCountMax 1000'] }),
  learnsWithinMs: 30_000,
  quietMs: 9_000,
  chatters: { awake: true, asleep: false },
});
