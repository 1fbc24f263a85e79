// Under which name a listener's spool wakes its platform and keeps it awake: one stream for all jobs that are delivered in a row.
import { formatEndpoint } from '../../platform/endpoint.ts';
import type { Protocol, StreamName, StreamStatus } from '../../platform/ports.ts';
import type { StreamRoute } from '../stream.ts';

/** In the place of a client's address. */
export const SPOOL_CLIENT = 'spool';

/** What a status needs beyond the name. */
export interface StatusFacts {
  readonly mode: StreamStatus['mode'];
  readonly active: boolean;
  readonly verdict: string;
  readonly openedAtMs: number;
  readonly lastActiveAtMs: number;
  readonly lastActiveWhy: string;
  readonly bytesFromClient: number;
  readonly bytesToClient: number;
  readonly heldBytes: number;
  readonly heldStoredBytes: number;
}

/** A stream as the API shows it, of which a Stream object is not the owner. */
export function statusOf(name: StreamName, route: StreamRoute, facts: StatusFacts): StreamStatus {
  const { id, platform, vm, listener, client, protocol } = name;
  const { device, target } = route;
  const named = { id, platform, vm, listener, client, protocol, device, target: formatEndpoint(target) };
  return { ...named, speaks: 'raw', idleAtMs: null, ...facts };
}

export class SpoolSession implements StreamName {
  readonly id: string;
  readonly platform: string;
  readonly client = SPOOL_CLIENT;
  readonly route: StreamRoute;
  readonly openedAtMs: number;
  /** It is in the pool. */
  isActive = false;
  activeAtMs: number;
  why = '';
  deliveredJobs = 0;
  deliveredBytes = 0;
  /** Of the job that is on its way. */
  sentBytes = 0;

  constructor(id: string, platform: string, route: StreamRoute, nowMs: number) {
    this.id = id;
    this.platform = platform;
    this.route = route;
    this.openedAtMs = nowMs;
    this.activeAtMs = nowMs;
  }

  get vm(): string {
    return this.route.vm;
  }

  get listener(): string {
    return this.route.listener;
  }

  get protocol(): Protocol {
    return this.route.protocol;
  }

  status(): StreamStatus {
    return statusOf(this, this.route, {
      mode: this.isActive ? 'delivering' : 'holding',
      active: this.isActive,
      verdict: this.why,
      openedAtMs: this.openedAtMs,
      lastActiveAtMs: this.activeAtMs,
      lastActiveWhy: this.why,
      bytesFromClient: this.deliveredBytes + this.sentBytes,
      bytesToClient: 0,
      heldBytes: 0,
      heldStoredBytes: 0,
    });
  }
}
