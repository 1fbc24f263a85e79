// One live session: a real server in a VM that really stops, a real client in front, and Torpor between them. Starts no client.
import type { StreamStatus } from '../../../src/platform/ports.ts';
import type { FarmEvent } from '../../../src/platform/status.ts';
import { NamespaceVm } from '../../e2e/support/namespace-vm.ts';
import { PLATFORM, Stage } from '../../e2e/support/stage.ts';
import { eventually } from '../../support/eventually.ts';
import type { SetUp, SetUpVm } from '../../support/torpor-config.ts';
import type { TorporProcess } from '../../support/torpor-process.ts';
import { VerdictDiary } from './verdict-diary.ts';

/** A stream leaves the pool so long after its last activity: time is compressed, a person's pauses with it. */
export const IDLE_TIMEOUT_MS = 2_000;
const SLEEP_BOUND_MS = 90_000;

export type LiveListener = Omit<SetUpVm, 'name' | 'listenPort' | 'target' | 'activity'>;

export class LiveSession implements AsyncDisposable {
  readonly stage: Stage;
  readonly vm: NamespaceVm;
  #torpor: TorporProcess | null = null;
  #diary: VerdictDiary | null = null;

  private constructor(stage: Stage, vm: NamespaceVm) {
    this.stage = stage;
    this.vm = vm;
  }

  /** A running platform with one VM in a network namespace, stopped whenever its host sleeps. No Torpor yet. */
  static async open(): Promise<LiveSession> {
    const vm = new NamespaceVm();
    const stage = await Stage.open();
    vm.follow(stage.platform.host);
    return new LiveSession(stage, vm);
  }

  /** Starts Torpor with one listener in front of `port` of the VM; its bytes are judged by detection. It stays awake first. */
  async listen(port: number, listener: LiveListener, platform: Partial<SetUp> = {}): Promise<void> {
    const target = `${this.vm.address}:${port}`;
    const { listenPort } = this.stage;
    this.stage.configure({
      idleTimeout: `${IDLE_TIMEOUT_MS}ms`,
      ...platform,
      vms: [{ name: 'alice', listenPort, target, activity: 'learned', ...listener }],
    });
    this.#torpor = await this.stage.run();
    this.#diary = new VerdictDiary(this.#torpor);
    await this.stayAwake();
  }

  get torpor(): TorporProcess {
    if (this.#torpor === null) throw new Error('listen() starts Torpor');
    return this.#torpor;
  }

  get diary(): VerdictDiary {
    if (this.#diary === null) throw new Error('listen() starts the diary');
    return this.#diary;
  }

  /** The one stream that is open. */
  async stream(): Promise<StreamStatus> {
    const open = (await this.torpor.streams()).filter(({ mode }) => mode !== 'closed');
    if (open.length !== 1) throw new Error(`${open.length} streams are open, not one`);
    return open[0] as StreamStatus;
  }

  /** Keeps the platform awake, whoever is idle. */
  async stayAwake(): Promise<void> {
    await this.torpor.ask(PLATFORM, 'inhibit', { for: '10m', why: 'the test watches its streams' });
    await this.torpor.waitForState(PLATFORM, 'awake');
  }

  async mayFallAsleep(): Promise<void> {
    await this.torpor.ask(PLATFORM, 'release');
  }

  /** Puts the platform to sleep where it does not sleep already, whoever is active. */
  async fallAsleepNow(): Promise<void> {
    const { host } = this.stage.platform;
    const askedUntilAsleep = async () => {
      if (host.phase === 'running') await this.torpor.ask(PLATFORM, 'sleep', { force: true });
      return host.phase === 'asleep';
    };
    await eventually('the host to sleep', askedUntilAsleep, { withinMs: SLEEP_BOUND_MS, everyMs: 100 });
  }

  /** Wakes the platform where it does not run. */
  async run(): Promise<void> {
    if (this.stage.platform.host.phase === 'running') return;
    await this.torpor.ask(PLATFORM, 'wake');
    await eventually('the host to run', () => this.stage.platform.host.phase === 'running');
  }

  /**
   * Resolves once the stream has been outside the pool for `quietMs` in a row, beginning within `learnsWithinMs`. Rejects
   * with what was taken for activity.
   */
  async waitQuiet(quietMs: number, learnsWithinMs: number): Promise<void> {
    let quietFromMs: number | null = null;
    await eventually(
      `the stream to be inactive for ${quietMs} ms in a row`,
      async () => {
        const { active } = await this.stream();
        const nowMs = performance.now();
        quietFromMs = active ? null : (quietFromMs ?? nowMs);
        return quietFromMs !== null && nowMs - quietFromMs >= quietMs;
      },
      { withinMs: learnsWithinMs + quietMs, everyMs: 50, context: () => this.diary.text() },
    );
  }

  async waitAsleep(): Promise<void> {
    await this.torpor.waitForState(PLATFORM, 'asleep', SLEEP_BOUND_MS).catch((thrown: unknown) => {
      throw new Error(`${String(thrown)}\n${this.diary.text()}`);
    });
  }

  /** Milliseconds of the system clock at which the stream became active for the first time after `sinceMs`. */
  async becameActiveAfter(sinceMs: number): Promise<number> {
    const event = await eventually('the stream to become active', () => this.eventAfter('stream-active', sinceMs), {
      everyMs: 20,
      context: () => this.diary.text(),
    });
    return event.atMs;
  }

  async eventAfter(kind: string, sinceMs: number): Promise<FarmEvent | undefined> {
    return (await this.torpor.events()).find((event) => event.kind === kind && event.atMs >= sinceMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#diary?.stop();
    this.vm.thaw();
    await this.stage[Symbol.asyncDispose]();
    this.vm.remove();
  }
}
