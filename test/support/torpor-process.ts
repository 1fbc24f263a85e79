// Torpor as its users meet it: the built program in a process of its own, seen through its output, its exit code and its API.
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { spawnTied } from './spawn-tied.ts';
import { TorporApi } from './torpor-api.ts';

const PROGRAM = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** The process that has taken over, as the log of the one before tells. */
export function handedOverTo(output: string): number | undefined {
  const pid = /"pid":(\d+),"msg":"handed over/.exec(output)?.[1];
  return pid === undefined ? undefined : Number(pid);
}
const MAX_OUTPUT_CHARS = 1_000_000;
const SHOWN_OUTPUT_CHARS = 4_000;
const TERMINATE_BOUND_MS = 60_000;
/** A start of Node takes a second, and many where a dozen others start on two cores that are busy. */
const START_BOUND_MS = 120_000;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class TorporProcess extends TorporApi {
  readonly exit: Promise<Exit>;
  readonly #child: ChildProcess;
  #output = '';
  #ended: Exit | null = null;

  constructor(
    args: readonly string[],
    apiPort: number | null = null,
    environment: Readonly<Record<string, string>> = {},
    launcher: readonly string[] = [],
  ) {
    super(apiPort);
    if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is not built: run npm run build`);
    // No terminal, no colours: what is compared is text.
    const env = { ...process.env, NO_COLOR: '1', ...environment };
    const [program = '', ...words] = [...launcher, process.execPath, PROGRAM, ...args];
    this.#child = spawnTied(program, words, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8');
      stream?.on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-MAX_OUTPUT_CHARS);
      });
    }
    this.exit = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', (code, signal) => {
        this.#ended = { code, signal };
        resolve(this.#ended);
      });
    });
  }

  /** `torpor run`: resolves once its API answers. Rejects with its output where it ends before. `launcher`: the program, with its arguments, that becomes Torpor. */
  static async run(configPath: string, apiPort: number, launcher: readonly string[] = []): Promise<TorporProcess> {
    const torpor = new TorporProcess(['run', '--config', configPath], apiPort, {}, launcher);
    await torpor.apiAnswers();
    return torpor;
  }

  /** Everything it printed so far, both streams. */
  override get output(): string {
    return this.#output;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async apiAnswers(): Promise<void> {
    const asked = () => (this.#ended !== null ? 'ended' : this.platforms().then(() => 'up'));
    await this.until('the API of torpor run', asked, START_BOUND_MS);
    if (this.#ended !== null)
      throw new Error(`torpor run ended (exit code ${this.#ended.code}):\n${this.shownOutput()}`);
  }

  /** As a power cut or the kernel's out-of-memory killer ends it: nothing of its own runs any more. */
  async killNow(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.exit;
  }

  /** As a service manager ends it: SIGTERM, and SIGKILL if that does not help. Resolves with how it ended. */
  async stop(): Promise<Exit> {
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), TERMINATE_BOUND_MS);
    const exit = await this.exit;
    clearTimeout(timer);
    return exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended === null) await this.stop();
  }

  protected override shownOutput(): string {
    return `--- last output of torpor (pid ${this.pid})\n${this.#output.slice(-SHOWN_OUTPUT_CHARS)}`;
  }
}

/** Runs one command to its end. */
export async function runTorpor(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Exit & { output: string }> {
  const torpor = new TorporProcess(args, null, environment);
  const exit = await torpor.exit;
  return { ...exit, output: torpor.output };
}
