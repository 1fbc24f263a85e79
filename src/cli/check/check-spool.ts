// Whether print jobs lie in the state folder that nobody will deliver.
import { leftSpools } from '../../compose-spool.ts';
import type { TorporConfig } from '../../config/torpor-config.ts';
import { describeLeft, LEFT_ADVICE } from '../../streams/spool/left-jobs.ts';
import type { CheckReport } from './check-finding.ts';

/** Says nothing where all is well: most have no spool. */
export async function checkSpool(config: TorporConfig, report: CheckReport): Promise<void> {
  for (const left of await leftSpools(config)) report.warn('spool', describeLeft(left), LEFT_ADVICE);
}
