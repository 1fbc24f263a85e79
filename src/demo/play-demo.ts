// The demo: two simulated platforms behind a real Torpor on loopback, and clients that work, pause and come back.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { runTorpor, type TorporRun } from '../compose.ts';
import { parseEndpoint } from '../config/endpoint.ts';
import { errorText } from '../platform/errors.ts';
import type { Logger } from '../platform/ports.ts';
import type { FarmEvent } from '../platform/status.ts';
import { formatBytes, formatDuration } from '../platform/units.ts';
import { systemClock } from '../system-clock.ts';
import { DemoClient } from './demo-client.ts';
import { DEMO_PASSWORD_VARIABLE, type DemoPlatform, demoConfig, startDemoPlatforms } from './demo-farm.ts';
import { WakeStopwatch } from './wake-stopwatch.ts';

/** Bound on each wait of the play; a demo that hangs has failed. */
const WAIT_BOUND_MS = 60_000;
const PASTE_BYTES = 256 * 1024;

export interface DemoOptions {
  /** One full cycle, then the summary; else cycles until the signal aborts. */
  readonly once: boolean;
  /** Events and summary as JSON lines. */
  readonly json: boolean;
  readonly print: (line: string) => void;
  readonly signal: AbortSignal;
  /** Its API answers there from now on, until `onEnding`. */
  onReady?(apiUrl: string): void;
  onEnding?(): void;
}

const QUIET: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** Plays the demo. `ok` is true only if every byte of every client arrived once, in order. */
export async function playDemo(options: DemoOptions): Promise<{ ok: boolean }> {
  const stateDir = await mkdtemp(join(tmpdir(), 'torpor-demo-'));
  const platforms = await startDemoPlatforms(systemClock);
  let run: TorporRun | null = null;
  try {
    run = await runTorpor(demoConfig(platforms, stateDir), { log: QUIET });
    const play = new DemoPlay(options, platforms, run);
    options.onReady?.(run.apiUrl);
    return { ok: await play.play() };
  } finally {
    options.onEnding?.();
    await run?.stop();
    await Promise.all(platforms.map(({ simulated }) => simulated.stop()));
    await rm(stateDir, { recursive: true, force: true });
    delete process.env[DEMO_PASSWORD_VARIABLE];
  }
}

class DemoPlay {
  readonly #options: DemoOptions;
  readonly #platforms: readonly DemoPlatform[];
  readonly #run: TorporRun;
  readonly #stopwatches: ReadonlyMap<string, WakeStopwatch>;
  readonly #clients: DemoClient[] = [];
  readonly #startedAtMs = systemClock.nowMs();

  constructor(options: DemoOptions, platforms: readonly DemoPlatform[], run: TorporRun) {
    this.#options = options;
    this.#platforms = platforms;
    this.#run = run;
    this.#stopwatches = new Map(
      platforms.map(({ name, simulated }) => [name, new WakeStopwatch(name, simulated, systemClock.nowMs)]),
    );
    run.farm.onEvent((event) => this.#show(event));
  }

  async play(): Promise<boolean> {
    this.#say('Two simulated platforms, real TCP, real RMCP+. Clients stay connected while their platform sleeps.');
    this.#say(`The dashboard shows it while it happens: ${this.#run.apiUrl}/`);
    this.#say(`So does another terminal: torpor top --api ${this.#run.apiUrl}`);
    let ok = false;
    try {
      await this.#open();
      do {
        await this.#cycle();
        ok = this.#summarize();
      } while (ok && !this.#options.once && !this.#options.signal.aborted);
    } catch (thrown) {
      if (this.#options.signal.aborted) return this.#clients.length === 0 || this.#summarize();
      this.#say(`the demo failed: ${errorText(thrown)}`);
      this.#summarize();
      ok = false;
    } finally {
      for (const client of this.#clients) client.close();
    }
    return ok;
  }

  async #open(): Promise<void> {
    await this.#until('both platforms are awake', () => this.#allAre('awake'));
    await this.#join('alice', 'vdi-01', 'desk');
    await this.#join('bob', 'vdi-01', 'shell');
    await this.#join('carol', 'vdi-02', 'desk');
  }

  async #cycle(): Promise<void> {
    const { signal } = this.#options;
    this.#say('-- everybody works --');
    await Promise.all(this.#clients.map((client, index) => client.type(10, 120 + 40 * index, signal)));
    this.#say('-- everybody pauses, all stay connected --');
    await this.#until('both platforms are asleep', () => this.#allAre('asleep'));
    this.#say('-- alice types again; vdi-02 sleeps on --');
    await this.#client('alice').type(5, 80, signal);
    await this.#until('alice has her answers', () => this.#client('alice').isAnswered);
    this.#say(`-- dave connects to the sleeping vdi-02, and carol pastes ${formatBytes(PASTE_BYTES)} --`);
    const dave = await this.#join('dave', 'vdi-02', 'desk');
    this.#client('carol').paste(PASTE_BYTES);
    await dave.type(3, 80, signal);
    await this.#until('everybody has their answers', () => this.#clients.every((client) => client.isAnswered));
  }

  async #join(name: string, platform: string, vm: string): Promise<DemoClient> {
    const known = this.#clients.find((client) => client.name === name);
    if (known !== undefined) return known;
    const listener = this.#run.listeners.find((each) => each.platform === platform && each.vm === vm);
    if (listener === undefined) throw new Error(`no listener for ${platform}/${vm}`);
    const client = new DemoClient({ name, platform, vm, port: parseEndpoint(listener.address).port });
    this.#clients.push(client);
    await client.connected();
    return client;
  }

  #client(name: string): DemoClient {
    const client = this.#clients.find((each) => each.name === name);
    if (client === undefined) throw new Error(`nobody is called ${name}`);
    return client;
  }

  #allAre(state: string): boolean {
    return this.#run.farm.platforms().every((platform) => platform.state === state);
  }

  async #until(what: string, isSo: () => boolean): Promise<void> {
    const endMs = systemClock.nowMs() + WAIT_BOUND_MS;
    while (!isSo()) {
      const broken = this.#clients.find((client) => client.problem !== null);
      if (broken !== undefined) throw new Error(`${broken.name}: ${broken.problem}`);
      if (systemClock.nowMs() > endMs) throw new Error(`waited ${formatDuration(WAIT_BOUND_MS)} in vain until ${what}`);
      await pause(20, undefined, { signal: this.#options.signal });
    }
  }

  #show(event: FarmEvent): void {
    if (event.kind === 'transition' && event.facts.to === 'waking') {
      this.#stopwatches.get(event.platform)?.decided(event.atMs);
    }
    if (this.#options.json) {
      this.#options.print(JSON.stringify(event));
      return;
    }
    const status = this.#run.farm.platform(event.platform);
    const held =
      status.heldBytes === 0 ? '-' : `${formatBytes(status.heldBytes)} as ${formatBytes(status.heldStoredBytes)}`;
    const columns = [
      event.platform.padEnd(7),
      status.state.padEnd(10),
      `pool ${status.pool}/${status.streams}`.padEnd(9),
      `held ${held}`.padEnd(25),
      event.message,
    ];
    this.#say(columns.join('  '));
  }

  #say(line: string): void {
    if (this.#options.json) return;
    const seconds = ((systemClock.nowMs() - this.#startedAtMs) / 1000).toFixed(2).padStart(7);
    this.#options.print(`${seconds} s  ${line}`);
  }

  /** Prints what every client sent against what its VM received, and each wake's split. True if all is whole. */
  #summarize(): boolean {
    const streams = this.#clients.map((client) => this.#compare(client));
    const wakes = [...this.#stopwatches.values()].flatMap((stopwatch) => stopwatch.splits);
    const ok = streams.every((stream) => stream.whole);
    if (this.#options.json) {
      this.#options.print(JSON.stringify({ kind: 'summary', ok, streams, wakes }));
      return ok;
    }
    this.#say('-- summary --');
    for (const { client, platform, sentBytes, answers, sentLines, sha256, verdict } of streams) {
      const sizes = `${formatBytes(sentBytes)} sent, ${answers}/${sentLines} lines answered`;
      this.#say(`${client.padEnd(6)} ${platform}  ${sizes.padEnd(40)} sha256 ${sha256.slice(0, 12)}  ${verdict}`);
    }
    for (const wake of wakes) {
      const own = `${wake.decisionMs.toFixed(1)} before the request + ${wake.deliveryMs.toFixed(1)} to the first held byte`;
      this.#say(
        `wake of ${wake.platform}: platform ${wake.platformMs.toFixed(0)} ms, Torpor ${wake.torporMs.toFixed(1)} ms (${own})`,
      );
    }
    this.#say(ok ? 'every byte arrived once, in order' : 'NOT every byte arrived once: see above');
    return ok;
  }

  #compare(client: DemoClient) {
    const vm = this.#platforms.find(({ name }) => name === client.platform)?.simulated.vm(client.vm);
    const sha256 = client.sentSha256();
    const match = vm?.connections.find(
      (connection) => connection.bytesReceived === client.sentBytes && connection.receivedSha256() === sha256,
    );
    const whole = match !== undefined && client.isAnswered && client.problem === null;
    const problem = client.problem ?? (match === undefined ? 'the VM received other bytes' : 'answers are missing');
    return {
      client: client.name,
      platform: client.platform,
      sentBytes: client.sentBytes,
      sentLines: client.sentLines,
      answers: client.answers,
      sha256,
      whole,
      verdict: whole ? 'same at the VM' : problem,
    };
  }
}
