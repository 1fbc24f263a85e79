// `torpor bmc sel`: reads a BMC's whole log and tells it in words, Torpor's own records among the others. Erases nothing.
import type { Command } from 'commander';
import { askOptional } from '../../power/ipmi/bmc-profile.ts';
import { openBmcSession } from '../../power/ipmi/bmc-session.ts';
import { GET_SEL_TIME } from '../../power/ipmi/commands/get-sel-time.ts';
import { BMC_ADDRESS } from '../../power/ipmi/ipmi-message.ts';
import { readSel } from '../../power/ipmi/sel-reader.ts';
import type { SelTime } from '../../power/ipmi/sel-record.ts';
import { describeSelRecord, type SelEntry } from '../../power/ipmi/sel-words.ts';
import { type CommandRunner, readSensorDirectory } from '../../power/ipmi/sensor-directory.ts';
import { systemClock } from '../../system-clock.ts';
import { type BmcOptions, bmcAccess, peerOf, withBmcOptions } from '../bmc-options.ts';
import { type CliIo, printJson, printLines } from '../cli-io.ts';
import { CommandFailed } from '../command-failed.ts';
import { plainText } from '../style.ts';
import { alignRows } from '../table.ts';

/** A log of thousands of records takes one round trip for each. */
const BOUND_MS = 10 * 60_000;

export function addBmcSelCommand(bmc: Command, io: CliIo): void {
  const command = bmc
    .command('sel')
    .description("read the BMC's own log, oldest first; nothing is erased; password in TORPOR_BMC_PASSWORD");
  withBmcOptions(command)
    .option('--torpor', "Torpor's own records alone")
    .action((options: BmcOptions & { readonly torpor?: boolean }) => showLog(options, io));
}

async function showLog(options: BmcOptions & { readonly torpor?: boolean }, io: CliIo): Promise<void> {
  const access = { ...bmcAccess(options, io), privilege: 'user' as const, clock: systemClock };
  const stop = new AbortController();
  const forget = io.onStopSignal(() => stop.abort());
  const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(BOUND_MS)]);
  try {
    const session = await openBmcSession(access, signal);
    try {
      await printLog(session, options, signal, io);
    } finally {
      await session.close();
    }
  } finally {
    forget();
  }
}

async function printLog(
  session: CommandRunner,
  options: BmcOptions & { readonly torpor?: boolean },
  signal: AbortSignal,
  io: CliIo,
): Promise<void> {
  const { info, records, problem } = await readSel(session, signal);
  const bmcSeconds = await askOptional(session, GET_SEL_TIME, undefined, signal);
  const names = records.length === 0 || options.torpor ? new Map() : await sensorNames(session, signal);
  const all = records.map((record) => describeSelRecord(record, names));
  const entries = options.torpor ? all.filter(({ torpor }) => torpor !== null) : all;
  const { freeBytes, overflowed } = info;
  if (options.json) {
    const bmcTime = bmcSeconds === null ? null : isoOf(bmcSeconds);
    printJson(io, { bmc: peerOf(options), bmcTime, freeBytes, overflowed, problem, entries: entries.map(jsonOf) });
  } else {
    const rows = entries.map((entry) => [`${entry.recordId}`, timeWords(entry.time), plainText(entry.words)]);
    printLines(io, ...alignRows(rows), `${entries.length} of ${info.entryCount} records, ${freeBytes} bytes free`);
    if (overflowed) printLines(io, 'records were lost for lack of space');
  }
  if (problem === null) return;
  io.err(`torpor: the log could not be read to its end: ${problem}\n`);
  throw new CommandFailed();
}

/** Names of the BMC's own sensors, as far as its sensor records tell. */
async function sensorNames(session: CommandRunner, signal: AbortSignal): Promise<ReadonlyMap<number, string>> {
  const { sensors } = await readSensorDirectory(session, () => true, signal);
  return new Map(
    sensors.flatMap(({ ownerAddress, sensorNumber, name }) =>
      ownerAddress === BMC_ADDRESS && name !== '' ? [[sensorNumber, `"${name}"`] as const] : [],
    ),
  );
}

function jsonOf({ recordId, recordType, time, words, torpor, hex }: SelEntry) {
  const at = time.kind === 'calendar' ? isoOf(time.seconds) : null;
  const sinceStartSeconds = time.kind === 'since-start' ? time.seconds : null;
  return { recordId, recordType, at, sinceStartSeconds, words, torpor, hex };
}

/** As the BMC's clock has it, which may keep local time: no zone is claimed. */
function timeWords(time: SelTime): string {
  if (time.kind === 'none') return '-';
  return time.kind === 'calendar' ? isoOf(time.seconds).replace('T', ' ') : `${time.seconds} s after the BMC's start`;
}

function isoOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 19);
}
