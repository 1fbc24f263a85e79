// From the YAML's names to the typed configuration: units into names, paths made absolute, the probe's default chosen.
import { join } from 'node:path';
import { formatEndpoint, isDatagramEndpoint, udpAddressOf, unixPathOf } from '../platform/endpoint.ts';
import { DEFAULT_STREAM_POLICY, type StreamPolicy } from '../platform/stream-policy.ts';
import { type CostModel, DEFAULT_COSTS, IDLE_LAG_MS } from '../policy/cost-model.ts';
import { absolute } from './absolute-path.ts';
import { toCalendars } from './calendars-schema.ts';
import { toCircuitPlace, toCircuits } from './circuits-schema.ts';
import { IPP_PORT } from './defer-checks.ts';
import { DEVICE_KINDS, defaultProbeKind } from './device-kinds.ts';
import { expandRoutes } from './expand-routes.ts';
import { toFarm } from './farm-schema.ts';
import { toIntegrations } from './integrations-schema.ts';
import { toLink } from './link-schema.ts';
import { poolRuleOf, type SeatedListener, type SeatedPlatform, seatPoolListeners } from './pool-listeners.ts';
import { type ParsedPools, toPools } from './pools-schema.ts';
import type { ParsedConfig } from './schema.ts';
import { toContext, toIdentity } from './to-context.ts';
import { toInhibitors } from './to-inhibitors.ts';
import { toPower } from './to-power.ts';
import type { ApiConfig, ListenerConfig, PlatformConfig, ProbeConfig, TorporConfig } from './torpor-config.ts';
import { toUdp } from './udp-config.ts';
import { toWebSocket } from './web-socket-config.ts';

type ParsedPlatform = ParsedConfig['platforms'][number];
type ParsedListener = ParsedPlatform['vms'][number]['listeners'][number];

const PROBE_TIMEOUT_MS = 2000;
/** More wakes an hour than people cause: with the default `minAwake` a platform can hardly sleep more often. */
const DEFAULT_WAKE_RATE = { count: 20, perMs: 3_600_000 };
/** A command has to start a process, often over SSH. */
const COMMAND_PROBE_TIMEOUT_MS = 5000;

/** Makes the configuration of what the schema read. Relative paths are meant from `folder`, the file's own. */
export function toTorporConfig(parsed: ParsedConfig, folder: string): TorporConfig {
  const stateDir = absolute(parsed.stateDir, folder);
  const { record } = parsed;
  const withSeats = seatPoolListeners(parsed.platforms, parsed.pools);
  return {
    api: toApi(parsed.api, folder),
    stateDir,
    workers: parsed.workers,
    maxStreams: parsed.maxStreams,
    log: parsed.log,
    record: {
      folder: record.folder === undefined ? join(stateDir, 'traces') : absolute(record.folder, folder),
      maxFiles: record.maxFiles,
      maxFileBytes: record.maxFileSize,
    },
    history: toHistory(parsed.history),
    energy: { ...parsed.energy, timeZone: parsed.energy.timeZone ?? localTimeZone() },
    integrations: toIntegrations(parsed, folder),
    link: toLink(parsed.link, folder),
    farm: toFarm(parsed.farm, folder),
    circuits: toCircuits(parsed.circuits),
    pools: toPools(parsed.pools, folder),
    platforms: expandRoutes(
      withSeats.map((platform) => toPlatform(platform, parsed, folder)),
      withSeats,
      parsed.pools,
    ),
  };
}

function toApi({ listen, tokensFile, tls }: ParsedConfig['api'], folder: string): ApiConfig {
  return {
    listen,
    tokensFile: tokensFile === null ? null : absolute(tokensFile, folder),
    tls: tls === null ? null : { cert: absolute(tls.cert, folder), key: absolute(tls.key, folder) },
  };
}

function toHistory(parsed: ParsedConfig['history']): TorporConfig['history'] {
  if (parsed === null) return null;
  return { keepMs: parsed.keep, maxBytes: parsed.maxSize, sampleEveryMs: parsed.powerEvery };
}

/** This machine's, as TZ or its settings say. */
function localTimeZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}

function toPlatform(parsed: SeatedPlatform, { circuits, pools }: ParsedConfig, folder: string): PlatformConfig {
  return {
    name: parsed.name,
    mode: parsed.mode,
    idleTimeoutMs: parsed.idleTimeout ?? defaultIdleTimeoutMs(parsed, 'desktop'),
    idlePolicy: parsed.idlePolicy,
    idleCosts: toIdleCosts(parsed),
    calendars: toCalendars(parsed.calendars, folder),
    disconnectGraceMs: parsed.disconnectGrace,
    drowsyForMs: parsed.drowsyFor,
    minAwakeMs: parsed.minAwake,
    clientWaitMs: parsed.clientWait,
    circuit: toCircuitPlace(parsed, circuits),
    hold: {
      perStreamBytes: parsed.hold.perStream,
      perPlatformBytes: parsed.hold.perPlatform,
      perSourceBytes: parsed.hold.perSource ?? Math.ceil(parsed.hold.perPlatform / 2),
    },
    hooks: {
      beforeSuspend: parsed.hooks.beforeSuspend,
      afterWake: parsed.hooks.afterWake,
      timeoutMs: parsed.hooks.timeout,
    },
    context: toContext(parsed.context, folder),
    power: toPower(parsed.power, folder),
    sel: parsed.sel,
    inhibitors: toInhibitors(parsed.inhibitors, parsed.power.watts.idle),
    vms: parsed.vms.map((vm) => ({
      name: vm.name,
      identity: toIdentity(vm.identity),
      listeners: vm.listeners.map((listener) =>
        toListener(listener, parsed.idleTimeout ?? defaultIdleTimeoutMs(parsed, listener.device), pools, folder),
      ),
    })),
  };
}

/** Under `fixed` the kind's own; other policies begin to reckon sooner, and keep it awake themselves as long as that pays. */
function defaultIdleTimeoutMs(
  { idlePolicy }: Pick<ParsedPlatform, 'idlePolicy'>,
  device: ParsedListener['device'],
): number {
  const { idleTimeoutMs } = DEVICE_KINDS[device];
  return idlePolicy === 'fixed' ? idleTimeoutMs : Math.min(idleTimeoutMs, IDLE_LAG_MS);
}

function toIdleCosts({ idleCosts, power }: Pick<ParsedPlatform, 'idleCosts' | 'power'>): CostModel {
  const { busy, idle, asleep } = power.watts;
  const idleWatts = idle ?? Math.max(DEFAULT_COSTS.idleWatts, 2 * (asleep ?? 0));
  return {
    busyWatts: busy ?? Math.max(idleWatts, DEFAULT_COSTS.busyWatts),
    idleWatts,
    asleepWatts: asleep ?? Math.min(DEFAULT_COSTS.asleepWatts, idleWatts / 10),
    transitionWatts: idleWatts,
    suspendMs: idleCosts.suspend,
    resumeMs: idleCosts.resume,
    pricePerKwh: idleCosts.perKwh,
    pricePerWait: idleCosts.perWait,
    pricePerCycle: idleCosts.perCycle,
  };
}

/** What the listener says, else what its platform says, else what its kind of device brings. */
function toListener(parsed: SeatedListener, idleTimeoutMs: number, pools: ParsedPools, folder: string): ListenerConfig {
  const kind = DEVICE_KINDS[parsed.device];
  const isUdp = isDatagramEndpoint(parsed.listen);
  const wakeOn = isUdp ? 'connect' : (parsed.wakeOn ?? kind.wakeOn);
  return {
    listen: parsed.listen,
    ...(parsed.socketMode === undefined ? {} : { socketMode: parsed.socketMode }),
    target: parsed.target,
    protocol: isUdp ? 'raw' : parsed.protocol,
    device: parsed.device,
    wakeOn,
    allowFrom: parsed.allowFrom ?? null,
    // Whoever sends a datagram may claim to be anybody, and needs no answer.
    wakeRate: toWakeRate(parsed.wakeRate, isUdp ? 'input' : unixPathOf(parsed.listen) === null ? wakeOn : 'connect'),
    banner: parsed.banner,
    waitingPage: parsed.waitingPage,
    idleTimeoutMs: parsed.idleTimeout ?? idleTimeoutMs,
    activity: isUdp ? 'every-byte' : (parsed.activity ?? kind.activity),
    policy: toPolicy(parsed),
    record: parsed.record,
    ...(isUdp ? { udp: toUdp(parsed.udp) } : {}),
    onKeepalive: parsed.onKeepalive,
    defer: toDefer(parsed),
    keepaliveWaitMs: parsed.keepaliveWait,
    probe: toProbe(parsed),
    proxyProtocol: parsed.proxyProtocol,
    webSocket: toWebSocket(parsed.webSocket, folder),
    door: toDoor(parsed, pools),
    routed: null,
    link: parsed.link,
    maxPerSource: parsed.maxPerSource,
    maxStreams: parsed.maxStreams,
  };
}

/** A port that is shared by names, or leads to a pool. */
function toDoor({ listen, routes, otherwise, pool }: SeatedListener, pools: ParsedPools): ListenerConfig['door'] {
  const rule = poolRuleOf(pool, pools);
  if (rule !== null) return { key: formatEndpoint(listen), otherwise: 'refuse', pool: rule };
  return routes.length === 0 ? null : { key: formatEndpoint(listen), otherwise };
}

function toDefer({ defer, target }: SeatedListener): ListenerConfig['defer'] {
  if (defer === null) return null;
  return {
    as: defer.as ?? (target.port === IPP_PORT ? 'ipp' : 'raw'),
    forMs: defer.for,
    maxJobBytes: defer.maxJobSize,
    maxJobs: defer.maxJobs,
    maxTotalBytes: defer.maxTotal,
  };
}

function toPolicy(parsed: ParsedListener): StreamPolicy {
  const { work } = DEFAULT_STREAM_POLICY;
  return {
    viewing: parsed.viewing ?? DEVICE_KINDS[parsed.device].viewing,
    work: {
      fromClientBytes: parsed.work.fromClient ?? work.fromClientBytes,
      fromServerBytes: parsed.work.fromServer ?? work.fromServerBytes,
      windowMs: parsed.work.window ?? work.windowMs,
    },
    periodicInput: parsed.periodicInput,
    periodicRequests: parsed.periodicRequests,
    polls: parsed.polls,
  };
}

/** A listener that asks for more than a connection is meant to be spared: its sources are bounded unless told otherwise. */
function toWakeRate(
  wakeRate: ParsedListener['wakeRate'],
  wakeOn: ListenerConfig['wakeOn'],
): ListenerConfig['wakeRate'] {
  if (wakeRate === undefined) return wakeOn === 'connect' ? null : DEFAULT_WAKE_RATE;
  return wakeRate === null ? null : { count: wakeRate.count, perMs: wakeRate.per };
}

/** Without a word from the user: a connect, except where a connection by itself disturbs what listens. */
function toProbe(listener: SeatedListener): ProbeConfig {
  const { probe } = listener;
  const isUdp = udpAddressOf(listener.target) !== null;
  const kind = probe?.kind ?? (isUdp ? 'none' : defaultProbeKind(listener.device, listener.target.port));
  return {
    kind,
    send: probe?.send ?? null,
    expect: probe?.expect ?? null,
    command: probe?.command ?? null,
    timeoutMs: probe?.timeout ?? (kind === 'command' ? COMMAND_PROBE_TIMEOUT_MS : PROBE_TIMEOUT_MS),
  };
}
