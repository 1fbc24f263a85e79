// A platform that is itself a domain of a libvirt, such as a nested hypervisor: suspended, woken and read through virsh.
// Source: virsh(1), dompmsuspend, dompmwakeup, shutdown, start, domstate.
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
import { askFence } from '../press-fence.ts';
import { type Virsh, virshField } from './virsh.ts';

export const LIBVIRT_WAKE = 'libvirt';

export interface LibvirtHostOptions {
  readonly virsh: Virsh;
  readonly domain: string;
  readonly sleep: 'S3' | 'S5';
  /** agent: the guest agent suspends it. button: its ACPI power button is pressed. */
  readonly sleepAction: 'agent' | 'button';
  readonly clock: Clock;
}

/** libvirt's words for a domain's state that are evidence. Paused, crashed and the like are none. Source: libvirt, virsh-domain-monitor.c. */
const STATES: Readonly<Record<string, AcpiState>> = { running: 'S0', idle: 'S0', pmsuspended: 'S3', 'shut off': 'S5' };

export class LibvirtHost implements PowerPart, SleepSwitch, WakeSwitch, PowerReader {
  readonly name: string;
  readonly wakeMethods = [LIBVIRT_WAKE];
  readonly sleep: SleepSwitch = this;
  readonly wake: WakeSwitch = this;
  readonly reader: PowerReader = this;
  readonly #options: LibvirtHostOptions;
  readonly #closing = new AbortController();

  constructor(options: LibvirtHostOptions) {
    this.#options = options;
    this.name = `${options.virsh.name}, domain ${options.domain}`;
  }

  async requestSleep(signal: AbortSignal, fence?: PressFence): Promise<PowerAnswer> {
    const { sleep, sleepAction, domain } = this.#options;
    const agentSuspends = sleep === 'S3' && sleepAction === 'agent';
    const mode = sleepAction === 'agent' ? 'agent' : 'acpi';
    const args = agentSuspends
      ? ['dompmsuspend', '--domain', domain, 'mem']
      : ['shutdown', '--domain', domain, '--mode', mode];
    return askFence(fence) ?? (await this.#act(args, signal));
  }

  /** From S3 it is woken; one that is off is started. Neither does anything to a domain that runs. */
  async requestWake(_method: string, signal: AbortSignal): Promise<PowerAnswer> {
    const { domain } = this.#options;
    let state: string;
    try {
      state = await this.#state(signal);
    } catch (thrown) {
      return { outcome: 'unknown', attempts: [errorText(thrown)] };
    }
    if (state === 'pmsuspended') return await this.#act(['dompmwakeup', '--domain', domain], signal);
    if (state === 'shut off') return await this.#act(['start', '--domain', domain], signal);
    return { outcome: 'accepted', attempts: [`nothing asked: the domain is ${state}`] };
  }

  /** libvirt answers and knows the domain: whoever may read its state over this connection may also wake it. */
  async proveWake(signal: AbortSignal): Promise<WakeProof> {
    try {
      return { proven: true, why: `${this.name} answers: ${await this.#state(signal)}` };
    } catch (thrown) {
      return { proven: false, why: errorText(thrown) };
    }
  }

  sleepWitness(): PowerCapabilities['readsSleepState'] {
    return 'command';
  }

  async readPower(signal: AbortSignal): Promise<PowerReading> {
    const acpi = STATES[await this.#state(signal)] ?? null;
    return {
      atMs: this.#options.clock.nowMs(),
      acpi,
      acpiSource: acpi === null ? null : 'command',
      powerBit: null,
      watts: null,
    };
  }

  /** A transient domain that goes off is gone; an agent that does not answer cannot suspend. */
  async inspect(signal: AbortSignal): Promise<readonly PartFinding[]> {
    const { domain, virsh, sleep, sleepAction } = this.#options;
    const subject = 'libvirt domain';
    const findings: PartFinding[] = [];
    try {
      const info = await virsh.run(['dominfo', '--domain', domain], this.#any(signal));
      findings.push({ outcome: 'ok', subject, what: `${this.name} is ${virshField(info, 'State')}`, todo: null });
      if (sleep === 'S5' && virshField(info, 'Persistent') === 'no') {
        const todo = 'define it (virsh define): what is transient is gone once it is off';
        findings.push({ outcome: 'failed', subject, what: 'the domain is transient', todo });
      }
    } catch (thrown) {
      return [{ outcome: 'failed', subject, what: errorText(thrown), todo: 'look at power.host.uri and domain' }];
    }
    if (sleepAction === 'agent') findings.push(await this.#inspectAgent(signal));
    return findings;
  }

  async close(): Promise<void> {
    this.#closing.abort();
  }

  async #inspectAgent(signal: AbortSignal): Promise<PartFinding> {
    const { domain, virsh } = this.#options;
    const subject = 'guest agent';
    try {
      const ping = ['qemu-agent-command', '--domain', domain, '{"execute":"guest-ping"}'];
      await virsh.run(ping, this.#any(signal));
      return { outcome: 'ok', subject, what: 'it answers', todo: null };
    } catch (thrown) {
      const todo = 'install and start qemu-guest-agent in it, or write power.host.sleepAction: button';
      return { outcome: 'failed', subject, what: errorText(thrown), todo };
    }
  }

  async #state(signal: AbortSignal): Promise<string> {
    const { virsh, domain } = this.#options;
    return (await virsh.run(['domstate', '--domain', domain], this.#any(signal))).trim();
  }

  async #act(args: readonly string[], signal: AbortSignal): Promise<PowerAnswer> {
    try {
      await this.#options.virsh.run(args, this.#any(signal));
      return { outcome: 'accepted', attempts: [`virsh ${args[0]} ended with 0`] };
    } catch (thrown) {
      const refused = thrown instanceof TorporError && thrown.code !== 'ERR_HYPERVISOR_UNREACHABLE';
      return { outcome: refused ? 'refused' : 'unknown', attempts: [errorText(thrown)] };
    }
  }

  #any(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, this.#closing.signal]);
  }
}
