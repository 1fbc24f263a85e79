// A platform that its own OS puts to sleep, asked over the OpenSSH client. It can be woken and read by others only.
import type { PowerAnswer, PressFence, SleepSwitch } from '../../platform/ports.ts';
import type { PartFinding, PowerPart } from '../power-part.ts';
import { askFence } from '../press-fence.ts';
import { type CommandResult, problemOf, runProgram } from './run-program.ts';

/** Bounds on the connection, on a silent peer, and on the whole request. */
const CONNECT_TIMEOUT_S = 5;
const ALIVE_INTERVAL_S = 3;
const ALIVE_COUNT = 2;
const REQUEST_BOUND_MS = 20_000;
/** ssh's own exit code for "the connection failed or was lost"; any other is the command's. Source: ssh(1), EXIT STATUS. */
const SSH_FAILED = 255;
/** What ssh says at LogLevel=VERBOSE before it sends a command. Without it nothing was sent. */
const AUTHENTICATED = /^Authenticated to /m;
/** What the kernel offers. Source: Linux, Documentation/admin-guide/pm/sleep-states.rst. */
const INSPECT_COMMAND = 'cat /sys/power/state /sys/power/mem_sleep 2>/dev/null; true';

export interface SshHostOptions {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly keyFile: string | null;
  readonly knownHostsFile: string | null;
  readonly sleep: string;
  /** Default: `ssh` in the PATH. */
  readonly program?: string | undefined;
}

export class SshHost implements PowerPart, SleepSwitch {
  readonly name: string;
  readonly wake = null;
  readonly reader = null;
  readonly #options: SshHostOptions;
  readonly #closing = new AbortController();

  constructor(options: SshHostOptions) {
    this.#options = options;
    this.name = `ssh ${options.user}@${options.host}:${options.port}`;
  }

  get sleep(): SleepSwitch {
    return this;
  }

  /** One connection, one command, no second try. A connection that the suspend cuts leaves the outcome unknown. */
  async requestSleep(signal: AbortSignal, fence?: PressFence): Promise<PowerAnswer> {
    const fenced = askFence(fence);
    if (fenced !== null) return fenced;
    const result = await this.#run(this.#options.sleep, signal);
    const problem = problemOf(withoutChatter(result));
    if (problem === null) return { outcome: 'accepted', attempts: ['the sleep command ended with 0'] };
    if (!result.started || !AUTHENTICATED.test(result.output)) {
      return { outcome: 'refused', attempts: [`not asked, no login at the host: ${problem}`] };
    }
    if (result.exitCode !== null && result.exitCode !== SSH_FAILED) {
      return { outcome: 'refused', attempts: [`the sleep command ended with ${result.exitCode}: ${problem}`] };
    }
    return { outcome: 'unknown', attempts: [`the sleep command was sent, then the connection ended: ${problem}`] };
  }

  /** Logs in and asks the kernel which sleeps it knows. */
  async inspect(signal: AbortSignal): Promise<readonly PartFinding[]> {
    const result = await this.#run(INSPECT_COMMAND, signal);
    const subject = 'host login';
    const problem = problemOf(withoutChatter(result));
    if (problem !== null) return [{ outcome: 'failed', subject, what: problem, todo: this.#advice(result) }];
    const login: PartFinding = { outcome: 'ok', subject, what: `${this.name} lets us in`, todo: null };
    return [login, sleepStatesFinding(result.stdout)];
  }

  async close(): Promise<void> {
    this.#closing.abort();
  }

  #run(command: string, signal: AbortSignal): Promise<CommandResult> {
    const { program, host } = this.#options;
    const any = AbortSignal.any([signal, this.#closing.signal]);
    return runProgram(program ?? 'ssh', [...this.#arguments(), '--', host, command], {
      boundMs: REQUEST_BOUND_MS,
      signal: any,
      env: { LC_ALL: 'C' },
    });
  }

  /** Nothing may be asked of anybody, and no host key is taken on trust. The user's own configuration applies to the rest. */
  #arguments(): string[] {
    const { port, user, keyFile, knownHostsFile } = this.#options;
    const options: Record<string, string> = {
      BatchMode: 'yes',
      StrictHostKeyChecking: 'yes',
      UpdateHostKeys: 'no',
      ConnectTimeout: String(CONNECT_TIMEOUT_S),
      ConnectionAttempts: '1',
      ServerAliveInterval: String(ALIVE_INTERVAL_S),
      ServerAliveCountMax: String(ALIVE_COUNT),
      // It asks a name server first, for seconds where there is none; a key is what we have.
      GSSAPIAuthentication: 'no',
      // A shared connection could be one that a former suspend has cut.
      ControlMaster: 'no',
      ControlPath: 'none',
      ClearAllForwardings: 'yes',
      PermitLocalCommand: 'no',
      LogLevel: 'VERBOSE',
    };
    if (keyFile !== null) {
      options.IdentityFile = quoted(keyFile);
      options.IdentitiesOnly = 'yes';
    }
    if (knownHostsFile !== null) {
      options.UserKnownHostsFile = quoted(knownHostsFile);
      options.GlobalKnownHostsFile = '/dev/null';
    }
    const flags = Object.entries(options).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
    return ['-T', '-x', '-a', ...flags, '-p', String(port), '-l', user];
  }

  #advice(result: CommandResult): string {
    const { host, port, user, knownHostsFile } = this.#options;
    if (!result.started) return 'install the OpenSSH client on this machine';
    if (/Host key verification failed|host key is known/.test(result.output)) {
      const file = knownHostsFile ?? '~/.ssh/known_hosts of the user that runs Torpor';
      return `compare the host's key with what the host itself says, then: ssh-keyscan -p ${port} ${host} >> ${file}`;
    }
    if (/Permission denied|UNPROTECTED|Load key|no such identity/i.test(result.output)) {
      return `put the public key into ~${user}/.ssh/authorized_keys over there, and look at power.host.keyFile (mode 600, no passphrase)`;
    }
    return 'look at power.host.host and port, and that sshd runs there';
  }
}

/** ssh_config(5): a value with spaces stands in double quotes. Per cent signs would be tokens. */
function quoted(path: string): string {
  return `"${path.replaceAll('%', '%%')}"`;
}

/** What VERBOSE adds is no reason for anything: it must not become the last line that people read. */
function withoutChatter(result: CommandResult): CommandResult {
  const CHATTER = /^(Authenticated to |Transferred: |Bytes per second: |Connection to .* closed|Identity added)/;
  const lines = result.output.split('\n').filter((line) => !CHATTER.test(line));
  return { ...result, output: lines.join('\n') };
}

function sleepStatesFinding(text: string): PartFinding {
  const subject = 'host sleep states';
  if (/\bdeep\b/.test(text)) return { outcome: 'ok', subject, what: 'S3 ("deep") is there', todo: null };
  if (/\bmem\b/.test(text)) {
    const todo = 'look for S3 in its firmware, or give the configuration sleep: S5';
    return { outcome: 'warning', subject, what: 'no S3, only s2idle: the host would hardly save power', todo };
  }
  const todo = 'see whether its kernel can suspend: cat /sys/power/state';
  return { outcome: 'warning', subject, what: 'the host does not tell which sleep states it knows', todo };
}
