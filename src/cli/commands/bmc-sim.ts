// `torpor bmc sim`: a simulated BMC with a simulated host behind it, for trying IPMI tools without hardware.
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CipherSuiteId } from '../../power/ipmi/cipher-suite.ts';
import type { HostChange } from '../../power/simulated/simulated-host.ts';
import type { SimulatedRedfish } from '../../power/simulated/simulated-redfish.ts';
import { startStandaloneBmc } from '../../power/simulated/standalone-bmc.ts';
import { systemClock } from '../../system-clock.ts';
import { readBmcKg, readBmcPassword } from '../bmc-password.ts';
import { type CliIo, printLines, stopSignal } from '../cli-io.ts';
import { jsonOption, parseCipherSuite, parsePort, readDurationMs } from '../command-options.ts';
import { addRedfishSimOptions, type RedfishSimOptions, startRedfishSim } from './bmc-sim-redfish.ts';

interface BmcSimOptions extends RedfishSimOptions {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly cipherSuites: readonly CipherSuiteId[];
  readonly suspendLatency: number;
  readonly resumeLatency: number;
  readonly bootLatency: number;
  readonly button: 'suspend' | 'poweroff' | 'ignore';
  readonly powerBitInS3?: boolean;
  readonly json?: boolean;
}

export function addBmcSimCommand(bmc: Command, io: CliIo): void {
  const sim = bmc
    .command('sim')
    .description(
      'simulate a BMC and its host on UDP, until interrupted; password in TORPOR_BMC_PASSWORD, its own key, if any, in TORPOR_BMC_KG',
    )
    .addOption(new Option('-H, --host <address>', 'the address to listen on').default('127.0.0.1'))
    .addOption(new Option('-p, --port <port>', 'the UDP port, 0 for any').default(6230).argParser(parsePort))
    .addOption(new Option('-U, --user <user>', 'the user that may log in').default('torpor'))
    .addOption(new Option('--cipher-suites <list>', 'which to offer').default([17, 3], '17,3').argParser(parseSuites))
    .addOption(latencyOption('--suspend-latency <duration>', 'from button to S3', 300))
    .addOption(latencyOption('--resume-latency <duration>', 'from S3 to running', 250))
    .addOption(latencyOption('--boot-latency <duration>', 'from off to running', 5000))
    .addOption(
      new Option('--button <what>', 'what the power button does')
        .choices(['suspend', 'poweroff', 'ignore'])
        .default('suspend'),
    )
    .option('--power-bit-in-s3', 'report chassis power as on in S3, as some BMCs do')
    .addOption(jsonOption());
  addRedfishSimOptions(sim).action((options: BmcSimOptions) => simulate(options, io));
}

async function simulate(options: BmcSimOptions, io: CliIo): Promise<void> {
  const password = readBmcPassword(io);
  const { host, user, cipherSuites } = options;
  const print = (fact: object, text: string) => printLines(io, options.json ? JSON.stringify(fact) : text);
  const bmc = await startStandaloneBmc({
    clock: systemClock,
    host,
    port: options.port,
    user,
    password,
    kg: readBmcKg(io) ?? undefined,
    cipherSuites,
    suspendMs: options.suspendLatency,
    resumeMs: options.resumeLatency,
    bootMs: options.bootLatency,
    button: options.button,
    powerBitInS3: options.powerBitInS3 ?? false,
    onChange: (change) => print({ kind: 'change', ...change }, formatChange(change)),
  });
  let redfish: SimulatedRedfish | null = null;
  try {
    redfish = await startRedfishSim(options, password, bmc.machine);
    const { port } = bmc;
    const text = `simulated BMC on ${host}:${port}, user ${user}, cipher suites ${cipherSuites.join(', ')}`;
    print({ kind: 'listening', host, port, user, cipherSuites }, text);
    if (redfish !== null) {
      const scheme = options.redfishTls === undefined ? 'http' : 'https';
      const url = `${scheme}://${host}:${redfish.port}/redfish/v1/`;
      print({ kind: 'redfish', url, profile: options.redfishProfile }, `simulated Redfish service at ${url}`);
    }
    await stopSignal(io);
  } finally {
    await redfish?.stop();
    await bmc.stop();
  }
}

function formatChange(change: HostChange): string {
  return `${change.acpi} ${change.phase}: ${change.why}`;
}

function latencyOption(flags: string, what: string, defaultMs: number): Option {
  return new Option(flags, what).default(defaultMs, `${defaultMs}ms`).argParser(readDurationMs);
}

function parseSuites(text: string): readonly CipherSuiteId[] {
  const suites = text.split(',').map((part) => parseCipherSuite(part.trim()));
  if (new Set(suites).size !== suites.length) throw new InvalidArgumentError('each cipher suite once');
  return suites;
}
