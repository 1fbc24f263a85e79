// Torpor as its users meet it: the built program in a process of its own, seen through its output, its exit code and its API.
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { StreamStatus } from '../../src/platform/ports.ts';
import type { FarmEvent, PlatformReport, PlatformStatus, StateName } from '../../src/platform/status.ts';
import { eventually } from './eventually.ts';
import { spawnTied } from './spawn-tied.ts';

const PROGRAM = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const MAX_OUTPUT_CHARS = 1_000_000;
const SHOWN_OUTPUT_CHARS = 4_000;
const TERMINATE_BOUND_MS = 10_000;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class TorporProcess {
  readonly apiPort: number | null;
  readonly exit: Promise<Exit>;
  readonly #child: ChildProcess;
  #output = '';
  #ended: Exit | null = null;

  constructor(
    args: readonly string[],
    apiPort: number | null = null,
    environment: Readonly<Record<string, string>> = {},
  ) {
    if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is not built: run npm run build`);
    this.apiPort = apiPort;
    // No terminal, no colours: what is compared is text.
    const env = { ...process.env, NO_COLOR: '1', ...environment };
    this.#child = spawnTied(process.execPath, [PROGRAM, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
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

  /** `torpor run`: resolves once its API answers. Rejects with its output where it ends before. */
  static async run(configPath: string, apiPort: number): Promise<TorporProcess> {
    const torpor = new TorporProcess(['run', '--config', configPath], apiPort);
    await torpor.apiAnswers();
    return torpor;
  }

  /** Everything it printed so far, both streams. */
  get output(): string {
    return this.#output;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async apiAnswers(): Promise<void> {
    await this.#eventually('the API of torpor run', () => {
      if (this.#ended !== null) return 'ended';
      return this.platforms().then(() => 'up');
    });
    if (this.#ended !== null)
      throw new Error(`torpor run ended (exit code ${this.#ended.code}):\n${this.#shownOutput()}`);
  }

  platforms(): Promise<PlatformStatus[]> {
    return this.#get('/api/v1/platforms');
  }

  platform(name: string): Promise<PlatformStatus> {
    return this.#get(`/api/v1/platforms/${name}`);
  }

  streams(): Promise<StreamStatus[]> {
    return this.#get('/api/v1/streams');
  }

  report(): Promise<PlatformReport[]> {
    return this.#get('/api/v1/report');
  }

  events(): Promise<FarmEvent[]> {
    return this.#get('/api/v1/events');
  }

  /** POST to a platform's verb. Resolves with the HTTP status and the body. */
  async ask(
    name: string,
    verb: 'wake' | 'sleep' | 'inhibit' | 'release' | 'maintenance',
    body: object = {},
  ): Promise<[number, unknown]> {
    const response = await fetch(`${this.#origin()}/api/v1/platforms/${name}/${verb}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(5000),
    });
    return [response.status, await response.json()];
  }

  /** Resolves with the platform's status once it is in one of the states. */
  waitForState(name: string, states: StateName | readonly StateName[], withinMs = 30_000): Promise<PlatformStatus> {
    const wanted = typeof states === 'string' ? [states] : states;
    return this.#eventually(
      `${name} to be ${wanted.join(' or ')}`,
      async () => {
        const status = await this.platform(name);
        if (wanted.includes(status.state)) return status;
        throw new Error(`it is ${status.state}: ${status.why}; blocked by ${JSON.stringify(status.blockers)}`);
      },
      withinMs,
    );
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

  #origin(): string {
    if (this.apiPort === null) throw new Error('this command has no API');
    return `http://127.0.0.1:${this.apiPort}`;
  }

  async #get<T>(path: string): Promise<T> {
    const response = await fetch(`${this.#origin()}${path}`, {
      headers: { accept: 'application/json' },
      signal: AbortSignal.timeout(5000),
    });
    const body = await response.text();
    if (!response.ok) throw new Error(`GET ${path} answered ${response.status}: ${body}`);
    return JSON.parse(body) as T;
  }

  #eventually<T>(what: string, ask: () => Promise<T> | T, withinMs = 20_000): Promise<T> {
    return eventually(what, ask, { withinMs, context: () => this.#shownOutput() });
  }

  #shownOutput(): string {
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
