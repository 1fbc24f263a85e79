// `torpor run`: loads the configuration, starts Torpor and stops it at a signal. What runs is the composition root's business.
import type { Command } from 'commander';
import { loadConfig } from '../../config/load-config.ts';
import type { TorporConfig } from '../../config/torpor-config.ts';
import { errorText, TorporError } from '../../platform/errors.ts';
import type { Logger } from '../../platform/ports.ts';
import type { CliIo, RunningTorpor, StopSignal } from '../cli-io.ts';
import { CommandFailed } from '../command-failed.ts';
import { configOption } from '../command-options.ts';
import { createLog, type LeveledLog } from '../create-log.ts';
import { feedWatchdog } from '../service-manager.ts';
import type { Successor } from '../torpor-kin.ts';

/** For a new Torpor to start and read its configuration; it cannot be told from one that hangs. */
const READY_BOUND_MS = 60_000;
/** For it to listen and to answer. */
const RUNNING_BOUND_MS = 60_000;
/** For everything to stop in order; what takes longer is left behind. */
export const STOP_BOUND_MS = 10_000;
/** Of a process that a second signal ended, as shells count: 128 and the signal's number. */
const EXIT_CODES: Readonly<Record<StopSignal, number>> = { SIGINT: 130, SIGTERM: 143 };

export function addRunCommand(program: Command, io: CliIo): void {
  program
    .command('run')
    .description(
      'run Torpor in front of the platforms of a configuration, until SIGINT or SIGTERM; SIGHUP reads it again, SIGUSR2 hands over to a new process',
    )
    .addOption(configOption())
    .action((options: { config: string }) => run(options.config, io));
}

async function run(configPath: string, io: CliIo): Promise<void> {
  const { config, warnings } = await loadConfig(configPath);
  const log = createLog(io, config.log.level);
  for (const warning of warnings) log.warn({}, warning);
  const stop = stopRequest(io, log);
  const reload = signalQueue((listener) => io.onReloadSignal(listener));
  const handOver = signalQueue((listener) => io.onHandOverSignal(listener));
  const left = new AbortController();
  const { service } = io;
  let stopFeeding = () => {};
  try {
    const torpor = await start(config, io, log);
    log.info({ api: torpor.apiUrl, platforms: config.platforms.map((platform) => platform.name) }, 'Torpor runs');
    void service.tell('READY=1', `STATUS=${config.platforms.length} platforms, API ${torpor.apiUrl}`);
    stopFeeding = feedWatchdog(service);
    reload.serve(async () => {
      void service.tell('RELOADING=1');
      await readAgain(configPath, torpor, log);
      await service.tell('READY=1');
    });
    const drained = new Promise<'drained'>((resolve) => {
      handOver.serve(async () => {
        const successor = await leaveTo(io, torpor, log);
        if (successor === null) return;
        stopFeeding();
        await service.tell(`MAINPID=${successor.pid}`);
        handOver.forget();
        reload.forget();
        successor.onEnd(() => left.abort());
        await torpor.handOver.drained(left.signal);
        resolve('drained');
      });
    });
    const signal = await Promise.race([stop.asked, drained]);
    log.info({ signal }, signal === 'drained' ? 'stopping after the hand-over' : 'stopping; once more ends at once');
    reload.forget();
    if (signal !== 'drained') void service.tell('STOPPING=1');
    await stopInTime(torpor, log);
  } finally {
    left.abort();
    stopFeeding();
    reload.forget();
    handOver.forget();
    stop.forget();
  }
}

/** Where another Torpor started this one to follow it, nothing begins before that has let go. */
async function start(config: TorporConfig, io: CliIo, log: Logger): Promise<RunningTorpor> {
  const runTorpor = await io.loadRunTorpor();
  const { former } = io;
  former?.tell({ kind: 'ready' });
  const flows = (await former?.released()) ?? [];
  const inherited = io.inheritedSockets();
  inherited.takeFlows(flows);
  const torpor = await runTorpor(config, { log, inherited, follows: former?.pid ?? null });
  former?.onWake((platform) => torpor.handOver.wakeForFormer(platform));
  former?.onEnd(() => torpor.handOver.formerEnded());
  former?.tell({ kind: 'running' });
  return torpor;
}

/** Starts this program anew and leaves everything but the open streams to it. Null where that does not come up: then all is as it was. */
async function leaveTo(io: CliIo, torpor: RunningTorpor, log: Logger): Promise<Successor | null> {
  const successor = io.startSuccessor(torpor.handOver.sockets, torpor.handOver.takeFlowSockets());
  const hasEnded = new Promise<void>((resolve) => successor.onEnd(resolve));
  log.info({ pid: successor.pid }, 'a new Torpor was started to take over');
  let hasLeft = false;
  try {
    await successor.heard('ready', READY_BOUND_MS);
    const flows = await torpor.handOver.leave((platform) => successor.tell({ kind: 'wake', platform }));
    hasLeft = true;
    successor.tell({ kind: 'released', flows });
    await successor.heard('running', RUNNING_BOUND_MS);
    log.info({ pid: successor.pid }, 'handed over: this process sees its open streams to their end');
    return successor;
  } catch (error) {
    log.error({ pid: successor.pid }, `nothing was handed over: ${errorText(error)}`);
    successor.kill();
    await hasEnded;
    if (hasLeft) await torpor.handOver.takeBack();
    return null;
  }
}

interface SignalQueue {
  serve(serve: () => Promise<void>): void;
  forget(): void;
}

/** A signal before it serves, or while it does, is served afterwards, once: what it asks for may have changed meanwhile. */
function signalQueue(listen: (listener: () => void) => () => void): SignalQueue {
  let isAsked = false;
  let serveOne: (() => Promise<void>) | null = null;
  let isServing = false;
  const turn = async () => {
    if (isServing || serveOne === null) return;
    isServing = true;
    while (isAsked) {
      isAsked = false;
      await serveOne();
    }
    isServing = false;
  };
  const forget = listen(() => {
    isAsked = true;
    void turn();
  });
  const serve = (serve: () => Promise<void>) => {
    serveOne = serve;
    void turn();
  };
  return { serve, forget };
}

/** A file that is refused changes nothing. */
async function readAgain(configPath: string, torpor: RunningTorpor, log: LeveledLog): Promise<void> {
  try {
    const { config, warnings } = await loadConfig(configPath);
    for (const warning of warnings) log.warn({}, warning);
    log.level = config.log.level;
    await torpor.reload(config);
  } catch (error) {
    torpor.refuseReload(errorText(error));
  }
}

/** The first signal asks; a second one ends the process at once. */
function stopRequest(io: CliIo, log: Logger): { asked: Promise<StopSignal>; forget: () => void } {
  let forget: () => void = () => {};
  const asked = new Promise<StopSignal>((resolve) => {
    let signals = 0;
    forget = io.onStopSignal((signal) => {
      signals += 1;
      if (signals === 1) return resolve(signal);
      log.warn({ signal }, 'ended at once, on the second signal');
      return io.exitNow(EXIT_CODES[signal]);
    });
  });
  return { asked, forget: () => forget() };
}

async function stopInTime(torpor: RunningTorpor, log: Logger): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), STOP_BOUND_MS);
  });
  try {
    const outcome = await Promise.race([torpor.stop(), late]);
    if (outcome === 'late') {
      log.error({ boundMs: STOP_BOUND_MS }, 'not everything stopped in time: the rest is left behind');
      throw new CommandFailed();
    }
    log.info({}, 'Torpor stopped');
  } catch (error) {
    if (error instanceof TorporError) log.error({ code: error.code }, error.message);
    throw error instanceof TorporError ? new CommandFailed() : error;
  } finally {
    clearTimeout(timer);
  }
}
