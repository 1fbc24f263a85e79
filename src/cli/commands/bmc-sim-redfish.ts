// `torpor bmc sim --redfish`: a simulated Redfish service beside the simulated BMC, on the same simulated host.
import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { isLoopbackHost } from '../../config/endpoint.ts';
import { errorText, TorporError } from '../../platform/errors.ts';
import { REDFISH_PROFILES, STANDARD_PROFILE } from '../../power/simulated/redfish-profiles.ts';
import type { RedfishMachine } from '../../power/simulated/redfish-tree.ts';
import { SimulatedRedfish } from '../../power/simulated/simulated-redfish.ts';
import { systemClock } from '../../system-clock.ts';
import { parsePort } from '../command-options.ts';

export interface RedfishSimOptions {
  readonly redfish?: number;
  readonly redfishTls?: string;
  readonly redfishProfile: string;
}

export function addRedfishSimOptions(command: Command): Command {
  return command
    .addOption(new Option('--redfish <port>', 'serve Redfish, too, on that TCP port, 0 for any').argParser(parsePort))
    .addOption(new Option('--redfish-tls <file>', 'PEM of its key and certificate; without it plain HTTP, on loopback'))
    .addOption(
      new Option('--redfish-profile <name>', 'whose habits it has')
        .choices(Object.keys(REDFISH_PROFILES))
        .default(STANDARD_PROFILE.name),
    );
}

/** Null where nobody asked for it. Rejects with ERR_CLI_USAGE, ERR_CONFIG_READ or ERR_REDFISH_LISTEN. */
export async function startRedfishSim(
  options: RedfishSimOptions & { readonly host: string; readonly user: string },
  password: string,
  machine: RedfishMachine,
): Promise<SimulatedRedfish | null> {
  const { redfish: port, redfishTls, redfishProfile, host, user } = options;
  if (port === undefined) return null;
  if (redfishTls === undefined && !isLoopbackHost(host))
    throw new TorporError(
      'ERR_CLI_USAGE',
      `Redfish without TLS is for loopback only: write --redfish-tls, or leave ${host} out`,
    );
  const users = [{ name: user, password, role: 'Administrator' as const }];
  const tls = redfishTls === undefined ? null : await readPem(redfishTls);
  const profile = REDFISH_PROFILES[redfishProfile] ?? STANDARD_PROFILE;
  const service = new SimulatedRedfish({ machine, clock: systemClock, users, host, port, tls, profile });
  await service.start();
  return service;
}

async function readPem(path: string): Promise<{ key: string; cert: string }> {
  const pem = await readFile(path, 'latin1').catch((thrown: unknown) => {
    throw new TorporError('ERR_CONFIG_READ', `cannot read ${path}: ${errorText(thrown)}`, { cause: thrown });
  });
  return { key: pem, cert: pem };
}
