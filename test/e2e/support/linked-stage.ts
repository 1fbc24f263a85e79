// A stage whose Torpor has a gate, and an edge of the link in this process, with a relay between them that breaks when it is told to.
import { LinkEdge } from '../../../src/link/link-edge.ts';
import { makeLinkKeys } from '../../../src/link/link-keys.ts';
import { readLinkKeys } from '../../../src/link/link-tls.ts';
import type { SimulatedPlatformOptions } from '../../../src/power/simulated/simulated-platform.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { Relay } from '../../link/support/relay.ts';
import { eventually } from '../../support/eventually.ts';
import { KeptLog } from '../../support/kept-log.ts';
import type { LineClient } from '../../support/line-client.ts';
import { freePort } from '../../support/ports.ts';
import type { SetUp } from '../../support/torpor-config.ts';
import { Stage } from './stage.ts';

const LOOPBACK = '127.0.0.1';

export class LinkedStage implements AsyncDisposable {
  readonly stage: Stage;
  readonly log = new KeptLog();
  readonly gatePort: number;
  readonly relay: Relay;
  edge!: LinkEdge;
  readonly #setUp: Partial<SetUp>;

  private constructor(stage: Stage, gatePort: number, relay: Relay, setUp: Partial<SetUp>) {
    this.stage = stage;
    this.gatePort = gatePort;
    this.relay = relay;
    this.#setUp = setUp;
  }

  /** One VM, `alice`, whose listener is `desktop` to edges. Nothing runs yet. */
  static async open(
    setUp: Partial<SetUp> = {},
    simulated: Partial<SimulatedPlatformOptions> = {},
  ): Promise<LinkedStage> {
    const stage = await Stage.open({}, simulated);
    await makeLinkKeys(
      stage.folder.file('keys'),
      [
        { name: 'gate', role: 'gate' },
        { name: 'berlin', role: 'edge' },
      ],
      Date.now(),
    );
    const gatePort = await freePort();
    const linked = new LinkedStage(stage, gatePort, await Relay.start(gatePort), setUp);
    linked.configure({ link: 'desktop' });
    return linked;
  }

  /** `listener`: further keys of alice's. `gate` null: there is none. */
  configure(listener: Readonly<Record<string, unknown>>, gate: Readonly<Record<string, string>> | null = {}): void {
    const link = { listen: `${LOOPBACK}:${this.gatePort}`, keys: this.stage.folder.file('keys'), ...gate };
    this.stage.configure({ ...this.stage.alice(listener), ...this.#setUp, ...(gate === null ? {} : { link }) });
  }

  async startEdge(services = ['desktop']): Promise<void> {
    this.edge = await LinkEdge.start({
      gate: { host: LOOPBACK, port: this.relay.port },
      keys: await readLinkKeys(this.stage.folder.file('keys'), 'berlin'),
      listeners: services.map((service) => ({ listen: { host: LOOPBACK, port: 0 }, service, compress: true })),
      resumeMs: 60_000,
      clock: systemClock,
      log: this.log,
    });
    await eventually('the link', () => this.edge.isConnected);
  }

  /** A client of the edge; the watch over presses knows of it. */
  connect(service = 0): Promise<LineClient> {
    return this.stage.connect((this.edge.addresses[service] as { port: number }).port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.edge?.close();
    await this.stage[Symbol.asyncDispose]();
    await this.relay.close();
  }
}
