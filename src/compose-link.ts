// Part of the composition root: the gate of a compressed link within `torpor run`. Its streams are clients of the configured listeners,
// and what becomes of them and of their platforms is told to their edge.
import type { RunningPlatform } from './compose-platform.ts';
import type { LinkConfig } from './config/link-schema.ts';
import type { EventLog } from './history/event-log.ts';
import { LinkGate } from './link/link-gate.ts';
import type { LinkOpening } from './link/link-records.ts';
import { LinkSocket } from './link/link-socket.ts';
import type { LinkStream } from './link/link-stream.ts';
import { readLinkKeys } from './link/link-tls.ts';
import type { Endpoint } from './platform/endpoint.ts';
import { formatEndpoint } from './platform/endpoint.ts';
import { errorText, TorporError } from './platform/errors.ts';
import type { Logger } from './platform/ports.ts';
import type { FarmEvent, LinkStatus, StateName } from './platform/status.ts';
import { systemClock } from './system-clock.ts';

export interface LinkFrontOptions {
  /** As they are now: which ones there are may change. */
  readonly platforms: readonly RunningPlatform[];
  readonly events: EventLog;
  readonly log: Logger;
}

/** A stream of the link that is a client of a platform. */
interface Told {
  readonly platform: string;
  readonly stream: LinkStream;
}

export class LinkFront {
  readonly #options: LinkFrontOptions;
  readonly #told = new Map<string, Told>();
  readonly #forget: () => void;
  #gate: LinkGate | null = null;

  constructor(options: LinkFrontOptions) {
    this.#options = options;
    this.#forget = options.events.subscribe((event) => this.#note(event));
  }

  /** Where it listens; null: there is no gate. */
  get address(): string | null {
    return this.#gate === null ? null : formatEndpoint(this.#gate.address);
  }

  links(): LinkStatus[] {
    return this.#gate?.status() ?? [];
  }

  /**
   * Begins, ends or changes the gate; null: there is none. Keys are read again each time, and links that stand go on. Resolves with what
   * could not be done, and then all stays as it was.
   */
  async change(config: LinkConfig | null): Promise<string[]> {
    try {
      if (config === null) await this.#end();
      else await this.#begin(config);
      return [];
    } catch (thrown) {
      return [`link: ${errorText(thrown)}`];
    }
  }

  /** Ending now would take from edges' clients what is on its way to them. */
  get isBusy(): boolean {
    return this.#gate?.isBusy === true;
  }

  /** For another Torpor that takes over: edges open their next streams there. */
  leave(): void {
    this.#gate?.leave();
  }

  /** Back from `leave`. Resolves with what could not be done. */
  async takeBack(): Promise<string[]> {
    try {
      await this.#gate?.takeBack();
      return [];
    } catch (thrown) {
      return [`link: ${errorText(thrown)}`];
    }
  }

  async stop(): Promise<void> {
    this.#forget();
    await this.#end();
  }

  async #begin({ listen, keys: folder, name, resumeMs }: LinkConfig): Promise<void> {
    const keys = await readLinkKeys(folder, name);
    const { log } = this.#options;
    if (this.#gate !== null) {
      await this.#gate.change({ listen, keys, resumeMs });
      return;
    }
    const services = {
      accept: (stream: LinkStream, opening: LinkOpening) => this.#accept(stream, opening),
      compresses: (service: string) => this.#compresses(service),
    };
    this.#gate = await LinkGate.start({ listen, keys, resumeMs, services, clock: systemClock, log });
    log.info({ listen: this.address }, 'the gate of the link listens');
  }

  async #end(): Promise<void> {
    const gate = this.#gate;
    this.#gate = null;
    await gate?.close();
  }

  #accept(stream: LinkStream, { service, client }: LinkOpening): LinkSocket {
    for (const platform of this.#options.platforms) {
      let made: LinkSocket | null = null;
      const makeClient = (at: Endpoint) => {
        const onCarried = (id: string) => this.#begins(id, platform, stream);
        made = new LinkSocket({ stream, client, at, onCarried });
        return made;
      };
      if (platform.streams.enter(service, makeClient)) return made as unknown as LinkSocket;
    }
    throw new TorporError('ERR_LINK_PEER', `no listener is "${service}" to edges`);
  }

  #compresses(service: string): boolean {
    const listeners = this.#options.platforms.flatMap(({ config }) => config.vms.flatMap((vm) => vm.listeners));
    return listeners.find(({ link }) => link?.service === service)?.link?.compress ?? false;
  }

  // ------------------------------------------------------------------------------------------ what edges are told

  #begins(id: string, { name, controller }: RunningPlatform, stream: LinkStream): void {
    this.#told.set(id, { platform: name, stream });
    stream.tell({ isActive: false, state: controller.model.state });
  }

  #note({ kind, platform, facts }: FarmEvent): void {
    if (kind === 'transition') this.#tellState(platform, facts.to as StateName);
    else if (kind === 'stream-closed') this.#told.delete(String(facts.stream));
    else if (kind === 'stream-active' || kind === 'stream-idle')
      this.#tell(this.#told.get(String(facts.stream)), { isActive: kind === 'stream-active' });
  }

  #tellState(platform: string, state: StateName): void {
    for (const told of this.#told.values()) if (told.platform === platform) this.#tell(told, { state });
  }

  #tell(told: Told | undefined, change: { isActive: boolean } | { state: StateName }): void {
    const notice = told?.stream.notice;
    if (told !== undefined && notice !== null && notice !== undefined) told.stream.tell({ ...notice, ...change });
  }
}
