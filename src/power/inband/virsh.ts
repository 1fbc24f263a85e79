// One libvirt through Debian's `virsh`: commands, bounded in time, and their answers or a TorporError. What they are for is others'.
import { TorporError } from '../../platform/errors.ts';
import { type CommandResult, problemOf, runProgram } from './run-program.ts';

/** Bound on a command that only asks or presses: over ssh, of a busy host, it takes seconds. */
export const VIRSH_BOUND_MS = 30_000;

export interface VirshOptions {
  /** `qemu:///system`, `qemu:///session`, `qemu+ssh://root@host/system`; null: what virsh takes by itself. */
  readonly uri: string | null;
  /** Default: `virsh` in the PATH. */
  readonly program?: string | undefined;
}

/** What virsh says where libvirt itself could not be asked. Source: libvirt, src/util/virerror.c and tools/virsh.c. */
const UNREACHABLE =
  /failed to connect to the hypervisor|Cannot recv data|Unable to read from|End of file while reading|client socket is closed/;
const UNAUTHORISED =
  /authentication (failed|unavailable|cancelled)|access denied|Permission denied|Host key verification failed/;

export class Virsh {
  /** For people: `libvirt qemu:///system`. */
  readonly name: string;
  readonly #options: VirshOptions;

  constructor(options: VirshOptions) {
    this.#options = options;
    this.name = `libvirt ${options.uri ?? '(default connection)'}`;
  }

  /** One virsh command; resolves with what it printed. Ended where the signal aborts, what it began at libvirt may go on. */
  async run(args: readonly string[], signal: AbortSignal, boundMs = VIRSH_BOUND_MS): Promise<string> {
    const { uri, program } = this.#options;
    const connection = uri === null ? [] : ['--connect', uri];
    const result = await runProgram(program ?? 'virsh', ['--quiet', ...connection, ...args], {
      boundMs,
      signal,
      env: { LC_ALL: 'C' },
    });
    const problem = problemOf(result);
    if (problem === null) return result.stdout;
    throw this.#error(args[0] ?? '', problem, result);
  }

  /**
   * Several commands, as virsh reads them, over one connection; resolves with what each printed. One that libvirt refuses has
   * printed nothing and does not stop the others.
   */
  async runEach(commands: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
    const mark = '~torpor~';
    const script = [...commands.flatMap((command) => [command, `echo ${mark}`])].join('; ');
    const answers = (await this.run([script], signal)).split(mark);
    if (answers.length !== commands.length + 1) {
      throw new TorporError(
        'ERR_HYPERVISOR_PROTOCOL',
        `${this.name}: virsh gave ${answers.length - 1} answers to ${commands.length} commands`,
      );
    }
    return answers.slice(0, -1);
  }

  #error(command: string, problem: string, { exitCode, output, started }: CommandResult): TorporError {
    const words = exitCode === null ? problem : lastErrors(output) || problem;
    const message = `${this.name}: ${command}: ${words}`;
    if (UNAUTHORISED.test(output)) return new TorporError('ERR_HYPERVISOR_AUTHENTICATION', message);
    // Ended before it could tell: what it asked for may have been done all the same.
    const cutOff = started && exitCode === null;
    const unreachable = UNREACHABLE.test(output) || cutOff || problem.startsWith('could not be started');
    const code = unreachable ? 'ERR_HYPERVISOR_UNREACHABLE' : 'ERR_HYPERVISOR_REFUSED';
    return new TorporError(code, message, { retryable: unreachable });
  }
}

/** virsh tells what failed in one line and why in the next, each after `error: `. */
function lastErrors(output: string): string {
  const errors = output
    .split('\n')
    .flatMap((line) => (line.startsWith('error: ') ? [line.slice('error: '.length).trim()] : []));
  return errors.join(' ');
}

/** A name as one word of virsh's own command language. */
export function quoteVirsh(name: string): string {
  return `"${name.replaceAll(/[\\"]/g, '\\$&')}"`;
}

/** The value behind a key of `dominfo` and its like: `State:          running`. */
export function virshField(text: string, key: string): string | null {
  for (const line of text.split('\n')) {
    if (line.startsWith(`${key}:`)) return line.slice(key.length + 1).trim();
  }
  return null;
}
