// Runs one program of the owner's configuration: bounded in time and output, ended with its children.
import { spawn } from 'node:child_process';

/** Output kept per program; what comes after is read and dropped. */
const OUTPUT_BOUND_BYTES = 64 * 1024;
/** Time between the polite and the hard end of a program. */
const KILL_AFTER_MS = 2_000;

export interface CommandResult {
  /** null: ended by a signal, its bound, or never started. */
  readonly exitCode: number | null;
  /** Standard output and error, as they came. */
  readonly output: string;
  readonly stdout: string;
  /** False where the program could not be started at all: then it certainly did nothing. */
  readonly started: boolean;
  /** Why it has no exit code, for people. */
  readonly problem: string | null;
}

export interface RunOptions {
  readonly boundMs: number;
  readonly signal: AbortSignal;
  readonly env?: Readonly<Record<string, string>>;
  /** Its standard input; left out, it has none. */
  readonly input?: string;
}

const CALLED_OFF = 'was called off';

/** Runs the program, without a shell of its own, in a process group of its own. Never rejects. */
export function runProgram(program: string, args: readonly string[], options: RunOptions): Promise<CommandResult> {
  // Started and then ended it could already have done what nobody wants any more.
  if (options.signal.aborted) {
    return Promise.resolve({ exitCode: null, output: '', stdout: '', started: false, problem: CALLED_OFF });
  }
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      detached: true,
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
    });
    // A program that ends before it has read everything says so by its exit code.
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.input);
    let output = '';
    let stdout = '';
    let problem: string | null = null;
    let started = true;
    let hardKill: NodeJS.Timeout | undefined;
    const end = (why: string) => {
      if (problem !== null) return;
      problem = why;
      killGroup(child.pid, 'SIGTERM');
      hardKill = setTimeout(() => {
        killGroup(child.pid, 'SIGKILL');
        // What has left the group may hold the output open for ever, as a daemon does that was started without a redirection.
        child.stdout?.destroy();
        child.stderr?.destroy();
      }, KILL_AFTER_MS);
    };
    const bound = setTimeout(() => end(`did not end within ${options.boundMs} ms`), options.boundMs);
    const onAbort = () => end(CALLED_OFF);
    options.signal.addEventListener('abort', onAbort, { once: true });
    child.stdout?.on('data', (chunk: Buffer) => {
      if (stdout.length < OUTPUT_BOUND_BYTES) stdout += chunk.toString();
      if (output.length < OUTPUT_BOUND_BYTES) output += chunk.toString();
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      if (output.length < OUTPUT_BOUND_BYTES) output += chunk.toString();
    });
    const finish = (exitCode: number | null) => {
      clearTimeout(bound);
      clearTimeout(hardKill);
      options.signal.removeEventListener('abort', onAbort);
      resolve({ exitCode: problem === null ? exitCode : null, output, stdout, started, problem });
    };
    child.on('error', (error) => {
      started = child.pid !== undefined;
      problem = `could not be started: ${error.message}`;
      finish(null);
    });
    child.on('close', (code, signal) => {
      if (code === null && problem === null) problem = `was ended by ${signal}`;
      finish(code);
    });
  });
}

/** What became of it, for people: its last line, or why it has no exit code. Null where it ended well. */
export function problemOf(result: CommandResult): string | null {
  if (result.exitCode === 0) return null;
  const lastLine = result.output.trimEnd().split('\n').at(-1)?.trim() ?? '';
  if (result.problem !== null) return lastLine === '' ? result.problem : `${result.problem} (last line: ${lastLine})`;
  return lastLine === '' ? `exit code ${result.exitCode}` : lastLine;
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // The group has ended by itself: nothing is left to end.
  }
}
