// A Proxmox VE node that shuts itself down; through another node of its cluster it is also woken and read.
// Source: Proxmox VE API, POST /nodes/{node}/status and /nodes/{node}/wakeonlan, GET /cluster/status.
import { errorText, TorporError } from '../../platform/errors.ts';
import type {
  AcpiState,
  Clock,
  PowerAnswer,
  PowerCapabilities,
  PowerReader,
  PowerReading,
  PressFence,
  SleepSwitch,
  WakeProof,
  WakeSwitch,
} from '../../platform/ports.ts';
import type { PartFinding, PowerPart } from '../power-part.ts';
import { asRecord, type ProxmoxClient } from './proxmox-client.ts';

export const PROXMOX_WAKE = 'proxmox-wakeonlan';

export interface ProxmoxHostOptions {
  readonly client: ProxmoxClient;
  /** node: the client speaks with the node itself. peer: with another node of its cluster. */
  readonly via: 'node' | 'peer';
  readonly clock: Clock;
}

export class ProxmoxHost implements PowerPart, SleepSwitch, WakeSwitch, PowerReader {
  readonly name: string;
  readonly wakeMethods = [PROXMOX_WAKE];
  readonly sleep: SleepSwitch = this;
  readonly wake: WakeSwitch | null;
  readonly reader: PowerReader | null;
  readonly #options: ProxmoxHostOptions;
  readonly #closing = new AbortController();

  constructor(options: ProxmoxHostOptions) {
    this.#options = options;
    this.name = options.client.name;
    this.wake = options.via === 'peer' ? this : null;
    this.reader = options.via === 'peer' ? this : null;
  }

  /** Resolves when the node has taken the request; that it goes down is for the evidence to show. */
  async requestSleep(signal: AbortSignal, fence?: PressFence): Promise<PowerAnswer> {
    const { client } = this.#options;
    return await this.#act('shutdown', () =>
      client.post(client.nodePath('/status'), { command: 'shutdown' }, this.#any(signal), fence),
    );
  }

  async requestWake(_method: string, signal: AbortSignal): Promise<PowerAnswer> {
    const { client } = this.#options;
    return await this.#act('wakeonlan', () => client.post(client.nodePath('/wakeonlan'), {}, this.#any(signal)));
  }

  /** The peer sends a magic packet, which nobody answers: that it wakes shows only when it does. */
  async proveWake(signal: AbortSignal): Promise<WakeProof> {
    try {
      const seen = await this.#clusterView(signal);
      if (seen.local === this.#options.client.node) {
        return {
          proven: false,
          why: `${this.name} is the node itself, which answers nobody while it is off: give url another node`,
        };
      }
      return {
        proven: false,
        needsRecord: true,
        why: `${seen.local ?? 'the peer'} answers and would send a magic packet`,
      };
    } catch (thrown) {
      return { proven: false, why: errorText(thrown) };
    }
  }

  sleepWitness(): PowerCapabilities['readsSleepState'] {
    return 'command';
  }

  /** What the cluster says of the node: it notices within seconds that one is gone, also one that crashed. */
  async readPower(signal: AbortSignal): Promise<PowerReading> {
    const { online } = await this.#clusterView(signal);
    const acpi: AcpiState | null = online === null ? null : online ? 'S0' : 'S5';
    return {
      atMs: this.#options.clock.nowMs(),
      acpi,
      acpiSource: acpi === null ? null : 'command',
      powerBit: null,
      watts: null,
    };
  }

  async inspect(signal: AbortSignal): Promise<readonly PartFinding[]> {
    const { client } = this.#options;
    const subject = 'Proxmox API';
    try {
      const version = asRecord(await client.get('/version', this.#any(signal))).version;
      const nodes = await client.get('/nodes', this.#any(signal));
      const known = Array.isArray(nodes) && nodes.some((entry) => asRecord(entry).node === client.node);
      if (!known) {
        const todo = `write one of the cluster's names as power.host.node, and let the token see it (Sys.Audit)`;
        return [{ outcome: 'failed', subject, what: `${client.name} knows no node ${client.node}`, todo }];
      }
      return [{ outcome: 'ok', subject, what: `${client.name} answers, version ${String(version)}`, todo: null }];
    } catch (thrown) {
      return [
        {
          outcome: 'failed',
          subject,
          what: errorText(thrown),
          todo: 'look at power.host: url, tls, tokenId and the token',
        },
      ];
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
  }

  async #act(what: string, run: () => Promise<unknown>): Promise<PowerAnswer> {
    try {
      await run();
      return { outcome: 'accepted', attempts: [`${what} taken by ${this.name}`] };
    } catch (thrown) {
      // An answer that says no did nothing; where none came the request may have arrived.
      const refused =
        thrown instanceof TorporError &&
        thrown.code !== 'ERR_HYPERVISOR_UNREACHABLE' &&
        thrown.code !== 'ERR_HYPERVISOR_PROTOCOL';
      return { outcome: refused ? 'refused' : 'unknown', attempts: [`${what}: ${errorText(thrown)}`] };
    }
  }

  /** Which node answers, and whether this one is online. */
  async #clusterView(signal: AbortSignal): Promise<{ local: string | null; online: boolean | null }> {
    const { client } = this.#options;
    const status = await client.get('/cluster/status', this.#any(signal));
    const nodes = (Array.isArray(status) ? status : []).map(asRecord).filter(({ type }) => type === 'node');
    const local = nodes.find((node) => Number(node.local) === 1)?.name;
    const own = nodes.find(({ name }) => name === client.node);
    if (own === undefined) {
      const message = `${client.name}: its cluster has no node ${client.node}: look at power.host.node`;
      throw new TorporError('ERR_HYPERVISOR_REFUSED', message);
    }
    return {
      local: typeof local === 'string' ? local : null,
      online: own.online === undefined ? null : Number(own.online) === 1,
    };
  }

  #any(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, this.#closing.signal]);
  }
}
