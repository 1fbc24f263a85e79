// A desktop inside the VM: an X server, a clock that redraws every second, and a terminal that takes keys. Shown by whatever
// its user starts: RFB, RDP.
import type { ChildProcess } from 'node:child_process';
import type { NamespaceVm } from '../../e2e/support/namespace-vm.ts';
import { endChild } from './end-child.ts';
import type { KeyPad } from './key-pad.ts';
import { pipeText } from './pipe-text.ts';
import { displayOf } from './x-server.ts';

/** The terminal has the upper part of the screen, the clock a line below it. */
export const TERMINAL_ROWS = { from: 0, end: 400 } as const;
export const CLOCK_ROWS = { from: 480, end: 600 } as const;

const CLOCK = 'while :; do date +%T; sleep 1; done';

export class RemoteDesktop {
  readonly display: string;
  readonly #vm: NamespaceVm;
  readonly #children: ChildProcess[] = [];

  private constructor(vm: NamespaceVm, server: ChildProcess, display: string) {
    this.#vm = vm;
    this.#children.push(server);
    this.display = display;
  }

  /** Starts the X server `program` inside the VM, and terminal and clock on it. */
  static async start(vm: NamespaceVm, program: string, args: readonly string[], pad: KeyPad): Promise<RemoteDesktop> {
    const server = vm.spawn(program, [...args, '-displayfd', '1']);
    const desktop = new RemoteDesktop(vm, server, await displayOf(server));
    // The pointer rests in the middle of the screen, and without a window manager keys go where it rests.
    desktop.#run('xterm', ['-geometry', '130x30+0+0', '-e', 'sh', '-c', pad.command]);
    desktop.#run('xterm', ['-geometry', '20x4+0+500', '-e', 'sh', '-c', CLOCK]);
    return desktop;
  }

  #run(program: string, args: readonly string[]): void {
    const child = this.#vm.spawn('env', [`DISPLAY=${this.display}`, program, ...args]);
    pipeText(child);
    this.#children.push(child);
  }

  /** The VM must not be frozen. */
  async end(): Promise<void> {
    for (const child of [...this.#children].reverse()) await endChild(child);
  }
}
