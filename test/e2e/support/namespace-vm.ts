// A VM for real programs: a network namespace of its own whose processes stop and whose link goes down while its host sleeps,
// as a suspended guest's do. Needs root and iproute2. What runs in it is its user's.
import { type ChildProcess, execFileSync } from 'node:child_process';
import type { SimulatedHost } from '../../../src/power/simulated/simulated-host.ts';
import { findProgram } from '../../support/requirements.ts';
import { spawnTied } from '../../support/spawn-tied.ts';

/** 198.18.0.0/15 is set aside for tests of devices (RFC 2544): 32768 subnets of four addresses. */
const SUBNETS = 32_768;

export class NamespaceVm implements Disposable {
  readonly address: string;
  readonly #name: string;
  readonly #link: string;
  #unfollow: () => void = () => {};

  constructor() {
    const offset = (process.pid % SUBNETS) * 4;
    const addressAt = (at: number) =>
      `198.${18 + ((offset + at) >> 16)}.${((offset + at) >> 8) & 255}.${(offset + at) & 255}`;
    this.address = addressAt(2);
    this.#name = `torpor-vm-${process.pid}`;
    this.#link = `tvm${process.pid}`;
    try {
      ip('netns', 'add', this.#name);
      ip('link', 'add', this.#link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', this.#name);
      ip('address', 'add', `${addressAt(1)}/30`, 'dev', this.#link);
      ip('link', 'set', this.#link, 'up');
      ip('-n', this.#name, 'address', 'add', `${this.address}/30`, 'dev', 'eth0');
      ip('-n', this.#name, 'link', 'set', 'lo', 'up');
      ip('-n', this.#name, 'link', 'set', 'eth0', 'up');
    } catch (thrown) {
      this.remove();
      throw thrown;
    }
  }

  /** Runs a program inside. It ends with the VM. */
  spawn(program: string, args: readonly string[]): ChildProcess {
    return spawnTied(ipProgram(), ['netns', 'exec', this.#name, program, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  /** Freezes whenever the host sleeps, thaws when it runs. */
  follow(host: SimulatedHost): void {
    this.#unfollow = host.onChange(({ phase }) => {
      if (phase === 'asleep') this.freeze();
      if (phase === 'running') this.thaw();
    });
  }

  /** The kernel is the machine's and goes on: the link is down whenever the processes stand, or it would greet for them. */
  freeze(): void {
    ip('-n', this.#name, 'link', 'set', 'eth0', 'down');
    this.#signalAll('SIGSTOP');
  }

  thaw(): void {
    this.#signalAll('SIGCONT');
    ip('-n', this.#name, 'link', 'set', 'eth0', 'up');
  }

  remove(): void {
    this.#unfollow();
    try {
      this.#signalAll('SIGKILL');
      ip('netns', 'delete', this.#name);
      ip('link', 'delete', this.#link);
    } catch {
      // the pair goes with the namespace; what was never made needs no end
    }
  }

  [Symbol.dispose](): void {
    this.remove();
  }

  #signalAll(signal: NodeJS.Signals): void {
    for (const line of ip('netns', 'pids', this.#name).split('\n')) {
      if (line === '') continue;
      try {
        process.kill(Number(line), signal);
      } catch {
        // it ended in between
      }
    }
  }
}

function ipProgram(): string {
  return findProgram('ip') ?? 'ip';
}

function ip(...args: string[]): string {
  return execFileSync(ipProgram(), args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
