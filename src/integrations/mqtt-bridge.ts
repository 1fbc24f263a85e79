// The farm on an MQTT broker: each platform's state, retained, and a topic that wakes it. The connection is mqtt-connection.ts's.
import type { Clock, Logger } from '../platform/ports.ts';
import type { Farm, PlatformStatus } from '../platform/status.ts';
import { commandTopic, discover, forget, stateTopic, statusTopic } from './home-assistant.ts';
import { MqttConnection, type MqttConnectionOptions } from './mqtt-connection.ts';

/** What comes within this time is told at once: a burst of clients is one message. */
const GATHER_MS = 250;
/** Watts change without an event. */
const RENEW_MS = 30_000;

export interface MqttBridgeOptions
  extends Pick<MqttConnectionOptions, 'host' | 'port' | 'tls' | 'clientId' | 'user' | 'password'> {
  readonly farm: Farm;
  /** First part of all topics. */
  readonly topic: string;
  /** Home Assistant's prefix; null: it is told nothing. */
  readonly discovery: string | null;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Logger;
}

export class MqttBridge {
  readonly #options: MqttBridgeOptions;
  readonly #connection: MqttConnection;
  /** What was published last of each platform. */
  readonly #published = new Map<string, string>();
  readonly #unsubscribe: () => void;
  #cancelGather: (() => void) | null = null;
  #cancelRenew: () => void = () => {};

  constructor(options: MqttBridgeOptions) {
    this.#options = options;
    const { farm, topic, host, port, tls, clientId, user, password, clock, log } = options;
    this.#connection = new MqttConnection({
      ...{ host, port, tls, clientId, user, password, clock, log },
      will: { topic: statusTopic(topic), payload: 'offline', retain: true },
      topics: [commandTopic(topic, '+')],
      onConnected: () => this.#introduce(),
      onMessage: (at, payload, retain) => this.#obey(at, payload, retain),
    });
    this.#unsubscribe = farm.onEvent(() => this.#gather());
  }

  start(): void {
    this.#connection.start();
    this.#renew();
  }

  async stop(): Promise<void> {
    this.#unsubscribe();
    this.#cancelGather?.();
    this.#cancelRenew();
    await this.#connection.stop({ topic: statusTopic(this.#options.topic), payload: 'offline', retain: true });
  }

  /** A broker that comes back may have lost what it was told to retain. */
  #introduce(): void {
    this.#connection.publish({ topic: statusTopic(this.#options.topic), payload: 'online', retain: true });
    this.#published.clear();
    this.#tellAll();
  }

  #gather(): void {
    this.#cancelGather ??= this.#options.clock.schedule(GATHER_MS, () => {
      this.#cancelGather = null;
      this.#tellAll();
    });
  }

  #renew(): void {
    this.#cancelRenew = this.#options.clock.schedule(RENEW_MS, () => {
      void this.#options.farm.refresh('own').then(() => this.#tellAll());
      this.#renew();
    });
  }

  #tellAll(): void {
    const { farm, topic } = this.#options;
    const platforms = farm.platforms();
    for (const name of this.#published.keys()) {
      if (!platforms.some((platform) => platform.name === name)) this.#takeOut(name);
    }
    for (const platform of platforms) {
      const payload = JSON.stringify(stateOf(platform));
      const before = this.#published.get(platform.name);
      if (before === payload) continue;
      if (before === undefined) this.#discover(platform.name);
      this.#published.set(platform.name, payload);
      this.#connection.publish({ topic: stateTopic(topic, platform.name), payload, retain: true });
    }
  }

  #discover(platform: string): void {
    const { discovery, topic: root, version } = this.#options;
    if (discovery === null) return;
    for (const message of discover(platform, { root, prefix: discovery, version })) this.#connection.publish(message);
  }

  #takeOut(platform: string): void {
    const { discovery, topic: root, version } = this.#options;
    this.#published.delete(platform);
    const messages = discovery === null ? [] : forget(platform, { root, prefix: discovery, version });
    for (const message of messages) this.#connection.publish(message);
    this.#connection.publish({ topic: stateTopic(root, platform), payload: '', retain: true });
  }

  /** What the broker retained is no order of now: it would wake the platform at each connection. */
  #obey(at: string, payload: string, retain: boolean): void {
    const { farm, topic, log } = this.#options;
    if (retain) {
      log.warn(
        { topic: at.slice(0, 200) },
        'a command that the MQTT broker has retained is left out: publish commands without retain',
      );
      return;
    }
    const platform = farm.platforms().find(({ name }) => commandTopic(topic, name) === at);
    if (platform === undefined || payload !== 'wake') {
      log.warn(
        { topic: at.slice(0, 200) },
        'a command by MQTT is not understood: there is "wake" on the topic of a platform',
      );
      return;
    }
    farm.wake(platform.name, 'operator, by MQTT');
  }
}

/** What programs and people want to see; times as the rest of the API has them, milliseconds since 1970. */
function stateOf(platform: PlatformStatus) {
  const { name, state, sinceMs, why, mode, pool, streams, watts, maintenance, bmcReachable, wakeProven } = platform;
  const inhibitors = platform.inhibitors.map((inhibitor) => inhibitor.why);
  return {
    name,
    state,
    sinceMs: Math.round(sinceMs),
    why,
    mode,
    pool,
    streams,
    watts,
    maintenance,
    bmcReachable,
    wakeProven,
    inhibitors,
  };
}
