// `torpor check`: says per platform what works and what does not, before Torpor has to rely on it. It presses nothing.
import { type Command, Option } from 'commander';
import { type LoadedConfig, loadConfig } from '../../config/load-config.ts';
import type { PlatformConfig, TorporConfig } from '../../config/torpor-config.ts';
import { formatEndpoint } from '../../platform/endpoint.ts';
import { TorporError } from '../../platform/errors.ts';
import { ApiClient } from '../api-client.ts';
import { checkAddress } from '../check/check-address.ts';
import { type CheckFinding, CheckReport } from '../check/check-finding.ts';
import { checkPower } from '../check/check-power.ts';
import { checkProbe } from '../check/check-probe.ts';
import { checkStateDir } from '../check/check-state-dir.ts';
import { formatFindings } from '../check/format-findings.ts';
import { type CliIo, printJson, printLines } from '../cli-io.ts';
import { CommandFailed } from '../command-failed.ts';
import { configOption, jsonOption } from '../command-options.ts';
import { styleFor } from '../style.ts';

interface CheckOptions {
  readonly config: string;
  readonly json?: boolean;
  readonly prove?: boolean;
}

export function addCheckCommand(program: Command, io: CliIo): void {
  program
    .command('check')
    .description('check a configuration and everything it names; nothing is switched and nothing pressed')
    .addOption(configOption())
    .addOption(jsonOption())
    .addOption(new Option('--prove').hideHelp())
    .action((options: CheckOptions) => check(options, io));
}

async function check(options: CheckOptions, io: CliIo): Promise<void> {
  if (options.prove) {
    const advice = 'run check without it: that proves all that can be proven without pressing anything';
    throw new TorporError('ERR_CLI_USAGE', `check --prove (one real sleep and wake) is not there yet; ${advice}`);
  }
  const stop = new AbortController();
  const forget = io.onStopSignal(() => stop.abort());
  try {
    const findings = await collectFindings(options.config, io, stop.signal);
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
  const running = await runningPlatforms(config);
  await checkStateDir(config.stateDir, report);
  await checkAddress('API address', config.api.listen, running !== null, report);
  const perPlatform = await Promise.all(
    config.platforms.map((platform) => checkPlatform(platform, running?.has(platform.name) ?? false, io, stop)),
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
    // Each line says itself what to write instead.
    for (const line of error.message.split('\n')) report.fail('configuration', line, null);
    return null;
  }
}

/** The platforms of the Torpor that runs on this configuration's API address; null where none does. */
async function runningPlatforms(config: TorporConfig): Promise<ReadonlySet<string> | null> {
  if (config.api.listen.port === 0) return null;
  try {
    const platforms = await new ApiClient(`http://${formatEndpoint(config.api.listen)}`).platforms();
    return new Set(platforms.map((platform) => platform.name));
  } catch {
    return null;
  }
}

async function checkPlatform(
  platform: PlatformConfig,
  isRunning: boolean,
  io: CliIo,
  stop: AbortSignal,
): Promise<CheckFinding[]> {
  const report = new CheckReport(platform.name);
  if (platform.mode === 'armed') report.ok('mode', 'armed');
  else report.ok('mode', 'observe: everything is judged and nothing pressed');
  const reading = await checkPower(platform, io.env, report, stop);
  for (const listener of platform.vms.flatMap((vm) => vm.listeners)) {
    await checkAddress(`listener ${formatEndpoint(listener.listen)}`, listener.listen, isRunning, report);
    await checkProbe(listener, reading, report, stop);
  }
  return report.findings;
}
