// The options of `torpor replay` that say how VMs would be moved, and what a move takes.
import { InvalidArgumentError, Option } from 'commander';
import { TorporError } from '../platform/errors.ts';
import type { EvacuationRule } from '../platform/evacuation-rule.ts';
import { parseDurationMs } from '../platform/units.ts';
import { DEFAULT_MOVE_COSTS, type MoveCosts } from '../policy/evacuation/evacuation-report.ts';
import { parseAmount } from './command-options.ts';

export interface EvacuationOptions {
  readonly evacuate?: boolean;
  readonly vmsPerPlatform?: number;
  readonly activeAtMost: number;
  readonly quietFor: string;
  readonly idleFor: string;
  readonly restFor: string;
  readonly gibPerVm: number;
  readonly secondsPerGib: number;
  readonly movingWatts: number;
}

/** Named, and with defaults, as under a pool's `evacuate`. */
export function evacuationOptions(): Option[] {
  const amount = (flags: string, what: string, fallback: number) =>
    new Option(flags, what).argParser(parseAmount).default(fallback);
  return [
    new Option('--evacuate', 'also with idle VMs moved off platforms that are hardly used, all of one pool'),
    new Option('--vms-per-platform <number>', 'with --evacuate: what one platform takes').argParser(parseVms),
    new Option('--active-at-most <number>', 'hardly used: so many VMs in use, or fewer').argParser(parseVms).default(1),
    new Option('--quiet-for <duration>', 'and that for so long').default('15m'),
    new Option('--idle-for <duration>', 'a VM is moved once nobody was active there for so long').default('0s'),
    new Option('--rest-for <duration>', 'after a move the VM and both platforms rest').default('1h'),
    amount('--gib-per-vm <size>', 'what moving a VM copies', DEFAULT_MOVE_COSTS.gibPerVm),
    amount('--seconds-per-gib <number>', 'how long that takes', DEFAULT_MOVE_COSTS.secondsPerGib),
    amount('--moving-watts <watts>', 'drawn by both together meanwhile, on top', DEFAULT_MOVE_COSTS.movingWatts),
  ];
}

export interface EvacuationChoice {
  readonly rule: EvacuationRule;
  readonly moveCosts: MoveCosts;
}

/** Null: nothing is to be moved. Throws ERR_CLI_USAGE, or ERR_CONFIG_INVALID where a duration is none. */
export function readEvacuation(options: EvacuationOptions, platforms: number): EvacuationChoice | null {
  const { evacuate = false, vmsPerPlatform, activeAtMost, gibPerVm, secondsPerGib, movingWatts } = options;
  if (!evacuate) {
    if (vmsPerPlatform === undefined) return null;
    throw new TorporError('ERR_CLI_USAGE', '--vms-per-platform says how VMs are moved: add --evacuate');
  }
  if (vmsPerPlatform === undefined || vmsPerPlatform === 0) {
    throw new TorporError('ERR_CLI_USAGE', '--evacuate needs --vms-per-platform: how many VMs one platform takes');
  }
  if (platforms < 2) {
    const what = 'name logs of all platforms of a pool, or --generate with --platforms 2 or more';
    throw new TorporError('ERR_CLI_USAGE', `--evacuate moves VMs between platforms, and there is only one: ${what}`);
  }
  const times = {
    quietForMs: parseDurationMs(options.quietFor),
    idleForMs: parseDurationMs(options.idleFor),
    restForMs: parseDurationMs(options.restFor),
  };
  const rule: EvacuationRule = { vmsPerPlatform, activeAtMost, moveActive: false, ...times };
  return { rule, moveCosts: { gibPerVm, secondsPerGib, movingWatts } };
}

function parseVms(text: string): number {
  if (/^\d{1,5}$/.test(text)) return Number(text);
  throw new InvalidArgumentError(`"${text}" is no number of VMs: write a whole number`);
}
