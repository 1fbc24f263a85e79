// `torpor status`: every platform on one line.
import { type Command, Option } from 'commander';
import { farmSums } from '../../platform/farm-sums.ts';
import { nameInhibitor } from '../../platform/inhibitor.ts';
import type {
  CircuitStatus,
  FarmInstance,
  LinkStatus,
  PlatformStatus,
  PoolEvacuation,
  PoolStatus,
} from '../../platform/status.ts';
import { formatBytes, formatDuration } from '../../platform/units.ts';
import { type CliIo, printJson, printLines } from '../cli-io.ts';
import { apiOption, type ClientOptions, clientFor, jsonOption } from '../command-options.ts';
import { showLive } from '../live-view.ts';
import { plainText, type Style, styleFor } from '../style.ts';
import { alignRows } from '../table.ts';

interface StatusOptions extends ClientOptions {
  readonly watch?: boolean;
}

export function addStatusCommand(program: Command, io: CliIo): void {
  program
    .command('status')
    .description('tell the state of every platform')
    .addOption(apiOption())
    .addOption(jsonOption())
    .addOption(new Option('--watch', 'keep it up to date until a signal').conflicts('json'))
    .action((options: StatusOptions) => status(options, io));
}

async function status(options: StatusOptions, io: CliIo): Promise<void> {
  const client = clientFor(io, options);
  const look = async () => {
    const asked = [client.platforms(), client.circuits(), client.pools(), client.links(), client.instances()] as const;
    const [platforms, circuits, pools, links, instances] = await Promise.all(asked);
    const style = styleFor(io);
    const farm = [
      ...formatStatus(platforms, client.nowMs(), style),
      ...formatCircuits(circuits, style),
      ...formatPools(pools, platforms, style),
    ];
    return [...farm, ...formatLinks(links, client.nowMs(), style), ...formatInstances(instances, style)];
  };
  if (options.watch === true) return await showLive(io, { look });
  if (options.json) printJson(io, await client.platforms());
  else printLines(io, ...(await look()));
}

/** The table of platforms: a heading, then one line each. `ACTIVE` is active streams of open ones, at all Torpors of a farm. */
export function formatStatus(platforms: readonly PlatformStatus[], nowMs: number, style: Style): string[] {
  if (platforms.length === 0) return ['no platforms'];
  const heading = [
    'PLATFORM',
    'STATE',
    'FOR',
    'MODE',
    'ACTIVE',
    'HELD',
    'BMC',
    'WAKE PATH',
    'INHIBITED BY',
    'EVIDENCE',
    'WHY',
  ];
  const sums = new Map(platforms.map((platform) => [platform, farmSums(platform)] as const));
  const rows = [...sums].map(([platform, { pool, streams, heldBytes, untold }]) => [
    style.strong(platform.name),
    formatState(platform, style),
    formatDuration(nowMs - platform.sinceMs),
    platform.mode,
    `${pool}/${streams}${untold.length === 0 ? '' : '+?'}`,
    heldBytes === 0 ? '-' : formatBytes(heldBytes),
    platform.bmcReachable ? style.good('ok') : style.bad('silent'),
    platform.wakeProven ? style.good('proven') : style.warn('unproven'),
    formatInhibitors(platform, nowMs),
    platform.evidenceIsWeak ? style.warn(`${plainText(platform.evidence)} (weak)`) : plainText(platform.evidence),
    plainText(platform.wakeTurn === null ? platform.why : `waits for its turn to wake: ${platform.wakeTurn.why}`),
  ]);
  const table = alignRows([heading.map((cell) => style.faint(cell)), ...rows]);
  table.push(...platforms.flatMap(formatPeers), ...platforms.flatMap(formatRefused));
  const { wanted, running } = platforms[0]?.workers ?? { wanted: 1, running: 1 };
  if (wanted === 1) return table;
  const workers = `${running} of ${wanted} workers run`;
  return [...table, running === wanted ? workers : style.bad(workers)];
}

/** What feeds several platforms, a line each. */
export function formatCircuits(circuits: readonly CircuitStatus[], style: Style): string[] {
  return circuits.map(({ name, waking, wakingAtMost, watts, wattsAtMost, queue }) => {
    const places = wakingAtMost === null ? `${waking} waking` : `${waking} of ${wakingAtMost} waking`;
    const drawn = wattsAtMost === null ? '' : `, ${watts} of ${wattsAtMost} W`;
    const waiting = queue.length === 0 ? '' : style.warn(`, ${queue.length} wait for their turn`);
    return `circuit ${plainText(name)}: ${places}${drawn}${waiting}`;
  });
}

function formatPools(pools: readonly PoolStatus[], all: readonly PlatformStatus[], style: Style): string[] {
  const isDrained = (name: string) => all.some((platform) => platform.name === name && platform.drained);
  return pools.map(({ name, spare, ready, platforms, evacuation }) => {
    const drained = platforms.map(({ platform }) => platform).filter(isDrained);
    const empties = drained.length === 0 ? '' : `; drained: ${drained.map(plainText).join(', ')}`;
    const kept = platforms.filter(({ isKept }) => isKept).map(({ platform }) => platform);
    const spares = `${ready} awake with room, ${spare} wanted`;
    const who = kept.length === 0 ? '' : `; kept: ${kept.join(', ')}`;
    const moves = evacuation?.moving == null ? '' : `; ${movingText(evacuation.moving, style)}`;
    return `pool ${plainText(name)}: ${ready < spare ? style.warn(spares) : spares}${who}${empties}${moves}`;
  });
}

function movingText({ vm, from, to, stage }: NonNullable<PoolEvacuation['moving']>, style: Style): string {
  const [name, where] = [plainText(vm), `${plainText(from)} to ${plainText(to)}`];
  return stage === 'moving' ? `${name} is moved from ${where}` : style.bad(`nobody knows where ${name} runs: ${where}`);
}

/** Its gate's edges, a line each. */
function formatLinks(links: readonly LinkStatus[], nowMs: number, style: Style): string[] {
  return links.map((link) => {
    const state = link.connected ? style.good('connected') : style.bad('away');
    const from = `${formatBytes(link.bytesFromEdge)} from it in ${formatBytes(link.wireBytesFromEdge)}`;
    const to = `${formatBytes(link.bytesToEdge)} to it in ${formatBytes(link.wireBytesToEdge)}`;
    const carried = `${link.streams} streams, ${from}, ${to}`;
    const breaks = link.breaks === 0 ? '' : `, ${link.breaks} breaks, ${link.resumes} resumed`;
    return `edge ${plainText(link.edge)} ${state} for ${formatDuration(nowMs - link.sinceMs)}: ${carried}${breaks}`;
  });
}

/** The Torpors of the farm, a line each. */
function formatInstances(instances: readonly FarmInstance[], style: Style): string[] {
  return instances.map(({ name, version, self, silentMs, answered, streams }) => {
    const who = `torpor ${plainText(name)} ${plainText(version)}${self ? ', this one' : ''}`;
    const silent = `did not answer, last heard of ${formatDuration(silentMs)} ago`;
    if (answered === false) return `${who}: ${style.bad(silent)}`;
    return streams === null ? `${who}: not asked yet` : `${who}: ${streams} ${streams === 1 ? 'stream' : 'streams'}`;
  });
}

/** Who owns it, and what is known of the others: `vdi-01 is shared, torpor-b owns it: 3 active clients at torpor-c`. */
function formatPeers({ name, owner, peers }: PlatformStatus): string[] {
  // A Torpor of before knows none of it.
  if (peers == null) return [];
  const { self, uncertain, others } = peers;
  const whose =
    owner === null ? 'nobody owns it now' : owner === self ? `${self}, this one, owns it` : `${owner} owns it`;
  const facts = others.flatMap(({ instance, active, keeps }) => [
    ...(active === 0 ? [] : [`${active} active ${active === 1 ? 'client' : 'clients'} at ${instance}`]),
    ...(keeps === null ? [] : [`kept awake at ${instance}: ${keeps}`]),
  ]);
  if (uncertain !== null) facts.push(`not sure of the others: ${uncertain}`);
  return [plainText(`${name} is shared, ${whose}${facts.length === 0 ? '' : `: ${facts.join('; ')}`}`)];
}

/** Whom it did not serve since Torpor started: `vdi-01 refused clients: 12 wake-rate, 3 proxy-header`. */
function formatRefused({ name, refusedClients }: PlatformStatus): string[] {
  const counts = Object.entries(refusedClients).map(([reason, count]) => `${count} ${reason}`);
  return counts.length === 0 ? [] : [`${name} refused clients: ${counts.join(', ')}`];
}

/** Who keeps it awake, each with the time that is left: `operator 1h 2m, check backup`. */
function formatInhibitors({ inhibitors }: PlatformStatus, nowMs: number): string {
  if (inhibitors.length === 0) return '-';
  return inhibitors
    .map((inhibitor) => {
      const left = inhibitor.untilMs === null ? '' : ` ${formatDuration(inhibitor.untilMs - nowMs)}`;
      return `${plainText(nameInhibitor(inhibitor))}${left}`;
    })
    .join(', ');
}

function formatState(platform: PlatformStatus, style: Style): string {
  const queued = platform.wakeTurn === null ? platform.state : `${platform.state}, queued`;
  const drained = platform.drained ? `${queued}, drained` : queued;
  const state = platform.maintenance ? `${drained}, maintenance` : drained;
  if (platform.state === 'failed') return style.bad(state);
  if (platform.state === 'awake') return style.good(state);
  return platform.maintenance ? style.warn(state) : state;
}
