// Probe `command`: a VM for which a program exits with 0 runs. The program's output is not read.
import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock } from '../platform/ports.ts';
import { askBounded, type BoundedProbe, DEFAULT_TIMEOUT_MS } from './question.ts';

/** Programs of one probe that may run at once. */
export const PROGRAMS_OPEN_MAX = 4;

/** A line for the shell (`/bin/sh -c`), or a program and its arguments without a shell. */
export type ProbeCommand = string | readonly string[];

export class CommandProbe implements BoundedProbe {
  readonly name: string;
  readonly timeoutMs: number;
  readonly maxOpen = PROGRAMS_OPEN_MAX;
  readonly connects = false;
  readonly #clock: Clock;
  readonly #command: ProbeCommand;

  /** `name` is for people and must not hold a secret; the command itself may. */
  constructor(clock: Clock, command: ProbeCommand, timeoutMs: number = DEFAULT_TIMEOUT_MS, name = 'command') {
    this.#clock = clock;
    this.#command = command;
    this.timeoutMs = timeoutMs;
    this.name = name;
  }

  /** The program, and every process it started in its group, is killed when the bound is over or the signal aborts. */
  ask(signal: AbortSignal): Promise<boolean> {
    return askBounded(this.#clock, this.timeoutMs, signal, (answer) => {
      const child = this.#spawn();
      let isRunning = true;
      child.on('error', () => answer(false));
      child.on('exit', (code) => {
        isRunning = false;
        answer(code === 0);
      });
      return () => {
        if (isRunning) killGroup(child);
      };
    });
  }

  #spawn(): ChildProcess {
    const [program, ...args] = typeof this.#command === 'string' ? ['/bin/sh', '-c', this.#command] : this.#command;
    return spawn(program ?? '', args, { stdio: 'ignore', detached: true });
  }
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It ended by itself between its exit and the news of it.
  }
}
