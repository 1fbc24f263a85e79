// Torpor in the test's own process: the same composition, the same sockets and API, without the price of a start of Node.
import { runTorpor, type TorporRun } from '../../src/compose.ts';
import type { ReloadOutcome } from '../../src/compose-reload.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import type { StreamStatus } from '../../src/platform/ports.ts';
import { KeptLog } from './kept-log.ts';
import { TorporApi } from './torpor-api.ts';

const SHOWN_LINES = 40;

export class TorporHere extends TorporApi implements AsyncDisposable {
  readonly #log: KeptLog;
  #run: TorporRun | null;

  private constructor(apiPort: number, run: TorporRun, log: KeptLog) {
    super(apiPort);
    this.#run = run;
    this.#log = log;
  }

  /** Resolves once its API answers. */
  static async run(configPath: string, apiPort: number): Promise<TorporHere> {
    const { config } = await loadConfig(configPath);
    const log = new KeptLog();
    return new TorporHere(apiPort, await runTorpor(config, { log }), log);
  }

  /** At this very moment, without a way over the API. */
  override streamsNow(): StreamStatus[] {
    return this.#run?.farm.streams() ?? [];
  }

  /** As after a SIGHUP. */
  async reload(configPath: string): Promise<ReloadOutcome> {
    const { config } = await loadConfig(configPath);
    if (this.#run === null) throw new Error('it was stopped');
    return this.#run.reload(config);
  }

  override get output(): string {
    return this.#lines().join('\n');
  }

  protected override shownOutput(): string {
    return this.#lines().slice(-SHOWN_LINES).join('\n');
  }

  #lines(): string[] {
    return this.#log.lines
      .filter(({ level }) => level !== 'debug')
      .map(({ level, message, facts }) => `${level} ${message} ${JSON.stringify(facts)}`);
  }

  async stop(): Promise<void> {
    const run = this.#run;
    this.#run = null;
    await run?.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
