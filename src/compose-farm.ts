// Part of the composition root: this Torpor's place among others that share its platforms, where the configuration says so.
import { randomBytes } from 'node:crypto';
import type { FarmConfig } from './config/farm-schema.ts';
import { FarmMember } from './farm/farm-member.ts';
import { NatsStore } from './farm/nats/nats-store.ts';
import { packageVersion } from './package-version.ts';
import type { Logger } from './platform/ports.ts';
import type { PlatformShare } from './platform/share.ts';
import { systemClock } from './system-clock.ts';

/** Bytes that tell one run of a Torpor from all others. */
const BOOT_BYTES = 6;

export class SharedFarm {
  readonly #store: NatsStore;
  readonly #member: FarmMember;

  /** Connects behind: until the store has answered nothing is suspended, and all else goes on. */
  constructor(config: FarmConfig, log: Logger) {
    const { instance, leaseMs, servers, bucket, replicas, credentialsFile, tls } = config;
    const name = `torpor ${instance}`;
    const clock = systemClock;
    this.#store = new NatsStore({ servers, bucket, replicas, name, credentialsFile, tls, clock, log });
    this.#member = new FarmMember({
      store: this.#store,
      name: instance,
      version: packageVersion(),
      leaseMs,
      clock,
      wallMs: Date.now,
      random: Math.random,
      newBoot: () => randomBytes(BOOT_BYTES).toString('hex'),
      log,
    });
  }

  start(): void {
    this.#member.start();
  }

  share(platform: string): PlatformShare {
    return this.#member.share(platform);
  }

  /** The platform is this Torpor's no longer. */
  leave(platform: string): Promise<void> {
    return this.#member.leave(platform);
  }

  /** Takes no part any more, until it is started again. */
  pause(): Promise<void> {
    return this.#member.stop();
  }

  async stop(): Promise<void> {
    await this.#member.stop();
    await this.#store.close();
  }
}
