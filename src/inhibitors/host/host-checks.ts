// All configured looks at the host as one check: one run of one script over the owner's channel, one verdict each.
import { randomBytes } from 'node:crypto';
import { errorText } from '../../platform/errors.ts';
import { runShellCommand } from '../../power/inband/shell-command.ts';
import type { BusyCheck, CheckRule, CheckVerdict } from '../busy-check.ts';
import { reasonOf } from '../reason.ts';
import { BYPASS } from './bypass.ts';
import { HA } from './ha.ts';
import { type HostCheck, type HostContext, HostFacts } from './host-check.ts';
import { buildScript, splitOutput } from './host-script.ts';
import { LEASE } from './lease.ts';
import { MEM_SLEEP } from './mem-sleep.ts';
import { NIC_WAKE } from './nic-wake.ts';
import { POWER_KEY } from './power-key.ts';
import { QUORUM } from './quorum.ts';
import { SANLOCK } from './sanlock.ts';
import { STORAGE } from './storage.ts';
import { VFIO } from './vfio.ts';
import { VM_JOBS } from './vm-jobs.ts';

export const ALL_HOST_CHECKS: readonly HostCheck[] = [
  QUORUM,
  HA,
  SANLOCK,
  STORAGE,
  VFIO,
  VM_JOBS,
  BYPASS,
  POWER_KEY,
  MEM_SLEEP,
  NIC_WAKE,
  LEASE,
];

export interface HostChecksOptions extends CheckRule {
  readonly platform: string;
  /** A command line that gives its standard input to a POSIX shell on the host, such as `ssh … sh -s`. */
  readonly run: string;
  readonly checks: readonly string[];
  readonly context: HostContext;
}

/** What the command is given beyond its bound, so that the bound's own words are the ones that are told. */
const MARGIN_MS = 1_000;

export class HostChecks implements BusyCheck {
  readonly by = 'host';
  readonly names: readonly string[];
  readonly rule: CheckRule;
  readonly #options: HostChecksOptions;
  readonly #checks: readonly HostCheck[];

  constructor(options: HostChecksOptions) {
    this.#options = options;
    this.#checks = ALL_HOST_CHECKS.filter(({ name }) => options.checks.includes(name));
    this.names = this.#checks.map(({ name }) => name);
    this.rule = options;
  }

  /** A look that fails is one name without a verdict; the others count. */
  async ask(signal: AbortSignal): Promise<readonly CheckVerdict[]> {
    const { platform, run, context, timeoutMs } = this.#options;
    const mark = randomBytes(12).toString('hex');
    const input = buildScript(this.#checks, context, mark);
    const env = { TORPOR_PLATFORM: platform };
    const result = await runShellCommand(run, { boundMs: timeoutMs + MARGIN_MS, signal, env, input });
    const sections = splitOutput(result.stdout, mark);
    if (sections.size === 0)
      throw new Error(problemWords(result.problem ?? `exit code ${result.exitCode}`, result.output));
    return this.#checks.map((check) => this.#judge(check, sections.get(check.name)));
  }

  #judge({ name, read }: HostCheck, output: string | undefined): CheckVerdict {
    if (output === undefined) return { name, outcome: 'error', why: 'it was not finished' };
    try {
      const { outcome, why } = read(new HostFacts(output), this.#options.context);
      return { name, outcome, why: reasonOf(why) };
    } catch (thrown) {
      return { name, outcome: 'error', why: reasonOf(errorText(thrown)) };
    }
  }
}

function problemWords(problem: string, output: string): string {
  const lastLine = reasonOf(output.trimEnd().split('\n').at(-1) ?? '');
  return lastLine === '' ? problem : `${problem}: ${lastLine}`;
}
