// What one real sleep and wake teaches about a platform: which witnesses differ, how long each step takes, what follows. Pure.
import type { LearnedPower, PowerCapabilities, PowerReading, WattsBounds } from './ports.ts';

/** Watts differ where they fall by a fifth at least, and by more than a meter's noise. */
const WATTS_GAP_PART = 0.2;
const WATTS_GAP_MIN = 5;
/** Between the bounds, around the middle, lies this part of the gap: there watts say nothing. */
const WATTS_SILENT_PART = 0.25;
/** A sleep and a wake may take three times as long as they once did, and never longer than half an hour. */
const PATIENCE = 3;
const LEARNED_TIMEOUT_MAX_MS = 30 * 60_000;

/** What was read while it ran (before and after), and while it slept. */
export interface WitnessSamples {
  readonly awake: readonly PowerReading[];
  /** The sleep's last part only: meters lag. */
  readonly asleep: readonly PowerReading[];
}

/** One witness of power in both states. */
export interface WitnessFinding {
  readonly kind: 'acpi' | 'power-bit' | 'watts';
  /** Every value seen, as words: `S0`, `on`, `182 W to 190 W`; empty where it said nothing. */
  readonly awake: string;
  readonly asleep: string;
  readonly differs: boolean;
}

/** How long one VM took. Null: did not happen, or was not asked. */
export interface VmSteps {
  readonly vm: string;
  /** Whether it answered before the sleep. One that did not is waited for by nobody. */
  readonly answeredBefore: boolean;
  /** From the request to sleep to its first unanswered question. */
  readonly silentAfterMs: number | null;
  /** From the request to wake to its first answer. */
  readonly answeredAfterMs: number | null;
}

/** Milliseconds from the request that began each step. Null: was not seen. */
export interface ProofSteps {
  readonly firstWitnessMs: number | null;
  readonly silentMs: number | null;
  readonly asleepMs: number;
  readonly runningMs: number | null;
  readonly awakeMs: number;
  readonly vms: readonly VmSteps[];
}

/** A proof as it is kept. Of a wake that failed only `wokeBy` null and `why` matter: it takes back what was proven before. */
export interface PlatformProof {
  readonly platform: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** Tells whether the power configuration is still the one that it was made with. */
  readonly fingerprint: string;
  /** The whole power path, for people. */
  readonly path: string;
  readonly sleep: 'S3' | 'S5';
  readonly wokeBy: string | null;
  /** Every method that was asked, and what it answered. */
  readonly wakeAttempts: readonly string[];
  readonly why: string;
  readonly witnesses: readonly WitnessFinding[];
  /** False where the power could not be read any more while it slept. */
  readonly readableAsleep: boolean;
  readonly identity: 'same' | 'changed' | 'unknown';
  readonly steps: ProofSteps | null;
  readonly learned: LearnedPower | null;
}

/** Compares both states, strongest witness first: ACPI, the power bit, watts. */
export function judgeWitnesses(samples: WitnessSamples, idleWatts: number | null): WitnessFinding[] {
  const { awake, asleep } = samples;
  const bit = (reading: PowerReading) => (reading.powerBit === null ? null : reading.powerBit ? 'on' : 'off');
  const acpiDiffers =
    all(awake, ({ acpi }) => acpi === 'S0') && all(asleep, ({ acpi }) => acpi !== null && acpi !== 'S0');
  return [
    {
      kind: 'acpi',
      awake: words(awake.map(({ acpi }) => acpi)),
      asleep: words(asleep.map(({ acpi }) => acpi)),
      differs: acpiDiffers,
    },
    {
      kind: 'power-bit',
      awake: words(awake.map(bit)),
      asleep: words(asleep.map(bit)),
      differs: all(awake, ({ powerBit }) => powerBit === true) && all(asleep, ({ powerBit }) => powerBit === false),
    },
    {
      kind: 'watts',
      awake: wattsWords(awake),
      asleep: wattsWords(asleep),
      differs: wattsBounds(samples, idleWatts) !== null,
    },
  ];
}

/**
 * Half-way between the least it drew awake (or what its owner says it draws idle) and the most it drew asleep, with room on
 * both sides. Null where they do not differ enough, or were not told.
 */
export function wattsBounds({ awake, asleep }: WitnessSamples, idleWatts: number | null): WattsBounds | null {
  const awakeWatts = awake.map(({ watts }) => watts);
  const asleepWatts = asleep.map(({ watts }) => watts);
  if (![...awakeWatts, ...asleepWatts].every((watts) => watts !== null)) return null;
  if (awakeWatts.length === 0 || asleepWatts.length === 0) return null;
  const least = Math.min(...(awakeWatts as number[]), idleWatts ?? Number.POSITIVE_INFINITY);
  const most = Math.max(...(asleepWatts as number[]));
  const gap = least - most;
  if (gap < Math.max(WATTS_GAP_MIN, least * WATTS_GAP_PART)) return null;
  const middle = (least + most) / 2;
  const half = (gap * WATTS_SILENT_PART) / 2;
  return { asleepAtMost: round(middle - half), awakeAtLeast: round(middle + half) };
}

/** What the decisions take from a proof. */
export function learn(samples: WitnessSamples, steps: ProofSteps, idleWatts: number | null): LearnedPower {
  const watts = wattsBounds(samples, idleWatts);
  return {
    witness: strongest(judgeWitnesses(samples, idleWatts), samples.asleep.at(-1)?.acpiSource ?? null),
    watts,
    suspendTimeoutMs: patience(steps.asleepMs),
    wakeTimeoutMs: patience(Math.max(steps.awakeMs, ...steps.vms.map(({ answeredAfterMs }) => answeredAfterMs ?? 0))),
    idleWatts: meanWatts(samples.awake),
  };
}

function strongest(
  findings: readonly WitnessFinding[],
  acpiSource: PowerReading['acpiSource'],
): PowerCapabilities['readsSleepState'] {
  const found = findings.find(({ differs }) => differs);
  if (found === undefined) return 'none';
  return found.kind === 'acpi' ? (acpiSource ?? 'sensor') : found.kind;
}

/** The proof is made while the platform idles. */
function meanWatts(readings: readonly PowerReading[]): number | null {
  const known = readings.map(({ watts }) => watts).filter((watts) => watts !== null);
  return known.length === 0 ? null : round(known.reduce((sum, watts) => sum + watts, 0) / known.length);
}

function patience(tookMs: number): number {
  return Math.min(LEARNED_TIMEOUT_MAX_MS, Math.ceil((PATIENCE * tookMs) / 1000) * 1000);
}

function all<T>(values: readonly T[], holds: (value: T) => boolean): boolean {
  return values.length > 0 && values.every(holds);
}

function words(values: ReadonlyArray<string | null>): string {
  return [...new Set(values.filter((value) => value !== null))].join(', ');
}

function wattsWords(readings: readonly PowerReading[]): string {
  const known = readings.map(({ watts }) => watts).filter((watts) => watts !== null);
  if (known.length === 0) return '';
  const least = Math.round(Math.min(...known));
  const most = Math.round(Math.max(...known));
  return least === most ? `${least} W` : `${least} to ${most} W`;
}

function round(watts: number): number {
  return Math.round(watts * 10) / 10;
}
