// `torpor check`: says per platform what works and what does not, before Torpor has to rely on it. Without `--prove` it presses nothing.
import { type Command, Option } from 'commander';
import { proofReader } from '../../compose-proof.ts';
import { type LoadedConfig, loadConfig } from '../../config/load-config.ts';
import type { PlatformConfig, TorporConfig } from '../../config/torpor-config.ts';
import { formatEndpoint } from '../../platform/endpoint.ts';
import { TorporError } from '../../platform/errors.ts';
import type { ProofOnRecord } from '../../power/combined-driver.ts';
import { systemClock } from '../../system-clock.ts';
import { checkAddress } from '../check/check-address.ts';
import { checkApi } from '../check/check-api.ts';
import { checkContext } from '../check/check-context.ts';
import { type CheckFinding, CheckReport } from '../check/check-finding.ts';
import { checkInhibitors } from '../check/check-inhibitors.ts';
import { checkLink } from '../check/check-link.ts';
import { checkPower } from '../check/check-power.ts';
import { checkProbe } from '../check/check-probe.ts';
import { checkSpool } from '../check/check-spool.ts';
import { checkStateDir } from '../check/check-state-dir.ts';
import { checkStore } from '../check/check-store.ts';
import { checkBmcAddress, checkConnectionTracking } from '../check/check-surroundings.ts';
import { formatFindings } from '../check/format-findings.ts';
import { type CliIo, printJson, printLines } from '../cli-io.ts';
import { CommandFailed } from '../command-failed.ts';
import { clientForConfig, configOption, jsonOption, parsePositiveDuration } from '../command-options.ts';
import { showProgress } from '../progress.ts';
import { prove } from '../prove/prove.ts';
import { styleFor } from '../style.ts';

interface CheckOptions {
  readonly config: string;
  readonly json?: boolean;
  /** True without a name. */
  readonly prove?: boolean | string;
  readonly yes?: boolean;
  readonly settle: string;
}

export function addCheckCommand(program: Command, io: CliIo): void {
  program
    .command('check')
    .description(
      'check a configuration and everything it names; without --prove nothing is switched and nothing pressed',
    )
    .addOption(configOption())
    .addOption(jsonOption())
    .addOption(new Option('--prove [platform]', 'put one platform to sleep and wake it, once, and learn from it'))
    .addOption(new Option('--yes', 'with --prove: do not ask first'))
    .addOption(
      new Option('--settle <duration>', 'with --prove: how long it is left asleep, so that power meters settle')
        .default('15s')
        .argParser(parsePositiveDuration),
    )
    .action((options: CheckOptions) => check(options, io));
}

async function check(options: CheckOptions, io: CliIo): Promise<void> {
  if (options.prove !== undefined) {
    const name = typeof options.prove === 'string' ? options.prove : undefined;
    return await prove(name, options, io);
  }
  const stop = new AbortController();
  const forget = io.onStopSignal(() => stop.abort());
  const endProgress = showProgress(io, () => `checking ${options.config} and all that it names`);
  try {
    const findings = await collectFindings(options.config, io, stop.signal).finally(endProgress);
    if (stop.signal.aborted) {
      io.err('torpor: interrupted before everything was checked\n');
      throw new CommandFailed();
    }
    const ok = !findings.some((finding) => finding.outcome === 'failed');
    if (options.json) printJson(io, { ok, findings });
    else printLines(io, ...formatFindings(findings, styleFor(io)));
    if (!ok) throw new CommandFailed();
  } finally {
    forget();
  }
}

async function collectFindings(path: string, io: CliIo, stop: AbortSignal): Promise<CheckFinding[]> {
  const report = new CheckReport(null);
  const loaded = await checkConfig(path, report);
  if (loaded === null) return report.findings;
  const { config } = loaded;
  const running = await runningPlatforms(config, io);
  await checkStateDir(config.stateDir, report);
  await checkSpool(config, report);
  await checkAddress('API address', config.api.listen, running !== null, report);
  checkApi(config.api, report);
  await checkLink(config.link, systemClock.nowMs(), report);
  await checkConnectionTracking(report);
  if (config.farm !== null) await checkStore(config.farm, report, stop);
  const perPlatform = await Promise.all(
    config.platforms.map((platform) => {
      const readProof = proofReader(config.stateDir, platform);
      return checkPlatform(platform, { isRunning: running?.has(platform.name) ?? false, readProof, io, stop });
    }),
  );
  return [...report.findings, ...perPlatform.flat()];
}

async function checkConfig(path: string, report: CheckReport): Promise<LoadedConfig | null> {
  try {
    const loaded = await loadConfig(path);
    const count = loaded.config.platforms.length;
    report.ok('configuration', `${path}: ${count} ${count === 1 ? 'platform' : 'platforms'}`);
    for (const warning of loaded.warnings) report.warn('configuration', warning, 'see whether that is what you mean');
    return loaded;
  } catch (error) {
    if (!(error instanceof TorporError)) throw error;
    // Each line says itself what to write instead; one that is set in belongs to the one above it.
    for (const problem of error.message.split(/\n(?! )/)) report.fail('configuration', problem, null);
    return null;
  }
}

/** The platforms of the Torpor that runs on this configuration's API address; null where none does. */
async function runningPlatforms(config: TorporConfig, io: CliIo): Promise<ReadonlySet<string> | null> {
  if (config.api.listen.port === 0) return null;
  try {
    const platforms = await clientForConfig(io, config).platforms();
    return new Set(platforms.map((platform) => platform.name));
  } catch {
    return null;
  }
}

interface PlatformCheck {
  readonly isRunning: boolean;
  readonly readProof: () => Promise<ProofOnRecord>;
  readonly io: CliIo;
  readonly stop: AbortSignal;
}

async function checkPlatform(platform: PlatformConfig, check: PlatformCheck): Promise<CheckFinding[]> {
  const { isRunning, readProof, io, stop } = check;
  const report = new CheckReport(platform.name);
  if (platform.mode === 'armed') report.ok('mode', 'armed');
  else report.ok('mode', 'observe: everything is judged and nothing pressed');
  checkBmcAddress(platform, report);
  const reading = await checkPower(platform, io.env, report, stop, readProof);
  await checkContext(platform, io.env, reading, report, stop);
  for (const listener of platform.vms.flatMap((vm) => vm.listeners)) {
    // One that is reached through another's port has none to take.
    if (listener.routed === null)
      await checkAddress(`listener ${formatEndpoint(listener.listen)}`, listener.listen, isRunning, report);
    await checkProbe(listener, reading, report, stop);
  }
  await checkInhibitors(platform, reading, report, stop);
  return report.findings;
}
