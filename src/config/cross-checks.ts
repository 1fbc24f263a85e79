// Rules that span several keys of the configuration. They read the raw values, so that they speak up beside the schema's own
// problems; a value that is wrong by itself is the schema's business and passes here.

import { type Endpoint, formatEndpoint, isNamedEndpoint, udpAddressOf } from '../platform/endpoint.ts';
import type { Device, Protocol } from '../platform/ports.ts';
import { STREAMS_PER_PROCESS_MAX } from '../platform/stream-policy.ts';
import { parseSizeBytes } from '../platform/units.ts';
import { checkCalendars } from './calendars-schema.ts';
import { checkCircuits } from './circuits-schema.ts';
import { checkContext, doubtContext } from './context-checks.ts';
import { checkDefer, checkDeferredWorkers } from './defer-checks.ts';
import { DEVICE_KINDS, defaultProbeKind } from './device-kinds.ts';
import { endpointsClash, isLoopbackHost, parseListen } from './endpoint.ts';
import { checkFarm } from './farm-schema.ts';
import type { Finding } from './finding.ts';
import { checkInhibitors, doubtInhibitors } from './inhibitor-checks.ts';
import { checkIntegrations, doubtIntegrations } from './integrations-schema.ts';
import { checkLink, doubtLink } from './link-schema.ts';
import { checkPoolListeners } from './pool-listeners.ts';
import { checkPools } from './pools-schema.ts';
import { checkPower, doubtPower } from './power-checks.ts';
import {
  asMapping,
  children,
  hasEntries,
  isMapping,
  isUnset,
  type Mapping,
  type Placed,
  scalarText,
} from './raw-values.ts';
import { checkRoutes, routedPlatforms } from './route-checks.ts';
import { DEFAULT_API_LISTEN, DEVICES, PROTOCOLS } from './schema.ts';
import { checkUdp, checkUdpWorkers, isUdp } from './udp-config.ts';
import { checkUnix, doubtUnix } from './unix-checks.ts';
import { checkWebSocket, doubtWebSocket } from './web-socket-config.ts';
import type { ConfigPath } from './yaml-source.ts';

/** Everything wrong across keys, in no particular order. Never throws, whatever the value. */
export function findContradictions(root: unknown): Finding[] {
  const platforms = children({ path: [], value: asMapping(root) }, 'platforms');
  return [
    ...(Array.isArray(asMapping(root).platforms) && platforms.length === 0
      ? [{ path: ['platforms'], what: 'the list is empty: write at least one platform' }]
      : []),
    ...findTwins(platforms, 'platform'),
    ...findListenClashes(root, platforms),
    ...findOpenApi(root),
    ...findTooManyStreams(root),
    ...findSharedBmcs(platforms),
    ...checkIntegrations(root),
    ...checkLink(root, platforms.flatMap(listenersOf)),
    ...checkFarm(root),
    ...checkRoutes(platforms),
    ...checkCircuits(root, platforms),
    ...checkPools(root, platforms),
    ...checkPoolListeners(root, platforms),
    ...checkArmed(root, platforms),
    ...checkDeferredWorkers(root, platforms.flatMap(listenersOf)),
    ...checkUdpWorkers(root, platforms.flatMap(listenersOf)),
    ...platforms.flatMap(checkPlatform),
  ];
}

/** What is allowed but probably not meant. */
export function findDoubts(root: unknown): Finding[] {
  const platforms = children({ path: [], value: asMapping(root) }, 'platforms');
  return [
    ...doubtIntegrations(root),
    ...doubtLink(root, platforms.flatMap(listenersOf)),
    ...findProbeDoubts(root, platforms),
    ...doubtClearApi(root),
    ...platforms.flatMap(doubtPower),
    ...platforms.flatMap(doubtContext),
    ...platforms.flatMap(doubtInhibitors),
    ...platforms.flatMap(listenersOf).flatMap(doubtPreface),
    ...platforms.flatMap(listenersOf).flatMap(doubtProxies),
    ...platforms.flatMap(listenersOf).flatMap(doubtWebSocket),
    ...platforms.flatMap(listenersOf).flatMap(doubtUnix),
  ];
}

/** Each process has one core, and that has as many seats. */
function findTooManyStreams(root: unknown): Finding[] {
  const { maxStreams, workers = 1 } = asMapping(root);
  if (typeof maxStreams !== 'number' || typeof workers !== 'number' || maxStreams <= workers * STREAMS_PER_PROCESS_MAX)
    return [];
  const what = `a process carries ${STREAMS_PER_PROCESS_MAX} streams at most: write no more than ${workers * STREAMS_PER_PROCESS_MAX}, or workers: ${Math.ceil(maxStreams / STREAMS_PER_PROCESS_MAX)}`;
  return [{ path: ['maxStreams'], what }];
}

/** Whoever reaches the API can press every button: beyond loopback it asks for tokens. */
function findOpenApi(root: unknown): Finding[] {
  const api = asMapping(asMapping(root).api);
  const listen = tryEndpoint(api.listen);
  if (listen === null || isLoopbackHost(listen.host) || !isUnset(api.tokensFile)) return [];
  const what =
    'beyond loopback the API asks for tokens: write api.tokensFile (torpor token add makes the first), or listen on 127.0.0.1:7070';
  return [{ path: ['api', 'listen'], what }];
}

/** Tokens that anybody on the way can read. */
function doubtClearApi(root: unknown): Finding[] {
  const api = asMapping(asMapping(root).api);
  const listen = tryEndpoint(api.listen);
  if (listen === null || isLoopbackHost(listen.host) || isUnset(api.tokensFile) || !isUnset(api.tls)) return [];
  return [
    { path: ['api', 'listen'], what: 'tokens travel in the clear: write api.tls, or put a proxy with TLS before it' },
  ];
}

function findProbeDoubts(root: unknown, platforms: ReadonlyArray<Placed<Mapping>>): Finding[] {
  const routed = routedPlatforms(root, platforms);
  return platforms.flatMap((platform) => {
    const listeners = listenersOf(platform);
    if (listeners.length === 0) {
      if (routed.has(platform.value.name)) return [];
      return [{ path: platform.path, what: 'has no listener, so no client can be seen: it is only observed' }];
    }
    if (listeners.some(({ value }) => !isProbeless(value))) return [];
    const what =
      'no listener has a probe, so only the BMC can tell whether it runs: give one listener a probe, such as probe: tcp';
    return [{ path: platform.path, what }];
  });
}

/** `preface` where there is none to wait for. */
function doubtPreface({ path, value }: Placed<Mapping>): Finding[] {
  if (value.wakeOn !== 'preface') return [];
  const at = [...path, 'wakeOn'];
  const protocol = value.protocol ?? 'auto';
  if ((protocol === 'auto' || protocol === 'raw') && value.device !== 'web') {
    const what = `any first byte is a preface of protocol ${protocol}, and a client that waits for its server never sends one: write the protocol`;
    return [{ path: at, what }];
  }
  const isGuarded = value.banner === 'serve' || !isUnset(value.allowFrom);
  if ((protocol !== 'rfb' && protocol !== 'telnet') || isGuarded) return [];
  const help = protocol === 'rfb' ? 'banner: serve, or allowFrom' : 'allowFrom, or wakeOn: input';
  return [{ path: at, what: `${protocol} clients may wait for the server, so any connection wakes it: write ${help}` }];
}

/** Protocols whose streams may be HTTP. */
const POLLED: ReadonlySet<Protocol> = new Set(['auto', 'http', 'websocket']);

/** Switches that would change nothing: their owner means something else. */
function checkSwitches({ path, value }: Placed<Mapping>): Finding[] {
  const kind = DEVICE_KINDS[deviceOf(value.device)];
  const findings: Finding[] = [];
  if ((value.activity ?? kind.activity) === 'every-byte') {
    const keys = ['periodicInput', 'periodicRequests', 'polls'];
    const given = keys.filter((key) => value[key] === 'ignore' || value[key] === 'moves' || hasEntries(value[key]));
    const what = 'every byte of the client counts (activity: every-byte): write activity: learned, or leave it out';
    findings.push(...given.map((key) => ({ path: [...path, key], what })));
    if (!isUnset(asMapping(value.work).fromClient)) findings.push({ path: [...path, 'work', 'fromClient'], what });
  }
  if (!isUnset(asMapping(value.work).fromServer) && (value.viewing ?? kind.viewing) !== 'active') {
    const what = 'what a server sends never counts (viewing: ignore): write viewing: active, or leave it out';
    findings.push({ path: [...path, 'work', 'fromServer'], what });
  }
  const protocol = PROTOCOLS.find((known) => known === value.protocol) ?? 'auto';
  if (hasEntries(value.polls) && !POLLED.has(protocol)) {
    const what = `polls are HTTP requests, and the protocol is ${protocol}: write protocol: http, or leave it out`;
    findings.push({ path: [...path, 'polls'], what });
  }
  return findings;
}

/** Only RFB servers begin with a banner that can be said in their place. */
function checkBanner({ path, value }: Placed<Mapping>): Finding[] {
  if (value.banner !== 'serve') return [];
  if (value.protocol === 'rfb' && value.wakeOn === 'preface') return [];
  const what = 'a banner is served with protocol: rfb and wakeOn: preface only: write both, or leave it out';
  return [{ path: [...path, 'banner'], what }];
}

/** A network of all addresses believes whoever connects, and with it every source that is claimed. */
function doubtProxies({ path, value }: Placed<Mapping>): Finding[] {
  const from = asMapping(value.proxyProtocol).acceptFrom;
  if (!Array.isArray(from) || !from.some((network) => /\/0+$/.test(scalarText(network)))) return [];
  const what = 'everybody is believed to be a proxy, and so may claim any address: write the addresses of the proxies';
  return [{ path: [...path, 'proxyProtocol', 'acceptFrom'], what }];
}

/** Only HTTP in the clear can be answered in a server's place. */
function checkWaitingPage({ path, value }: Placed<Mapping>): Finding[] {
  if (value.waitingPage !== 'browsers' && value.waitingPage !== 'all') return [];
  if (value.protocol === 'http') return [];
  const what = 'a waiting page is served to HTTP clients only: write protocol: http, or leave it out';
  return [{ path: [...path, 'waitingPage'], what }];
}

function checkPlatform(platform: Placed<Mapping>): Finding[] {
  return [
    ...findTwins(children(platform, 'vms'), 'VM'),
    ...listenersOf(platform).flatMap(checkProbe),
    ...listenersOf(platform).flatMap(checkBanner),
    ...listenersOf(platform).flatMap(checkWaitingPage),
    ...listenersOf(platform).flatMap(checkWebSocket),
    ...listenersOf(platform).flatMap(checkSwitches),
    ...listenersOf(platform).flatMap(checkKeepalives),
    ...listenersOf(platform).flatMap(checkDefer),
    ...listenersOf(platform).flatMap(checkPerSource),
    ...listenersOf(platform).flatMap(checkUnix),
    ...listenersOf(platform).flatMap(checkUdp),
    ...checkPower(platform),
    ...checkContext(platform),
    ...checkInhibitors(platform),
    ...checkHold(platform),
    ...checkSel(platform),
    ...checkWatts(platform),
    ...checkIdlePolicy(platform),
    ...checkCalendars(platform),
  ];
}

/** A platform's own idle time-out is what `fixed` goes by; the others reckon from the end of activity. */
function checkIdlePolicy({ value, path }: Placed<Mapping>): Finding[] {
  const { idlePolicy, idleTimeout } = value;
  if (isUnset(idleTimeout) || isUnset(idlePolicy) || idlePolicy === 'fixed') return [];
  const what = `idleTimeout belongs to \`idlePolicy: fixed\`; ${scalarText(idlePolicy)} decides by itself: leave it out, or write it at a listener`;
  return [{ path: [...path, 'idleTimeout'], what }];
}

/** A platform without listeners has an empty pool for ever: armed, it would be put to sleep under everybody. */
function checkArmed(root: unknown, platforms: ReadonlyArray<Placed<Mapping>>): Finding[] {
  const routed = routedPlatforms(root, platforms);
  const blind = platforms.filter(
    (platform) =>
      platform.value.mode === 'armed' && listenersOf(platform).length === 0 && !routed.has(platform.value.name),
  );
  const what =
    'an armed platform without a listener would always look idle: write vms with listeners, or mode: observe';
  return blind.map(({ path }) => ({ path: [...path, 'mode'], what }));
}

function findTwins(items: ReadonlyArray<Placed<Mapping>>, noun: string): Finding[] {
  const seen = new Set<string>();
  return items.flatMap(({ path, value }) => {
    if (typeof value.name !== 'string' || !seen.has(value.name)) {
      if (typeof value.name === 'string') seen.add(value.name);
      return [];
    }
    return [
      { path: [...path, 'name'], what: `another ${noun} is called ${JSON.stringify(value.name)}: write another name` },
    ];
  });
}

function findListenClashes(root: unknown, platforms: ReadonlyArray<Placed<Mapping>>): Finding[] {
  const api = asMapping(asMapping(root).api).listen ?? DEFAULT_API_LISTEN;
  const listeners = platforms.flatMap(listenersOf);
  const bound: Array<{ endpoint: Endpoint; owner: string }> = [];
  const apiEndpoint = tryEndpoint(api);
  if (apiEndpoint !== null) bound.push({ endpoint: apiEndpoint, owner: 'the API (api.listen)' });
  const gateEndpoint = tryEndpoint(asMapping(asMapping(root).link).listen);
  if (gateEndpoint !== null) bound.push({ endpoint: gateEndpoint, owner: "the link's gate (link.listen)" });
  const findings: Finding[] = [];
  for (const { path, value } of listeners) {
    const endpoint = tryEndpoint(value.listen);
    if (endpoint === null) continue;
    const clash = bound.find((other) => endpointsClash(other.endpoint, endpoint));
    if (clash === undefined) bound.push({ endpoint, owner: `${clashOwner(path)}` });
    else {
      const what = `${formatEndpoint(endpoint)} is already taken by ${clash.owner}: write another address or port`;
      findings.push({ path: [...path, 'listen'], what });
    }
  }
  const pools = children({ path: [], value: asMapping(root) }, 'pools');
  const seats = pools.flatMap((pool) => children(pool, 'vms'));
  const targets = [...listeners.flatMap((listener) => [listener, ...children(listener, 'routes')]), ...seats];
  return [...findings, ...targets.flatMap((each) => checkLoop(each, bound))];
}

function clashOwner(path: ConfigPath): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : step))
    .join('.')
    .replaceAll('.[', '[');
}

/** A listener whose target is a listener of the same Torpor would connect to itself until the descriptors run out. */
function checkLoop(listener: Placed<Mapping>, bound: ReadonlyArray<{ endpoint: Endpoint; owner: string }>): Finding[] {
  const target = tryEndpoint(listener.value.target);
  if (target === null) return [];
  const own = bound.find(({ endpoint }) => leadsTo(target, endpoint));
  if (own === undefined) return [];
  const what = `${formatEndpoint(target)} is Torpor itself (${own.owner}): write the address of the VM`;
  return [{ path: [...listener.path, 'target'], what }];
}

function leadsTo(target: Endpoint, endpoint: Endpoint): boolean {
  const datagrams = { target: udpAddressOf(target), endpoint: udpAddressOf(endpoint) };
  if (datagrams.target !== null && datagrams.endpoint !== null) return leadsTo(datagrams.target, datagrams.endpoint);
  if (isNamedEndpoint(target)) return endpoint.host === target.host;
  if (endpoint.port !== target.port || endpoint.port === 0) return false;
  const wildcard = endpoint.host === '0.0.0.0' || endpoint.host === '::';
  return endpoint.host === target.host || (wildcard && isLoopbackHost(target.host));
}

/** One BMC is one chassis: the sleep of one platform would be the sleep of both. */
function findSharedBmcs(platforms: ReadonlyArray<Placed<Mapping>>): Finding[] {
  const seen = new Map<string, ConfigPath>();
  return platforms.flatMap(({ path, value }) => {
    const { driver, host, port, tls } = asMapping(asMapping(value.power).bmc);
    if (typeof host !== 'string') return [];
    const usualPort = driver === 'redfish' ? (tls === 'none' ? 80 : 443) : 623;
    const address = `${host.toLowerCase()}:${port ?? usualPort}`;
    const first = seen.get(address);
    if (first === undefined) {
      seen.set(address, path);
      return [];
    }
    const what = `${address} is the BMC of ${clashOwner(first)} already, and a BMC has one platform: write its own`;
    return [{ path: [...path, 'power', 'bmc', 'host'], what }];
  });
}

/** Only IPMI BMCs have a log that can be written to. */
function checkSel({ path, value }: Placed<Mapping>): Finding[] {
  const sel = asMapping(value.sel);
  if (sel.transitions !== true && sel.clients !== true) return [];
  if (asMapping(asMapping(value.power).bmc).driver === 'ipmi') return [];
  const what = 'no BMC that speaks IPMI is there to write into: write power.bmc with driver: ipmi, or leave sel out';
  return [{ path: [...path, 'sel'], what }];
}

function checkHold(platform: Placed<Mapping>): Finding[] {
  const hold = asMapping(platform.value.hold);
  const perStream = trySizeBytes(hold.perStream ?? '1MiB');
  const perPlatform = trySizeBytes(hold.perPlatform ?? '64MiB');
  const perSource = trySizeBytes(hold.perSource);
  if (perSource !== null && perPlatform !== null && perSource > perPlatform) {
    const what = 'one source may hold more than the whole platform: write less, or a larger perPlatform';
    return [{ path: [...platform.path, 'hold', 'perSource'], what }];
  }
  if (perStream === null || perPlatform === null || perStream <= perPlatform) return [];
  const what = 'one stream may hold more than the whole platform: write a perPlatform of at least perStream';
  return [{ path: [...platform.path, 'hold', hold.perPlatform === undefined ? 'perStream' : 'perPlatform'], what }];
}

function checkWatts(platform: Placed<Mapping>): Finding[] {
  const watts = asMapping(asMapping(platform.value.power).watts);
  const path = [...platform.path, 'power', 'watts'];
  const known = ['inrush', 'busy', 'idle', 'asleep'].filter((key) => typeof watts[key] === 'number');
  return known.slice(1).flatMap((key, index) => {
    const above = known[index] as string;
    const wrong =
      key === 'asleep' ? Number(watts[key]) >= Number(watts[above]) : Number(watts[key]) > Number(watts[above]);
    if (!wrong) return [];
    return [
      { path: [...path, key], what: `${watts[key]} is not below ${above} (${watts[above]}): write what was measured` },
    ];
  });
}

const PROBE_KEYS: Readonly<Record<string, readonly string[]>> = {
  send: ['exchange'],
  expect: ['banner', 'exchange'],
  command: ['command'],
};

function checkProbe(listener: Placed<Mapping>): Finding[] {
  const probe = typeof listener.value.probe === 'string' ? { kind: listener.value.probe } : listener.value.probe;
  if (!isMapping(probe)) return [];
  const path = [...listener.path, 'probe'];
  const findings: Finding[] = [];
  if (probe.kind === 'command' && isUnset(probe.command)) {
    const what = 'a command probe needs its command: write probe: { kind: command, command: "ssh alice true" }';
    findings.push({ path, what });
  }
  for (const [key, kinds] of Object.entries(PROBE_KEYS)) {
    if (isUnset(probe[key]) || typeof probe.kind !== 'string' || kinds.includes(probe.kind)) continue;
    const what = `\`${key}\` means nothing to a ${JSON.stringify(probe.kind)} probe: write kind: ${kinds.join(' or ')}, or leave it out`;
    findings.push({ path: [...path, key], what });
  }
  return findings;
}

function deviceOf(value: unknown): Device {
  return DEVICES.find((device) => device === value) ?? 'desktop';
}

function checkPerSource({ path, value }: Placed<Mapping>): Finding[] {
  const { maxPerSource, maxStreams } = value;
  if (typeof maxPerSource !== 'number' || typeof maxStreams !== 'number' || maxPerSource <= maxStreams) return [];
  const what = 'one source may have more streams than all together: write less, or a larger maxStreams';
  return [{ path: [...path, 'maxPerSource'], what }];
}

/** Where every byte counts no byte is a keepalive. */
function checkKeepalives({ path, value }: Placed<Mapping>): Finding[] {
  const { onKeepalive = 'hold', activity = DEVICE_KINDS[deviceOf(value.device)].activity } = value;
  if ((onKeepalive !== 'wake' && onKeepalive !== 'close') || activity === 'learned') return [];
  const what = `where every client byte counts a keepalive wakes like a key: write activity: learned, or leave it out`;
  return [{ path: [...path, 'onKeepalive'], what }];
}

function isProbeless(listener: Mapping): boolean {
  const { probe, device, target } = listener;
  if (probe === undefined) {
    if (isUdp(target)) return true;
    return defaultProbeKind(deviceOf(device), tryEndpoint(target)?.port ?? 0) === 'none';
  }
  return probe === 'none' || asMapping(probe).kind === 'none';
}

function listenersOf(platform: Placed<Mapping>): Array<Placed<Mapping>> {
  return children(platform, 'vms').flatMap((vm) => children(vm, 'listeners'));
}

function tryEndpoint(value: unknown): Endpoint | null {
  return attempt(() => (typeof value === 'string' ? parseListen(value) : null));
}

function trySizeBytes(value: unknown): number | null {
  return attempt(() => (typeof value === 'string' ? parseSizeBytes(value) : null));
}

function attempt<T>(read: () => T | null): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
