// The evidence rule: what the witnesses together say about the platform's state. Commands' return codes are no evidence.
import type { PlatformModel, PlatformPolicy, ProbeFact } from './model.ts';
import type { PowerReading } from './ports.ts';
import { formatDuration } from './units.ts';

/** Evidence older than this is no evidence. */
export const EVIDENCE_FRESH_MS = 10_000;
/** VMs must be silent this long beside a witness of power. */
export const SILENCE_MS = 2_000;
/** VMs must be silent this long where there is no witness of power. */
export const WEAK_SILENCE_MS = 15_000;

/** What a witness of power says: running, sleeping (S1 to S4), off (S5), or nothing that counts. */
export type PowerVerdict = 'running' | 'sleeping' | 'off' | 'unknown';

export interface Assessment {
  readonly verdict: 'awake' | 'asleep' | 'off' | 'unknown';
  /** True where no witness of power stands behind it. */
  readonly weak: boolean;
  readonly power: PowerVerdict;
  /** For people: "S3 by sensor, VMs silent for 12s". */
  readonly text: string;
}

/** True where something tells the sleep from S0. Watts do where `check --prove` has learned their bounds. */
export function hasPowerWitness(policy: PlatformPolicy): boolean {
  return policy.witness === 'watts' ? policy.watts != null : policy.witness !== 'none';
}

/** What the last fresh reading says by the witness that counts on this platform. */
export function powerVerdict(model: PlatformModel, nowMs: number): PowerVerdict {
  const reading = model.power;
  if (reading === null || nowMs - reading.atMs > EVIDENCE_FRESH_MS) return 'unknown';
  switch (model.policy.witness) {
    case 'sensor':
    case 'command':
      if (reading.acpi === null) return 'unknown';
      if (reading.acpi === 'S0') return 'running';
      return reading.acpi === 'S5' ? 'off' : 'sleeping';
    case 'power-bit':
      if (reading.powerBit === null) return 'unknown';
      if (reading.powerBit) return 'running';
      return model.policy.sleep === 'S5' ? 'off' : 'sleeping';
    case 'watts':
      return wattsVerdict(model.policy, reading.watts);
    case 'none':
      return 'unknown';
  }
}

/** Between the bounds watts say nothing: a meter that lags or wavers there changes no verdict. */
function wattsVerdict({ watts: bounds, sleep }: PlatformPolicy, watts: number | null): PowerVerdict {
  if (bounds == null || watts === null) return 'unknown';
  if (watts >= bounds.awakeAtLeast) return 'running';
  if (watts > bounds.asleepAtMost) return 'unknown';
  return sleep === 'S5' ? 'off' : 'sleeping';
}

/** True where the VM's last result was an answer and is fresh. */
export function vmAnswers(fact: ProbeFact | undefined, nowMs: number): boolean {
  return fact !== undefined && fact.silentSinceMs === null && nowMs - fact.lastResultAtMs <= EVIDENCE_FRESH_MS;
}

/** True where some VM answers its probe now. */
export function anyVmAnswers(model: PlatformModel, nowMs: number): boolean {
  return model.policy.probedVms.some((vm) => vmAnswers(model.probes[vm], nowMs));
}

/** True where the VM answered a question that was asked at `askedFromMs` or later. */
export function vmAnsweredSince(model: PlatformModel, vm: string, askedFromMs: number): boolean {
  const fact = model.probes[vm];
  return fact?.answeredAskedAtMs != null && fact.answeredAskedAtMs >= askedFromMs;
}

/** How long every probed VM has been silent, milliseconds; zero where one answers or nobody asked lately. */
export function allSilentForMs(model: PlatformModel, nowMs: number): number {
  let shortestMs = Number.POSITIVE_INFINITY;
  for (const vm of model.policy.probedVms) {
    const fact = model.probes[vm];
    if (fact === undefined || fact.silentSinceMs === null) return 0;
    if (nowMs - fact.lastResultAtMs > EVIDENCE_FRESH_MS) return 0;
    shortestMs = Math.min(shortestMs, nowMs - fact.silentSinceMs);
  }
  return Number.isFinite(shortestMs) ? shortestMs : 0;
}

/** Weighs all fresh evidence. In doubt the verdict is unknown, never asleep. */
export function assess(model: PlatformModel, nowMs: number): Assessment {
  const power = powerVerdict(model, nowMs);
  const silentMs = allSilentForMs(model, nowMs);
  const answers = anyVmAnswers(model, nowMs);
  const hasProbes = model.policy.probedVms.length > 0;
  const text = describe(model, power, silentMs, answers);
  const weak = power === 'unknown';
  if (answers) return { verdict: 'awake', weak: false, power, text };
  if (power === 'running') return { verdict: hasProbes ? 'unknown' : 'awake', weak: !hasProbes, power, text };
  if (power !== 'unknown' && (!hasProbes || silentMs >= SILENCE_MS)) {
    const sleepsByOurRule = power === 'sleeping' || model.policy.sleep === 'S5';
    return { verdict: sleepsByOurRule ? 'asleep' : 'off', weak: !hasProbes, power, text };
  }
  if (!hasPowerWitness(model.policy) && silentMs >= WEAK_SILENCE_MS)
    return { verdict: 'asleep', weak: true, power, text };
  return { verdict: 'unknown', weak, power, text };
}

function describe(model: PlatformModel, power: PowerVerdict, silentMs: number, answers: boolean): string {
  const reading = model.power;
  const witness =
    power === 'unknown' || reading === null
      ? 'no fresh witness of power'
      : describeReading(model.policy.witness, power, reading);
  if (model.policy.probedVms.length === 0) return `${witness}, no VM has a probe`;
  if (answers) return `${witness}, a VM answers`;
  return silentMs > 0 ? `${witness}, VMs silent for ${formatDuration(silentMs)}` : `${witness}, VMs not asked lately`;
}

function describeReading(witness: PlatformPolicy['witness'], power: PowerVerdict, reading: PowerReading): string {
  switch (witness) {
    case 'watts':
      return `${Math.round(reading.watts ?? 0)} W`;
    case 'power-bit':
      return `power bit says ${power === 'running' ? 'on' : 'off'}`;
    default:
      return `${reading.acpi} by ${reading.acpiSource === 'command' ? 'command' : 'sensor'}`;
  }
}
