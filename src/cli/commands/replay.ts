// `torpor replay`: recorded or generated activity under several idle policies, in virtual time. Touches no platform.
import { createReadStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type CalendarSpan, expandInProcess } from '../../calendars/expand-in-process.ts';
import type { BusyTime } from '../../calendars/read-calendar.ts';
import { errorText, TorporError } from '../../platform/errors.ts';
import { parseDurationMs } from '../../platform/units.ts';
import { ActivityLogReader } from '../../policy/activity-log.ts';
import type { ActivityTrace } from '../../policy/activity-trace.ts';
import { type BusyEntry, EVERYBODY } from '../../policy/busy-times.ts';
import { type CostModel, DEFAULT_COSTS, toRates } from '../../policy/cost-model.ts';
import { parsePolicyChoice } from '../../policy/create-policy.ts';
import { type EvacuationReport, reportEvacuation } from '../../policy/evacuation/evacuation-report.ts';
import { splitActivity } from '../../policy/evacuation/split-activity.ts';
import { generateActivity, MONTH_DAYS } from '../../policy/generated-activity.ts';
import { listIntervals } from '../../policy/interval-list.ts';
import { POPULATIONS, type PopulationName } from '../../policy/populations.ts';
import { type ReplayReport, reportReplay } from '../../policy/replay-report.ts';
import { zoneOffset } from '../../zone-offset.ts';
import { type CliIo, printJson, printLines } from '../cli-io.ts';
import { jsonOption, parseAmount } from '../command-options.ts';
import { type EvacuationOptions, evacuationOptions, readEvacuation } from '../evacuation-options.ts';
import { formatEvacuation } from '../evacuation-text.ts';
import { renderReplayPage } from '../replay-page.ts';
import { formatReplay } from '../replay-text.ts';
import { styleFor } from '../style.ts';

interface GeneratedSignals {
  readonly calendars?: boolean;
  readonly openings?: boolean;
}

interface ReplayCommandOptions extends EvacuationOptions {
  readonly generate?: PopulationName;
  readonly seed: number;
  readonly months: number;
  readonly platforms: number;
  readonly signals: GeneratedSignals;
  readonly calendar: readonly string[];
  readonly policy: string;
  readonly countFrom: string;
  readonly timeZone?: string;
  readonly html?: string;
  readonly curves: boolean;
  readonly json?: boolean;
  readonly busyWatts: number;
  readonly idleWatts: number;
  readonly asleepWatts: number;
  readonly transitionWatts?: number;
  readonly suspend: string;
  readonly resume: string;
  readonly pricePerKwh: number;
  readonly pricePerWait: number;
  readonly pricePerCycle: number;
}

const DEFAULT_POLICIES = 'fixed=5m,fixed=10m,fixed=30m,break-even,randomized,learned';
/** More generated months than this are refused: a year and a half is what memory is reckoned for. */
const MONTHS_MAX = 18;
/** And more platforms. */
const PLATFORMS_MAX = 100;

export function addReplayCommand(program: Command, io: CliIo): void {
  const command = program
    .command('replay')
    .description('replay an activity log under several idle policies: energy, sleep, waits, against the optimum')
    .argument(
      '[logs...]',
      'JSON lines: client, platform, from, to, or an export of the history (docs/savings.md); "-": stdin',
    )
    .addOption(
      new Option('--generate <population>', 'generated activity instead of a log').choices(Object.keys(POPULATIONS)),
    )
    .addOption(new Option('--seed <number>', 'of generated activity').argParser(parseWhole).default(1))
    .addOption(new Option('--months <number>', 'of generated activity').argParser(parseMonths).default(2))
    .addOption(
      new Option('--platforms <number>', 'of generated activity: so many, each with the people of its population')
        .argParser(parsePlatforms)
        .default(1),
    )
    .addOption(
      new Option('--signals <list>', 'of generated activity, for policies that learn: calendars, openings')
        .argParser(parseSignals)
        .default({}, 'none'),
    )
    .addOption(
      new Option('--calendar <[client=]file>', "a client's iCalendar, or everybody's; may be repeated")
        .argParser((text: string, before: string[]) => [...before, text])
        .default([], 'none'),
    )
    .addOption(new Option('--policy <list>', 'policies, by comma').default(DEFAULT_POLICIES))
    .addOption(
      new Option('--count-from <duration>', 'count only what comes later than this: before it only teaches').default(
        '0s',
      ),
    )
    .addOption(new Option('--time-zone <name>', "of the people; default: this machine's, UTC where generated"))
    .addOption(new Option('--html <file>', 'write one page with charts, too'))
    .addOption(new Option('--no-curves', 'leave out waits at equal sleep, and sleep at equal waits: ten times faster'))
    .addOption(jsonOption());
  for (const option of [...costOptions(), ...evacuationOptions()]) command.addOption(option);
  command.action((logs: string[], options: ReplayCommandOptions) => replay(logs, options, io));
}

function costOptions(): Option[] {
  const number = (flags: string, what: string, fallback: number) =>
    new Option(flags, what).argParser(parseAmount).default(fallback);
  return [
    number('--busy-watts <watts>', 'drawn while somebody is active', DEFAULT_COSTS.busyWatts),
    number('--idle-watts <watts>', 'drawn while nobody is', DEFAULT_COSTS.idleWatts),
    number('--asleep-watts <watts>', 'drawn asleep', DEFAULT_COSTS.asleepWatts),
    new Option('--transition-watts <watts>', 'drawn in between; default: as idle').argParser(parseAmount),
    new Option('--suspend <duration>', 'how long it falls asleep').default('5s'),
    new Option('--resume <duration>', 'how long it wakes').default('8s'),
    number('--price-per-kwh <money>', 'of energy', DEFAULT_COSTS.pricePerKwh),
    number('--price-per-wait <money>', 'of each person who waits for a wake', DEFAULT_COSTS.pricePerWait),
    number('--price-per-cycle <money>', 'of the wear of a sleep and wake', DEFAULT_COSTS.pricePerCycle),
  ];
}

async function replay(logs: readonly string[], options: ReplayCommandOptions, io: CliIo): Promise<void> {
  if ((logs.length === 0) === (options.generate === undefined)) {
    throw new TorporError('ERR_CLI_USAGE', 'name a log, or --generate a population: one of both');
  }
  const costs = readCosts(options);
  const policies = asUsage(() => options.policy.split(',').map(parsePolicyChoice));
  const teachMs = asUsage(() => parseDurationMs(options.countFrom));
  const offset = zoneOffset(options.timeZone ?? (logs.length === 0 ? 'UTC' : undefined));
  const recorded = logs.length === 0 ? generate(options) : await readLogs(logs, io);
  const traces = await addCalendars(recorded, options, io);
  const evacuate = asUsage(() => readEvacuation(options, traces.length));
  const reports = traces.map((trace) => {
    if (io.errIsTerminal) io.err(`replaying ${trace.platform} …\n`);
    const window = { fromMs: trace.fromMs + teachMs, toMs: trace.toMs };
    if (window.fromMs >= window.toMs) {
      throw new TorporError('ERR_CLI_USAGE', `${trace.platform}: --count-from leaves nothing of its record to count`);
    }
    const list = listIntervals(trace, costs);
    return reportReplay(list, { costs, offset, seed: options.seed, window, policies, curves: options.curves });
  });
  const { seed } = options;
  if (evacuate !== null && io.errIsTerminal) io.err('replaying them as one pool …\n');
  const evacuation =
    evacuate === null ? null : reportEvacuation(traces, { costs, offset, seed, teachMs, policies, ...evacuate });
  if (options.html !== undefined) await writePage(options.html, reports, evacuation);
  if (options.json === true) printJson(io, evacuation === null ? reports : { platforms: reports, evacuation });
  else {
    const style = styleFor(io);
    const sections = reports.map((report) => formatReplay(report, style));
    if (evacuation !== null) sections.push(formatEvacuation(evacuation, style));
    printLines(io, ...sections.flatMap((lines, index) => [...(index > 0 ? [''] : []), ...lines]));
  }
}

function generate({ generate: name, seed, months, signals, platforms }: ReplayCommandOptions): ActivityTrace[] {
  const one = POPULATIONS[name as PopulationName];
  const population = { ...one, people: one.people * platforms };
  const trace = generateActivity({ population, seed, days: Math.round(months * MONTH_DAYS), ...signals });
  return platforms === 1 ? [trace] : splitActivity(trace, platforms);
}

/** Several are read as one: an export of the pool and one of events, say. */
async function readLogs(names: readonly string[], io: CliIo): Promise<ActivityTrace[]> {
  const reader = new ActivityLogReader();
  for (const name of names) await readLog(name, reader, io);
  const traces = reader.traces();
  if (traces.length === 0) throw new TorporError('ERR_REPLAY_LOG', `no activity is in ${names.join(' or ')}`);
  return traces;
}

/** `alice=alice.ics`, `holidays.ics`: what they say of the time of each trace is added to it. */
async function addCalendars(
  traces: readonly ActivityTrace[],
  { calendar, timeZone }: ReplayCommandOptions,
  io: CliIo,
): Promise<ActivityTrace[]> {
  const named = await Promise.all(calendar.map((text) => readCalendarFile(text)));
  const longer: ActivityTrace[] = [];
  for (const trace of traces) {
    const entries: BusyEntry[] = [];
    for (const { client, file, text } of named) {
      const span = { fromMs: trace.fromMs, toMs: trace.toMs, isEverybodys: client === EVERYBODY, timeZone };
      for (const time of await expandFile(file, text, span)) entries.push({ ...time, client });
    }
    if (calendar.length > 0 && entries.length === 0) {
      io.err(`${trace.platform}: the calendars say nothing of the time of its record\n`);
    }
    longer.push(entries.length === 0 ? trace : { ...trace, calendar: [...(trace.calendar ?? []), ...entries] });
  }
  return longer;
}

/** In a process of its own: a rule that never comes true ends with an error, and not never. */
async function expandFile(file: string, text: string, span: CalendarSpan): Promise<BusyTime[]> {
  try {
    return await expandInProcess(text, span, new AbortController().signal);
  } catch (cause) {
    throw new TorporError('ERR_CALENDAR_READ', `${file}: ${errorText(cause)}`, { cause });
  }
}

async function readCalendarFile(text: string): Promise<{ client: string; file: string; text: string }> {
  const at = text.indexOf('=');
  const [client, file] = at < 1 ? [EVERYBODY, text.slice(at + 1)] : [text.slice(0, at), text.slice(at + 1)];
  try {
    return { client, file, text: await readFile(file, 'utf8') };
  } catch (cause) {
    throw new TorporError('ERR_CLI_USAGE', `the calendar ${file} cannot be read: ${errorText(cause)}`, { cause });
  }
}

async function readLog(name: string, reader: ActivityLogReader, io: CliIo): Promise<void> {
  try {
    if (name === '-') {
      const decoder = new TextDecoder();
      let rest = '';
      for await (const chunk of io.input()) {
        const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
        rest = lines.pop() as string;
        for (const line of lines) reader.push(line);
      }
      reader.push(rest);
    } else {
      for await (const line of createInterface({ input: createReadStream(name, 'utf8') })) reader.push(line);
    }
  } catch (cause) {
    if (cause instanceof TorporError) throw cause;
    throw new TorporError('ERR_CLI_USAGE', `the log ${name} cannot be read: ${errorText(cause)}`, { cause });
  }
}

async function writePage(
  file: string,
  reports: readonly ReplayReport[],
  evacuation: EvacuationReport | null,
): Promise<void> {
  try {
    await writeFile(file, renderReplayPage(reports, evacuation));
  } catch (cause) {
    throw new TorporError('ERR_CLI_USAGE', `the page ${file} cannot be written: ${errorText(cause)}`, { cause });
  }
}

function readCosts(options: ReplayCommandOptions): CostModel {
  const { busyWatts, idleWatts, asleepWatts, pricePerKwh, pricePerWait, pricePerCycle } = options;
  return asUsage(() => {
    const costs: CostModel = {
      busyWatts,
      idleWatts,
      asleepWatts,
      transitionWatts: options.transitionWatts ?? idleWatts,
      suspendMs: parseDurationMs(options.suspend),
      resumeMs: parseDurationMs(options.resume),
      pricePerKwh,
      pricePerWait,
      pricePerCycle,
    };
    toRates(costs);
    return costs;
  });
}

/** What makes no sense on a command line is bad usage. */
function asUsage<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new TorporError('ERR_CLI_USAGE', errorText(cause), { cause });
  }
}

function parseWhole(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError(`"${text}" is no seed: write a whole number`);
}

function parseSignals(text: string): GeneratedSignals {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => name !== 'calendars' && name !== 'openings');
  if (unknown !== undefined) throw new InvalidArgumentError(`"${unknown}" is no signal: write calendars, openings`);
  return { calendars: names.includes('calendars'), openings: names.includes('openings') };
}

function parsePlatforms(text: string): number {
  const platforms = Number(text);
  if (/^\d{1,3}$/.test(text) && platforms > 0 && platforms <= PLATFORMS_MAX) return platforms;
  throw new InvalidArgumentError(`"${text}" is no number of platforms: write one from 1 to ${PLATFORMS_MAX}`);
}

function parseMonths(text: string): number {
  const months = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && months > 0 && months <= MONTHS_MAX) return months;
  throw new InvalidArgumentError(`"${text}" is no number of months: write one up to ${MONTHS_MAX}`);
}
