// Two network namespaces with a cable between: one for Torpor and its clients, one for a VM that can fall silent. Needs root.
import { execFileSync } from 'node:child_process';
import { findProgram } from '../../support/requirements.ts';

const GATE_ADDRESS = '10.77.0.1';
export const VM_ADDRESS = '10.77.0.2';
/** Nobody has this MAC address: frames to it vanish at the other end, as they do on the way to a suspended guest. */
const NOBODY = '02:00:00:00:00:99';
const DEVICE = 'cable';

export class NamespacePair implements Disposable {
  readonly gate: string;
  readonly vm: string;
  readonly #vmMac: string;

  constructor(purpose: string) {
    this.gate = `torpor-${purpose}-${process.pid}-gate`;
    this.vm = `torpor-${purpose}-${process.pid}-vm`;
    for (const name of [this.gate, this.vm]) ip('netns', 'add', name);
    try {
      ip('link', 'add', DEVICE, 'netns', this.gate, 'type', 'veth', 'peer', 'name', DEVICE, 'netns', this.vm);
      for (const [name, address] of [
        [this.gate, GATE_ADDRESS],
        [this.vm, VM_ADDRESS],
      ] as const) {
        ip('-n', name, 'address', 'add', `${address}/24`, 'dev', DEVICE);
        for (const device of ['lo', DEVICE]) ip('-n', name, 'link', 'set', device, 'up');
      }
      this.#vmMac = /link\/ether (\S+)/.exec(ip('-n', this.vm, 'link', 'show', DEVICE))?.[1] as string;
      this.wakeVm();
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** How often the kernel repeats a segment before it gives a connection up, in Torpor's namespace. */
  setRetries2(retries2: number): void {
    ip('netns', 'exec', this.gate, 'sysctl', '-q', '-w', `net.ipv4.tcp_retries2=${retries2}`);
  }

  /** From now on nothing that is sent to the VM arrives, and no error says so. */
  silenceVm(): void {
    this.#pointTo(NOBODY);
  }

  wakeVm(): void {
    this.#pointTo(this.#vmMac);
  }

  [Symbol.dispose](): void {
    for (const name of [this.gate, this.vm]) ip('netns', 'delete', name);
  }

  #pointTo(mac: string): void {
    ip('-n', this.gate, 'neigh', 'replace', VM_ADDRESS, 'lladdr', mac, 'nud', 'permanent', 'dev', DEVICE);
  }
}

function ip(...args: string[]): string {
  return execFileSync(findProgram('ip') ?? 'ip', args, { encoding: 'utf8' });
}
