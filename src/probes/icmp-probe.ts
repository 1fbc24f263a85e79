// Probe `icmp`: a VM that answers one echo request runs. Asks by the system's `ping`, since raw sockets need a privilege.
import type { Clock } from '../platform/ports.ts';
import { CommandProbe } from './command-probe.ts';
import { type BoundedProbe, DEFAULT_TIMEOUT_MS } from './question.ts';

/** Pings of one probe that may run at once: with a bound of 2 s, one each 100 ms. */
export const PINGS_OPEN_MAX = 20;

/** What a host name or address may consist of, so that it can never be taken for an option of `ping`. */
const HOST_FORM = /^[A-Za-z0-9:][A-Za-z0-9.:_%-]*$/;

/** Whether `host` has the form of a name or address. */
export function isPingableHost(host: string): boolean {
  return HOST_FORM.test(host);
}

export class IcmpProbe implements BoundedProbe {
  readonly name: string;
  readonly timeoutMs: number;
  readonly maxOpen = PINGS_OPEN_MAX;
  readonly connects = false;
  readonly #command: CommandProbe;

  /** `program` is the `ping` to run; one that is missing never answers. */
  constructor(clock: Clock, host: string, timeoutMs: number = DEFAULT_TIMEOUT_MS, program = 'ping') {
    this.name = `icmp ${host}`;
    this.timeoutMs = timeoutMs;
    // -W counts whole seconds in some versions of ping; the probe's own bound is the finer one.
    const waitSeconds = Math.max(1, Math.ceil(timeoutMs / 1000));
    this.#command = new CommandProbe(
      clock,
      [program, '-n', '-c', '1', '-W', String(waitSeconds), host],
      timeoutMs,
      this.name,
    );
  }

  ask(signal: AbortSignal): Promise<boolean> {
    return this.#command.ask(signal);
  }
}
