// A platform's policy and its streams where time is virtual and sockets are memory: what the simulation and the week have alike.
import type { PlatformPolicy } from '../../src/platform/model.ts';
import { ReadBuffers } from '../../src/streams/read-buffers.ts';
import { StreamSet, type StreamSetOptions } from '../../src/streams/stream-set.ts';
import { DESK_POLICY } from './desk-policy.ts';
import { rawSocketsOf } from './raw-sockets-of.ts';

export const IDLE_TIMEOUT_MS = 5 * 60_000;
export const DISCONNECT_GRACE_MS = 5_000;
/** Its one VM. */
export const VM = 'alice';

/** As a user may have it: minutes, not the seconds of shorter tests. */
export const POLICY: PlatformPolicy = {
  ...DESK_POLICY,
  minAwakeMs: 60_000,
  drowsyForMs: 30_000,
  suspendTimeoutMs: 60_000,
  wakeTimeoutMs: 60_000,
  vms: [VM],
  probedVms: [VM],
};

export interface VirtualStreamsOptions
  extends Pick<StreamSetOptions, 'platform' | 'registry' | 'clock' | 'observer' | 'log' | 'readUnacked'> {
  /** A connection to the VM. */
  readonly connect: Parameters<typeof rawSocketsOf>[0];
  /** What its one listener has beside its addresses. */
  readonly listener: Pick<StreamSetOptions['listeners'][number], 'device' | 'activity' | 'policy'>;
}

/** Nothing is sent before the first release. Nobody listens: clients come by the link's service `desktop`. */
export function openVirtualStreams({ connect, listener, ...options }: VirtualStreamsOptions): StreamSet {
  const { registry, clock } = options;
  const buffers = new ReadBuffers({ core: registry.core, clock, direct: null });
  return new StreamSet({
    ...options,
    buffers: Object.assign(buffers, { raw: rawSocketsOf(connect) }),
    idleTimeoutMs: IDLE_TIMEOUT_MS,
    disconnectGraceMs: DISCONNECT_GRACE_MS,
    hold: { perStreamBytes: 1024 * 1024, perPlatformBytes: 16 * 1024 * 1024 },
    initiallyHeld: true,
    listeners: [
      {
        listen: { host: '127.0.0.1', port: 13389 },
        target: { host: '10.0.1.21', port: 3389 },
        vm: VM,
        protocol: 'raw',
        wakeOn: 'connect',
        maxStreams: null,
        link: { service: 'desktop' },
        ...listener,
      },
    ],
  });
}
