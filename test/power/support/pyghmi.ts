// pyghmi as a peer: whether Debian's Python has it, and its BMC as a child process.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { findProgram } from './peer-program.ts';

const BMC_SCRIPT = fileURLToPath(new URL('./pyghmi-bmc.py', import.meta.url));
export const PYGHMI_CLIENT = fileURLToPath(new URL('./pyghmi-client.py', import.meta.url));
const START_BOUND_MS = 60_000;

/** The Python that can import pyghmi, or null. Debian's packages are seen by Debian's Python alone. */
export function findPyghmi(): string | null {
  for (const python of ['/usr/bin/python3', findProgram('python3')]) {
    if (python !== null && spawnSync(python, ['-c', 'import pyghmi.ipmi.bmc']).status === 0) return python;
  }
  return null;
}

export class PyghmiBmc {
  /** What it was told to do, in order. */
  readonly deeds: string[] = [];
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  /** Resolves when it listens. */
  static start(python: string, port: number, user: string, password: string, kg?: string): Promise<PyghmiBmc> {
    const args = [BMC_SCRIPT, String(port), user, password, ...(kg === undefined ? [] : [kg])];
    const child = spawn(python, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const bmc = new PyghmiBmc(child, port);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`waited ${START_BOUND_MS} ms in vain for pyghmi’s BMC`)),
        START_BOUND_MS,
      );
      child.once('exit', (code) => reject(new Error(`pyghmi's BMC ended with exit code ${code}`)));
      let rest = '';
      child.stdout?.on('data', (chunk: Buffer) => {
        const lines = `${rest}${chunk}`.split('\n');
        rest = lines.pop() ?? '';
        if (lines[0] === 'ready') {
          lines.shift();
          clearTimeout(timer);
          resolve(bmc);
        }
        bmc.deeds.push(...lines);
      });
    });
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await ended;
  }
}
