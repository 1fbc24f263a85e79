// The secrets of `torpor bmc`, from the environment: a command line can be read by every user of the machine.
import { TorporError } from '../platform/errors.ts';
import type { CliIo } from './cli-io.ts';

export const BMC_PASSWORD_VARIABLE = 'TORPOR_BMC_PASSWORD';
/** The BMC's own key K[G], as text or as hex digits after 0x; unset where the BMC has none. */
export const BMC_KG_VARIABLE = 'TORPOR_BMC_KG';

export function readBmcKg(io: Pick<CliIo, 'env'>): string | null {
  const kg = io.env[BMC_KG_VARIABLE];
  return kg === undefined || kg === '' ? null : kg;
}

/** Throws ERR_CLI_USAGE where the variable is not set. */
export function readBmcPassword(io: Pick<CliIo, 'env'>): string {
  const password = io.env[BMC_PASSWORD_VARIABLE];
  if (password !== undefined && password !== '') return password;
  const advice = `set it with: read -rs ${BMC_PASSWORD_VARIABLE} && export ${BMC_PASSWORD_VARIABLE}`;
  throw new TorporError(
    'ERR_CLI_USAGE',
    `the BMC's password is missing: ${BMC_PASSWORD_VARIABLE} is not set; ${advice}`,
  );
}
