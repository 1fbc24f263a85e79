// The end of `check --prove` as a table: what each witness said, how long each step took, what was learned.
import type { ProveResult } from '../../controller/prove-platform.ts';
import type { PlatformProof, ProofSteps } from '../../platform/proof.ts';
import { formatDuration } from '../../platform/units.ts';
import { plainText, type Style } from '../style.ts';
import { alignRows } from '../table.ts';

export function formatProof(platform: string, result: ProveResult, style: Style): string[] {
  const lines = [
    ...section('witnesses', witnessRows(result), style),
    ...section('steps', stepRows(result.steps), style),
    ...section('learned', learnedRows(result), style),
  ];
  const verdict =
    result.outcome === 'proven'
      ? style.good(`${platform}: proven, ${plainText(result.why)}`)
      : style.bad(`${platform}: not proven: ${plainText(result.why)}`);
  return [...lines, verdict];
}

function section(title: string, rows: readonly (readonly string[])[], style: Style): string[] {
  if (rows.length === 0) return [];
  return [style.strong(title), ...alignRows(rows).map((row) => `  ${row}`), ''];
}

function witnessRows({ witnesses, readableAsleep, steps }: ProveResult): string[][] {
  if (steps === null) return [];
  const rows = witnesses.map(({ kind, awake, asleep, differs }) => [
    kind,
    `awake ${awake === '' ? '-' : awake}`,
    `asleep ${asleep === '' ? '-' : asleep}`,
    differs ? 'differs' : 'does not tell',
  ]);
  if (!readableAsleep) rows.push(['power', 'read', 'not readable', 'the BMC may share a port that sleeps, too']);
  return rows;
}

function stepRows(steps: ProofSteps | null): string[][] {
  if (steps === null) return [];
  const time = (ms: number | null) => (ms === null ? '-' : formatDuration(ms));
  return [
    ['request to sleep', 'first witness', time(steps.firstWitnessMs)],
    ['', 'all VMs silent', time(steps.silentMs)],
    ['', 'asleep', time(steps.asleepMs)],
    ...steps.vms.map(({ vm, silentAfterMs }) => ['', `VM ${plainText(vm)} silent`, time(silentAfterMs)]),
    ['request to wake', 'power says S0', time(steps.runningMs)],
    ['', 'awake', time(steps.awakeMs)],
    ...steps.vms.map((each) => ['', `VM ${plainText(each.vm)} answers`, vmTime(each, time)]),
  ];
}

function vmTime(vm: ProofSteps['vms'][number], time: (ms: number | null) => string): string {
  if (vm.answeredAfterMs !== null) return time(vm.answeredAfterMs);
  return vm.answeredBefore ? 'never: look at it' : '- (nor before)';
}

function learnedRows({ learned, identity, wokeBy, wakeAttempts }: ProveResult): string[][] {
  if (wakeAttempts.length === 0) return [];
  const rows = [
    ['woken by', wokeBy ?? 'nobody knows'],
    ...wakeAttempts.map((attempt) => ['', plainText(attempt)]),
    ['memory', MEMORY[identity]],
  ];
  if (learned === null) return rows;
  const { witness, watts, suspendTimeoutMs, wakeTimeoutMs } = learned;
  rows.push(['sleep is told by', witness === 'none' ? 'silent probes alone: weak' : witness]);
  if (watts !== null)
    rows.push(['watts', `${watts.asleepAtMost} or less: asleep; ${watts.awakeAtLeast} or more: awake`]);
  rows.push([
    'time-outs',
    `suspend ${formatDuration(suspendTimeoutMs)}, wake ${formatDuration(wakeTimeoutMs)} at least`,
  ]);
  return rows;
}

const MEMORY: Readonly<Record<PlatformProof['identity'], string>> = {
  same: 'kept (same identity)',
  changed: 'LOST (its identity changed)',
  unknown: 'unknown (no identity is configured, or it could not be read)',
};
