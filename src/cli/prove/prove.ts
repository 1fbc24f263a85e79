// `torpor check --prove`: one real sleep and wake of one platform, after its owner agreed. What is learned goes to the proof store.
import { buildContext, contextPolicy } from '../../compose-context.ts';
import { buildDriver, secretReader } from '../../compose-power.ts';
import { buildProbe } from '../../compose-probe.ts';
import { proofReader } from '../../compose-proof.ts';
import { loadConfig } from '../../config/load-config.ts';
import { powerFingerprint } from '../../config/power-fingerprint.ts';
import type { PlatformConfig, TorporConfig, VmConfig } from '../../config/torpor-config.ts';
import { type ProofHands, type ProveResult, provePlatform } from '../../controller/prove-platform.ts';
import { ProofStore } from '../../history/proof-store.ts';
import { TorporError } from '../../platform/errors.ts';
import type { Logger, PowerDriver, ProbeResult, Prober } from '../../platform/ports.ts';
import type { PlatformStatus } from '../../platform/status.ts';
import { VmProber } from '../../probes/vm-prober.ts';
import { systemClock } from '../../system-clock.ts';
import { type ApiClient, isUnreachable } from '../api-client.ts';
import { type CliIo, printJson, printLines } from '../cli-io.ts';
import { CommandFailed } from '../command-failed.ts';
import { clientForConfig, readDurationMs } from '../command-options.ts';
import { createLog } from '../create-log.ts';
import { plainText, styleFor } from '../style.ts';
import { AskingHands } from './asking-hands.ts';
import { DirectHands } from './direct-hands.ts';
import { formatProof } from './format-proof.ts';

export interface ProveCommandOptions {
  readonly config: string;
  readonly json?: boolean;
  readonly yes?: boolean;
  /** How long it is left asleep. */
  readonly settle: string;
}

/** `name`: undefined where the configuration has one platform only. */
export async function prove(name: string | undefined, options: ProveCommandOptions, io: CliIo): Promise<void> {
  const { config } = await loadConfig(options.config);
  const platform = choosePlatform(config, name);
  const running = await askRunning(config, platform, io);
  await confirm(platform, running, options, io);
  const stop = new AbortController();
  const forget = io.onStopSignal(() => {
    // The second one ends this process, whatever the platform does then.
    if (stop.signal.aborted) io.exitNow(130);
    stop.abort();
  });
  // Timers alone keep no process alive, and one that ends here leaves a platform asleep.
  const alive = setInterval(() => {}, 60_000);
  try {
    const result = await run({ config, platform, running, options, io, signal: stop.signal });
    if (options.json) printJson(io, { platform: platform.name, ok: result.outcome === 'proven', ...result });
    else printLines(io, '', ...formatProof(platform.name, result, styleFor(io)));
    if (result.outcome !== 'proven') throw new CommandFailed();
  } finally {
    clearInterval(alive);
    forget();
  }
}

function choosePlatform(config: TorporConfig, name: string | undefined): PlatformConfig {
  const names = config.platforms.map((platform) => platform.name).join(', ');
  if (name === undefined && config.platforms.length > 1) {
    throw new TorporError('ERR_CLI_USAGE', `--prove puts one platform to sleep: say which of ${names}`);
  }
  const found = config.platforms.find((platform) => name === undefined || platform.name === name);
  if (found !== undefined) return found;
  throw new TorporError('ERR_CLI_USAGE', `the configuration has no platform "${name}"; it has ${names}`);
}

interface Running {
  readonly client: ApiClient;
  readonly status: PlatformStatus;
}

/** Null where no Torpor runs with this platform. Throws ERR_PLATFORM_BUSY or ERR_PLATFORM_STATE where it must be let alone. */
async function askRunning(config: TorporConfig, { name }: PlatformConfig, io: CliIo): Promise<Running | null> {
  if (config.api.listen.port === 0) return null;
  const client = clientForConfig(io, config);
  // A Torpor that does not let us in runs all the same, and must not be worked around.
  const statuses = await client.platforms().catch((error: unknown) => {
    if (isUnreachable(error)) return [];
    throw error;
  });
  const status = statuses.find((each) => each.name === name);
  if (status === undefined) return null;
  if (status.pool > 0) {
    const { activeStreams } = await client.explain(name);
    const who = activeStreams.map(({ stream }) => `${stream.client} at ${stream.vm}`).join(', ');
    throw new TorporError('ERR_PLATFORM_BUSY', `${name} has active clients: ${plainText(who)}; try again later`);
  }
  const [inhibitor] = status.inhibitors;
  if (inhibitor !== undefined) {
    const why = `${name} is kept awake by ${inhibitor.name}: ${plainText(inhibitor.why)}`;
    throw new TorporError('ERR_PLATFORM_STATE', `${why}; torpor release ${name} ends that`);
  }
  if (status.state === 'awake' || status.state === 'drowsy') return { client, status };
  throw new TorporError('ERR_PLATFORM_STATE', `${name} is ${status.state}: ${plainText(status.why)}; wake it first`);
}

/** A Torpor that would do it by itself is asked; one that only observes, or cannot prove the wake yet, is not in the way. */
function canAsk(running: Running | null): running is Running {
  return running !== null && running.status.mode === 'armed' && running.status.wakeProven;
}

async function confirm(
  { name, power }: PlatformConfig,
  running: Running | null,
  { yes }: ProveCommandOptions,
  io: CliIo,
): Promise<void> {
  if (yes) return;
  if (!io.inIsTerminal || !io.outIsTerminal) {
    const why = 'it really puts the platform to sleep, and nobody can be asked here';
    throw new TorporError('ERR_CLI_USAGE', `check --prove: ${why}: add --yes`);
  }
  const who = canAsk(running) ? 'The Torpor that runs is asked to do it.' : 'It is done past any Torpor.';
  printLines(
    io,
    `This puts ${name} into ${power.sleep} once and wakes it again. ${who}`,
    'Whoever uses it past Torpor is interrupted; if it cannot be woken, somebody must press its button.',
  );
  io.out(`Type ${name} to go on: `);
  if ((await readLine(io)) !== name) throw new TorporError('ERR_CLI_USAGE', 'not confirmed, nothing was done');
}

async function readLine(io: CliIo): Promise<string> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of io.input()) {
    text += decoder.decode(chunk, { stream: true });
    if (text.includes('\n')) break;
  }
  return (text.split('\n')[0] ?? '').trim();
}

interface ProveRun {
  readonly config: TorporConfig;
  readonly platform: PlatformConfig;
  readonly running: Running | null;
  readonly options: ProveCommandOptions;
  readonly io: CliIo;
  readonly signal: AbortSignal;
}

async function run(proveRun: ProveRun): Promise<ProveResult> {
  const { config, platform, options, io, signal } = proveRun;
  const log = createLog({ env: io.env, logOut: (text) => io.err(text), outIsTerminal: io.errIsTerminal }, 'warn');
  const driver = await buildDriver(platform, {
    log,
    env: io.env,
    readProof: proofReader(config.stateDir, platform),
  });
  const startMs = systemClock.nowMs();
  try {
    const path = driver.name;
    const hands = await handsFor(proveRun, driver, log);
    const result = await provePlatform({
      platform: platform.name,
      sleep: platform.power.sleep,
      suspendTimeoutMs: platform.power.suspendTimeoutMs,
      wakeTimeoutMs: platform.power.wakeTimeoutMs,
      settleMs: readDurationMs(options.settle),
      idleWatts: platform.power.watts.idle,
      hands,
      buildProbers: (onResult) => platform.vms.flatMap((vm) => buildProber(vm, log, onResult)),
      clock: systemClock,
      tell: (line) => {
        const text = `${((systemClock.nowMs() - startMs) / 1000).toFixed(1).padStart(6)} s  ${plainText(line)}\n`;
        if (options.json) io.err(text);
        else io.out(text);
      },
      signal,
    });
    await keep(config, platform, path, result);
    return result;
  } finally {
    await driver.close();
  }
}

async function handsFor(
  { config, platform, running, io }: ProveRun,
  driver: PowerDriver,
  log: Logger,
): Promise<ProofHands> {
  const { power, name } = platform;
  const policy = contextPolicy(platform);
  if (canAsk(running)) {
    const { wakeTimeoutMs } = power;
    return new AskingHands({
      client: running.client,
      platform: name,
      driver,
      hookTimeoutMs: policy.saveTimeoutMs,
      wakeTimeoutMs,
    });
  }
  const context = await buildContext(platform, {
    stateDir: config.stateDir,
    log,
    tell: (_kind, message) => log.info({ platform: name }, message),
    secret: secretReader(platform, { log, env: io.env }),
  });
  return new DirectHands(driver, context, policy.savesContext);
}

/** One probe per VM suffices: that of its first listener that has one. */
function buildProber(vm: VmConfig, log: Logger, onResult: (vm: string, result: ProbeResult) => void): Prober[] {
  const listener = vm.listeners.find(({ probe }) => probe.kind !== 'none');
  const probe = listener === undefined ? null : buildProbe(systemClock, listener);
  if (probe === null) return [];
  const report = (result: ProbeResult) => onResult(vm.name, result);
  return [new VmProber({ vm: vm.name, probe, clock: systemClock, log, onResult: report })];
}

/** A proof replaces the one before; so does a wake that failed, which takes it back. Anything else teaches nothing. */
async function keep(config: TorporConfig, platform: PlatformConfig, path: string, result: ProveResult): Promise<void> {
  if (result.outcome !== 'proven' && result.outcome !== 'no-wake') return;
  const { outcome: _outcome, ...found } = result;
  await new ProofStore(config.stateDir).write({
    platform: platform.name,
    at: new Date().toISOString(),
    fingerprint: powerFingerprint(platform.power),
    path,
    sleep: platform.power.sleep,
    ...found,
  });
}
