// What `torpor bmc` needs to know of a BMC: its address, its user, and the secrets from the environment.
import { type Command, Option } from 'commander';
import type { CipherSuiteChoice } from '../power/ipmi/cipher-suite.ts';
import { readBmcKg, readBmcPassword } from './bmc-password.ts';
import type { CliIo } from './cli-io.ts';
import { jsonOption, parseCipherSuiteChoice, parsePort } from './command-options.ts';

export interface BmcOptions {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly cipherSuite: CipherSuiteChoice;
  readonly json?: boolean;
}

/** Adds the options to a command. */
export function withBmcOptions(command: Command): Command {
  return command
    .requiredOption('-H, --host <host>', "the BMC's address")
    .addOption(new Option('-p, --port <port>', 'its UDP port').default(623).argParser(parsePort))
    .requiredOption('-U, --user <user>', 'the user on the BMC')
    .addOption(
      new Option('--cipher-suite <number>', '17 or 3; auto takes the best that the BMC offers')
        .default('auto' as CipherSuiteChoice)
        .argParser(parseCipherSuiteChoice),
    )
    .addOption(jsonOption());
}

/** What a session is opened with. Throws ERR_CLI_USAGE where the password is missing. */
export function bmcAccess(options: BmcOptions, io: Pick<CliIo, 'env'>) {
  const { host, port, user, cipherSuite } = options;
  return { host, port, user, cipherSuite, password: readBmcPassword(io), kg: readBmcKg(io) };
}

/** `host:port`, as JSON names it. */
export function peerOf(options: BmcOptions): string {
  return `${options.host}:${options.port}`;
}
