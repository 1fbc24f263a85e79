// `torpor run`: loads the configuration, starts Torpor and stops it at a signal. What runs is the composition root's business.
import type { Command } from 'commander';
import { loadConfig } from '../../config/load-config.ts';
import { errorText, TorporError } from '../../platform/errors.ts';
import type { Logger } from '../../platform/ports.ts';
import type { CliIo, RunningTorpor, StopSignal } from '../cli-io.ts';
import { CommandFailed } from '../command-failed.ts';
import { configOption } from '../command-options.ts';
import { createLog, type LeveledLog } from '../create-log.ts';

/** For everything to stop in order; what takes longer is left behind. */
export const STOP_BOUND_MS = 10_000;
/** Of a process that a second signal ended, as shells count: 128 and the signal's number. */
const EXIT_CODES: Readonly<Record<StopSignal, number>> = { SIGINT: 130, SIGTERM: 143 };

export function addRunCommand(program: Command, io: CliIo): void {
  program
    .command('run')
    .description(
      'run Torpor in front of the platforms of a configuration, until SIGINT or SIGTERM; SIGHUP reads it again',
    )
    .addOption(configOption())
    .action((options: { config: string }) => run(options.config, io));
}

async function run(configPath: string, io: CliIo): Promise<void> {
  const { config, warnings } = await loadConfig(configPath);
  const log = createLog(io, config.log.level);
  for (const warning of warnings) log.warn({}, warning);
  const runTorpor = await io.loadRunTorpor();
  const stop = stopRequest(io, log);
  const reload = reloadRequests(io);
  try {
    const torpor = await runTorpor(config, { log });
    log.info({ api: torpor.apiUrl, platforms: config.platforms.map((platform) => platform.name) }, 'Torpor runs');
    reload.serve(() => readAgain(configPath, torpor, log));
    const signal = await stop.asked;
    log.info({ signal }, 'stopping; once more ends at once');
    reload.forget();
    await stopInTime(torpor, log);
  } finally {
    reload.forget();
    stop.forget();
  }
}

/** A SIGHUP before it serves, or while it reads, is served afterwards: the file may have changed meanwhile. */
function reloadRequests(io: CliIo): { serve: (read: () => Promise<void>) => void; forget: () => void } {
  let isAsked = false;
  let read: (() => Promise<void>) | null = null;
  let isReading = false;
  const turn = async () => {
    if (isReading || read === null) return;
    isReading = true;
    for (; isAsked; ) {
      isAsked = false;
      await read();
    }
    isReading = false;
  };
  const forget = io.onReloadSignal(() => {
    isAsked = true;
    void turn();
  });
  const serve = (reader: () => Promise<void>) => {
    read = reader;
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
