// A running platform of the rig (platform/) as tests see it: QEMU's state, what its BMC was told, its ports. Torpor is not its
// business.
import { execFile, execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { LineClient } from '../support/line-client.ts';
import { isPortFree, RIG_BASE_PORT } from '../support/ports.ts';
import { requires } from '../support/requirements.ts';
import { TempFolder } from '../support/temp-folder.ts';

const PLATFORM = fileURLToPath(new URL('./platform/', import.meta.url));
const PYTHON = '/usr/bin/python3';
const UP_BOUND_MS = 170_000;
const PORTS_PER_PLATFORM = 20;
const LAST_INDEX = 200;

const run = promisify(execFile);

/** What up.sh prints. */
export interface RigFacts {
  readonly platform: number;
  readonly accelerator: string;
  readonly bmc: { readonly port: number; readonly user: string; readonly password: string; readonly cipherSuite: 3 };
  readonly controlPort: number;
  readonly vmPorts: readonly number[];
  readonly runDir: string;
  readonly bootMs: number;
}

/** One chassis command that reached the BMC: `shutdown` is the press of the power button, `power 1` chassis on. */
export interface ChassisCommand {
  readonly atMs: number;
  readonly name: string;
  readonly value: string;
  /** QEMU's state when it came. */
  readonly stateBefore: string;
}

export interface StateChange {
  readonly atMs: number;
  readonly state: string;
}

/** Why the rig cannot run on this machine, or null. */
export function rigMissing(): string | null {
  return requires(['qemu-system-x86_64', 'ipmi_sim', 'ipmitool', 'busybox', 'cpio', 'xz', 'flock', 'dpkg', 'python3']);
}

export class Rig {
  readonly facts: RigFacts;
  readonly #folder: TempFolder;
  readonly #environment: NodeJS.ProcessEnv;

  private constructor(facts: RigFacts, folder: TempFolder, environment: NodeJS.ProcessEnv) {
    this.facts = facts;
    this.#folder = folder;
    this.#environment = environment;
  }

  /** Boots a platform on free ports. It is taken down by `stop`, and by itself should this process end. */
  static async start(options: Readonly<Record<`RIG_${string}`, string>> = {}): Promise<Rig> {
    const folder = new TempFolder('rig');
    const index = await freeIndex();
    const environment = {
      ...process.env,
      RIG_BASE_PORT: String(RIG_BASE_PORT),
      RIG_RUN: folder.path,
      RIG_OWNER: String(process.pid),
      ...options,
    };
    const takeDown = () =>
      execFileSync(join(PLATFORM, 'down.sh'), [String(index)], { env: environment, stdio: 'ignore' });
    try {
      const up = await run(join(PLATFORM, 'up.sh'), [String(index)], { env: environment, timeout: UP_BOUND_MS });
      return new Rig(JSON.parse(up.stdout) as RigFacts, folder, environment);
    } catch (thrown) {
      takeDown();
      claimed.delete(index);
      folder.remove();
      throw thrown;
    }
  }

  /** QEMU's own word: running, suspended, off. */
  async state(): Promise<string> {
    const { stdout } = await run(PYTHON, ['-I', '-S', join(PLATFORM, 'rigctl.py'), this.facts.runDir, 'state']);
    return stdout.trim();
  }

  /** Every chassis command since the platform was started, oldest first. */
  chassisCommands(): ChassisCommand[] {
    return this.#readLog('hook.log').map(([at, , name = '', value = '', stateBefore = '']) => {
      return { atMs: Number(at) * 1000, name, value, stateBefore };
    });
  }

  /** QEMU's states since the platform was started, oldest first. */
  states(): StateChange[] {
    return this.#readLog('states.log').map(([at, state = '']) => ({ atMs: Number(at) * 1000, state }));
  }

  /** Asks the guest's host OS, past Torpor, as one would over SSH: `state` names the whole boot id and counts suspends. */
  async askHost(command: string): Promise<string> {
    using client = await LineClient.connect(this.facts.controlPort);
    return await client.ask(command);
  }

  /**
   * Shell commands for the way past the BMC: the host is asked over its in-band port to suspend, and woken as a magic packet
   * would, by whoever carries out chassis on. They too are noted among the chassis commands, but for the sleep.
   */
  inBandCommands(): { readonly sleep: string; readonly wake: string } {
    const { controlPort, runDir } = this.facts;
    const ask = `exec 5<>/dev/tcp/127.0.0.1/${controlPort} && echo suspend >&5 && read -r -t 10 -u 5 answer && [ "$answer" = ok ]`;
    return {
      sleep: `bash -c '${ask}'`,
      wake: `${PYTHON} -I -S '${join(PLATFORM, 'rigctl.py')}' '${runDir}' hook 0 set power 1`,
    };
  }

  /** The platform's processes: ipmi_sim, the watcher, QEMU while the host is on. */
  processIds(): number[] {
    const names = readdirSync(this.facts.runDir).filter((name) => name.endsWith('.pid'));
    return names.map((name) => Number(readFileSync(join(this.facts.runDir, name), 'utf8')));
  }

  async stop(): Promise<void> {
    await run(join(PLATFORM, 'down.sh'), [String(this.facts.platform)], { env: this.#environment });
    claimed.delete(this.facts.platform);
    this.#folder.remove();
  }

  #readLog(name: string): string[][] {
    const text = readFileSync(join(this.facts.runDir, name), 'utf8');
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split(' '));
  }
}

/** Of this process: several may be starting at once, whose ports are not taken yet. */
const claimed = new Set<number>();

/** The first platform whose ports are free: somebody else's platforms may run on this machine. */
async function freeIndex(): Promise<number> {
  for (let index = 20; index <= LAST_INDEX; index += 1) {
    const base = RIG_BASE_PORT + index * PORTS_PER_PLATFORM;
    const free = await Promise.all([1, 2, 10, 11, 12, 13].map((offset) => isPortFree(base + offset)));
    if (!free.every(Boolean) || claimed.has(index)) continue;
    claimed.add(index);
    return index;
  }
  throw new Error('every platform of the rig is in use');
}
