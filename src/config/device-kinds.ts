// The one table of device kinds: what each brings where the configuration says nothing. An explicit key always wins.
import type { ActivityRule, Device } from '../platform/ports.ts';
import type { StreamPolicy } from '../platform/stream-policy.ts';

/** Defaults of one kind of client device. docs/listeners.md shows this table, and a test compares them. */
export interface DeviceKind {
  /** Where neither the listener nor its platform says otherwise. */
  readonly idleTimeoutMs: number;
  readonly wakeOn: 'connect' | 'preface' | 'input';
  readonly activity: ActivityRule;
  readonly viewing: StreamPolicy['viewing'];
  /** none: a connection by itself disturbs such a device. */
  readonly probe: 'tcp' | 'none';
  /** Why, for people. */
  readonly why: string;
}

const MINUTE_MS = 60_000;

export const DEVICE_KINDS: Readonly<Record<Device, DeviceKind>> = {
  desktop: {
    idleTimeoutMs: 10 * MINUTE_MS,
    wakeOn: 'connect',
    activity: 'learned',
    viewing: 'ignore',
    probe: 'tcp',
    why: 'whoever opens a remote desktop wants it; VNC clients say nothing before the server',
  },
  terminal: {
    idleTimeoutMs: 10 * MINUTE_MS,
    wakeOn: 'connect',
    activity: 'learned',
    viewing: 'ignore',
    probe: 'tcp',
    why: 'telnet clients may say nothing before the server',
  },
  printer: {
    idleTimeoutMs: MINUTE_MS,
    wakeOn: 'input',
    activity: 'learned',
    viewing: 'ignore',
    probe: 'none',
    why: 'a job begins with its bytes and ends with them; spoolers look at the port in between, and a probe would print',
  },
  disk: {
    idleTimeoutMs: 5 * MINUTE_MS,
    wakeOn: 'connect',
    activity: 'learned',
    viewing: 'ignore',
    probe: 'tcp',
    why: 'NBD clients wait for the server; caches write in bursts',
  },
  serial: {
    idleTimeoutMs: 10 * MINUTE_MS,
    wakeOn: 'input',
    activity: 'learned',
    viewing: 'ignore',
    probe: 'none',
    why: 'console loggers are connected for ever; a probe would take the line from its user',
  },
  web: {
    idleTimeoutMs: 5 * MINUTE_MS,
    wakeOn: 'preface',
    activity: 'learned',
    viewing: 'ignore',
    probe: 'tcp',
    why: 'browsers connect ahead of use; a request, or the start of TLS, is what is meant',
  },
};

/** JetDirect: a printer prints whatever connects to it, an empty connection included. */
const PRINTER_PORT = 9100;

/** The probe of a listener that names none. */
export function defaultProbeKind(device: Device, targetPort: number): 'tcp' | 'none' {
  return targetPort === PRINTER_PORT ? 'none' : DEVICE_KINDS[device].probe;
}
