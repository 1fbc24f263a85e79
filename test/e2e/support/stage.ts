// The stage of an end-to-end test: a simulated platform in this process, and the built Torpor in front of it in its own.

import { parseDurationMs } from '../../../src/platform/units.ts';
import type { HostChange } from '../../../src/power/simulated/simulated-host.ts';
import { SimulatedPlatform, type SimulatedPlatformOptions } from '../../../src/power/simulated/simulated-platform.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { eventually } from '../../support/eventually.ts';
import { LineClient } from '../../support/line-client.ts';
import { freePort } from '../../support/ports.ts';
import { TempFolder } from '../../support/temp-folder.ts';
import type { TorporApi } from '../../support/torpor-api.ts';
import { DEFAULT_IDLE_TIMEOUT, type SetUp, writeTorporConfig } from '../../support/torpor-config.ts';
import { TorporHere } from '../../support/torpor-here.ts';
import { runTorpor, TorporProcess } from '../../support/torpor-process.ts';
import { PressWatch } from './press-watch.ts';

/**
 * For a test that counts presses after a wake: so long after its client's last line nobody presses again, however late the count is taken.
 * The first sleep waits as long.
 */
export const UNHURRIED = { idleTimeout: '3s', disconnectGrace: '30s' };

/** Child processes and simulated latencies: generous, so that a busy machine fails nothing. */
export const E2E_TIMEOUT_MS = 300_000;

/** For a start, a session and a walk through the sensor records on a machine that is short of time. */
const READY_MS = 180_000;

const READY_STATES: readonly string[] = ['awake', 'drowsy', 'saving', 'suspending', 'asleep'];

export const PLATFORM = 'vdi-01';
export const USER = 'torpor';
/** IPMI 2.0 allows 20 bytes. */
export const PASSWORD = 'ridge-lamp-41-otter';

export class Stage implements AsyncDisposable {
  readonly platform: SimulatedPlatform;
  readonly folder = new TempFolder('e2e');
  readonly apiPort: number;
  readonly listenPort: number;
  /** Every change of the simulated host, oldest first. Without one nobody touched its power. */
  readonly changes: HostChange[] = [];
  readonly presses: PressWatch;
  readonly #torpors: Array<TorporApi & AsyncDisposable> = [];
  readonly #clients: LineClient[] = [];
  #idleTimeoutMs = 0;

  private constructor(platform: SimulatedPlatform, apiPort: number, listenPort: number) {
    this.platform = platform;
    this.apiPort = apiPort;
    this.listenPort = listenPort;
    platform.host.onChange((change) => this.changes.push(change));
    this.presses = new PressWatch({
      host: platform.host,
      clients: this.#clients,
      torpors: this.#torpors,
      idleTimeoutMs: () => this.#idleTimeoutMs,
      travelMs: () => platform.bmc.lateDeedMs ?? 0,
    });
  }

  /** A running platform with one VM, `alice`, behind the line service, and a configuration that fits it but for `setUp`. */
  static async open(setUp: Partial<SetUp> = {}, simulated: Partial<SimulatedPlatformOptions> = {}): Promise<Stage> {
    const platform = new SimulatedPlatform({
      clock: systemClock,
      user: USER,
      password: PASSWORD,
      vms: [{ name: 'alice' }],
      ...simulated,
    });
    await platform.start();
    const stage = new Stage(platform, await freePort(), await freePort());
    stage.configure(setUp);
    return stage;
  }

  get configPath(): string {
    return this.folder.file('torpor.yaml');
  }

  /** The VM of this stage with further keys of its listener, for `configure`. */
  alice(listener: Readonly<Record<string, unknown>>): Pick<SetUp, 'vms'> {
    const target = `127.0.0.1:${this.platform.vmPorts[0]}`;
    return { vms: [{ name: 'alice', listenPort: this.listenPort, target, ...listener }] };
  }

  /** Writes the configuration: one that fits the platform, but for what `setUp` says. */
  configure(setUp: Partial<SetUp>): void {
    this.#idleTimeoutMs = parseDurationMs(setUp.idleTimeout ?? DEFAULT_IDLE_TIMEOUT);
    writeTorporConfig(this.folder, {
      platform: PLATFORM,
      apiPort: this.apiPort,
      bmc: { port: this.platform.bmcPort, user: USER, password: PASSWORD },
      ...this.alice({}),
      ...setUp,
    });
  }

  /** `torpor run` with this stage's configuration, its API up. */
  async run(launcher: readonly string[] = []): Promise<TorporProcess> {
    const torpor = await TorporProcess.run(this.configPath, this.apiPort, launcher);
    this.#torpors.push(torpor);
    return torpor;
  }

  /** The same in this process: for tests that kill nothing. */
  async runHere(): Promise<TorporHere> {
    const torpor = await TorporHere.run(this.configPath, this.apiPort);
    this.#torpors.push(torpor);
    return torpor;
  }

  /** Waits until nothing but clients and configured waits keeps the platform awake: where there are none it may be asleep already. */
  async readyToSleep(torpor: TorporApi): Promise<void> {
    const isReady = async () => {
      const { state, wakeProven, bmcReachable } = await torpor.platform(PLATFORM);
      return READY_STATES.includes(state) && wakeProven && bmcReachable;
    };
    await eventually('the wake path to be proven and the BMC to be read', isReady, { withinMs: READY_MS });
  }

  /** Another command with this stage's configuration, to its end. */
  runToEnd(command: 'run' | 'check'): ReturnType<typeof runTorpor> {
    return runTorpor([command, '--config', this.configPath]);
  }

  /** A client that the watch over presses knows of. */
  async connect(port = this.listenPort): Promise<LineClient> {
    const client = await LineClient.connect(port);
    this.#clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const torpor of this.#torpors) await torpor[Symbol.asyncDispose]();
    await this.platform.stop();
    this.folder.remove();
    // Whatever a test was about: the secret is in no log.
    if (this.#torpors.some(({ output }) => output.includes(PASSWORD))) throw new Error('the password stands in a log');
  }
}
