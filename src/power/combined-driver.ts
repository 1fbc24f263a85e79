// One power path out of several parts: sleep by one, wake by a list tried in order, state by another or by nobody. What was
// learned from a real sleep (`check --prove`) decides which witness counts and which silent ways of waking are proven.
import { errorText } from '../platform/errors.ts';
import type {
  Clock,
  LearnedPower,
  PowerAnswer,
  PowerCapabilities,
  PowerDriver,
  PowerReader,
  PowerReading,
  PressFence,
  SleepSwitch,
  WakeProof,
  WakeSwitch,
} from '../platform/ports.ts';

/** What is on record about a real sleep and wake of this platform. */
export type ProofOnRecord =
  | { readonly state: 'none' }
  /** It was made with another power configuration, or cannot be read: `why` says which. Nothing of it counts. */
  | { readonly state: 'stale'; readonly why: string }
  | {
      readonly state: 'valid';
      /** When, for people. */
      readonly at: string;
      /** The method that woke it. */
      readonly wokeBy: string;
      readonly learned: LearnedPower;
    };

export interface CombinedDriverOptions {
  readonly sleep: 'S3' | 'S5';
  readonly sleepSwitch: SleepSwitch;
  /** In the order in which they are tried. Never empty. */
  readonly wakeSwitches: readonly WakeSwitch[];
  /** Null: nothing tells the power, the VMs' probes are the only evidence. */
  readonly reader: PowerReader | null;
  /** What is on record now. Does not reject. */
  readonly readProof: () => Promise<ProofOnRecord>;
  readonly clock: Clock;
  /** Ends every part. */
  readonly close: () => Promise<void>;
}

interface WakeWay {
  readonly method: string;
  /** The method's name at its own switch. */
  readonly ownMethod: string;
  readonly wakeSwitch: WakeSwitch;
}

export class CombinedDriver implements PowerDriver {
  readonly name: string;
  readonly #options: CombinedDriverOptions;
  #proof: ProofOnRecord = { state: 'none' };

  private constructor(options: CombinedDriverOptions, proof: ProofOnRecord) {
    this.#options = options;
    this.name = describe(options);
    this.#proof = proof;
  }

  /** Reads the record first, so that `capabilities` are right from the start. */
  static async create(options: CombinedDriverOptions): Promise<CombinedDriver> {
    return new CombinedDriver(options, await options.readProof());
  }

  /** Asked anew each time: a switch may know only after its proof which methods it has. */
  get #ways(): readonly WakeWay[] {
    return waysOf(this.#options.wakeSwitches);
  }

  get wakeMethods(): readonly string[] {
    return this.#ways.map(({ method }) => method);
  }

  capabilities(): PowerCapabilities {
    const { sleep } = this.#options;
    return {
      sleep,
      retainsRam: sleep === 'S3',
      readsSleepState: this.sleepWitness(),
      wakeMethods: this.wakeMethods,
      learned: this.#learned,
    };
  }

  /** What was learned, where something is on record that still holds; else what the reader says of itself. */
  sleepWitness(): PowerCapabilities['readsSleepState'] {
    const { reader } = this.#options;
    if (reader === null) return 'none';
    return this.#learned?.witness ?? reader.sleepWitness();
  }

  /** What is on record, as it was read last. */
  get proof(): ProofOnRecord {
    return this.#proof;
  }

  get #learned(): LearnedPower | null {
    return this.#proof.state === 'valid' ? this.#proof.learned : null;
  }

  /** Without a reader a reading that says nothing: what cannot be asked is not unreachable. */
  async readPower(signal: AbortSignal): Promise<PowerReading> {
    const { reader, clock } = this.#options;
    if (reader !== null) return await reader.readPower(signal);
    return { atMs: clock.nowMs(), acpi: null, acpiSource: null, powerBit: null, watts: null };
  }

  async requestSleep(signal: AbortSignal, fence?: PressFence): Promise<PowerAnswer> {
    const { sleepSwitch } = this.#options;
    const { outcome, attempts } = await sleepSwitch.requestSleep(signal, fence);
    return { outcome, attempts: [`sleep asked of ${sleepSwitch.name}`, ...attempts] };
  }

  async requestWake(method: string, signal: AbortSignal): Promise<PowerAnswer> {
    const way = this.#ways.find((known) => known.method === method);
    if (way === undefined) {
      const known = this.wakeMethods.join(', ');
      return { outcome: 'refused', attempts: [`wake method "${method}" is not one of this platform's: ${known}`] };
    }
    const { outcome, attempts } = await way.wakeSwitch.requestWake(way.ownMethod, signal);
    return { outcome, attempts: [`${method} asked of ${way.wakeSwitch.name}`, ...attempts] };
  }

  /** Proven where one way is: by its own session, or by a wake on record where nothing ever comes back on it. */
  async proveWake(signal: AbortSignal): Promise<WakeProof> {
    const { wakeSwitches, readProof } = this.#options;
    const [proof, ...answers] = await Promise.all([
      readProof(),
      ...wakeSwitches.map((wakeSwitch) => proveOne(wakeSwitch, signal)),
    ]);
    this.#proof = proof;
    const judged = wakeSwitches.map((wakeSwitch, index) => this.#judge(wakeSwitch, answers[index] as WakeProof, proof));
    const proven = judged.some((each) => each.proven);
    const needsRecord = !proven && judged.some((each) => each.needsRecord === true);
    return { proven, needsRecord, why: [...judged.map((each) => each.why), ...recordWords(proof)].join(' | ') };
  }

  #judge(wakeSwitch: WakeSwitch, answer: WakeProof, proof: ProofOnRecord): WakeProof {
    if (answer.proven || answer.needsRecord !== true) return answer;
    const methods = this.#ways.filter((way) => way.wakeSwitch === wakeSwitch).map(({ method }) => method);
    if (proof.state === 'valid' && methods.includes(proof.wokeBy)) {
      return { proven: true, why: `${answer.why}; it woke the platform on ${proof.at} (check --prove)` };
    }
    return { proven: false, needsRecord: true, why: `${answer.why}: run torpor check --prove once` };
  }

  close(): Promise<void> {
    return this.#options.close();
  }
}

/** A switch that breaks its promise not to reject must not take the other ways with it. */
async function proveOne(wakeSwitch: WakeSwitch, signal: AbortSignal): Promise<WakeProof> {
  try {
    return await wakeSwitch.proveWake(signal);
  } catch (thrown) {
    return { proven: false, why: `${wakeSwitch.name}: ${errorText(thrown)}` };
  }
}

/** Method names are the machine's only handle: where two switches use the same one, the later says whose it is. */
function waysOf(wakeSwitches: readonly WakeSwitch[]): WakeWay[] {
  const ways: WakeWay[] = [];
  for (const wakeSwitch of wakeSwitches) {
    for (const ownMethod of wakeSwitch.wakeMethods) {
      const taken = ways.some(({ method }) => method === ownMethod);
      ways.push({ method: taken ? `${ownMethod} of ${wakeSwitch.name}` : ownMethod, ownMethod, wakeSwitch });
    }
  }
  return ways;
}

function describe({ sleepSwitch, wakeSwitches, reader }: CombinedDriverOptions): string {
  const names = new Set([sleepSwitch.name, ...wakeSwitches.map(({ name }) => name), reader?.name ?? 'probes']);
  if (names.size === 1) return sleepSwitch.name;
  const wake = wakeSwitches.map(({ name }) => name).join(', then ');
  return `sleep by ${sleepSwitch.name}; wake by ${wake}; state by ${reader?.name ?? 'probes alone'}`;
}

function recordWords(proof: ProofOnRecord): string[] {
  return proof.state === 'stale' ? [proof.why] : [];
}
