// The configuration as Torpor uses it: typed, complete, units in names. Reading and checking YAML is left to load-config.ts.

import type { DatagramRule } from '../platform/datagram-rule.ts';
import type { DeferRule } from '../platform/defer-rule.ts';
import type { Endpoint } from '../platform/endpoint.ts';
import type { IpNetwork } from '../platform/ip-network.ts';
import type { PoolRule } from '../platform/placement.ts';
import type { ActivityRule, Device, KeepaliveRule, Protocol } from '../platform/ports.ts';
import type { StreamPolicy } from '../platform/stream-policy.ts';
import type { Circuit } from '../platform/wake-order.ts';
import type { WebSocketRule } from '../platform/web-socket-rule.ts';
import type { CostModel } from '../policy/cost-model.ts';
import type { PolicyName } from '../policy/policy.ts';
import type { CalendarConfig } from './calendars-schema.ts';
import type { CircuitPlace } from './circuits-schema.ts';
import type { ContextConfig, IdentityConfig } from './context-config.ts';
import type { FarmConfig } from './farm-schema.ts';
import type { InhibitorsConfig } from './inhibitors-config.ts';
import type { IntegrationsConfig } from './integrations-config.ts';
import type { LinkConfig, LinkedService } from './link-schema.ts';
import type { PoolConfig } from './pools-schema.ts';
import type { PowerConfig } from './power-config.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Everything one Torpor needs to know. Every default is filled in; `null` is "not set", never "default". */
export interface TorporConfig {
  readonly api: ApiConfig;
  /** Absolute folder of the journal. Made by its user if it is missing. */
  readonly stateDir: string;
  /** Processes that carry the streams; 1: the main process itself. */
  readonly workers: number;
  /** Streams at all listeners together. */
  readonly maxStreams: number;
  readonly log: { readonly level: LogLevel };
  readonly record: RecordConfig;
  /** What is remembered across restarts; null: nothing. */
  readonly history: HistoryConfig | null;
  readonly energy: EnergyConfig;
  readonly integrations: IntegrationsConfig;
  /** The gate of a compressed link; null: there is none. */
  readonly link: LinkConfig | null;
  /** This Torpor among others that share the platforms; null: it is alone. */
  readonly farm: FarmConfig | null;
  /** What feeds several platforms; none: wakes are not staggered. */
  readonly circuits: readonly Circuit[];
  readonly pools: readonly PoolConfig[];
  readonly platforms: readonly PlatformConfig[];
}

/** The HTTP API and the dashboard. */
export interface ApiConfig {
  /** Loopback, unless there are tokens. */
  readonly listen: Endpoint;
  /** Absolute path of the file of tokens; null: no token is asked for. */
  readonly tokensFile: string | null;
  /** Absolute paths of PEM files; null: plain HTTP. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
}

/** Where the streams of listeners with `record: true` are written, and how much of them. */
export interface RecordConfig {
  /** Absolute. */
  readonly folder: string;
  readonly maxFiles: number;
  readonly maxFileBytes: number;
}

/** Bounds of the history. What exceeds them is deleted, oldest first. */
export interface HistoryConfig {
  readonly keepMs: number;
  readonly maxBytes: number;
  /** Between two samples of each platform's state and watts. */
  readonly sampleEveryMs: number;
}

/** What a kilowatt-hour is worth here, and what Torpor's own machine draws. */
export interface EnergyConfig {
  /** Per kWh, in `currency` (ISO 4217). */
  readonly price: number;
  readonly currency: string;
  readonly co2eKgPerKwh: number;
  readonly ownWatts: number;
  /** IANA name of the zone whose days are told of. */
  readonly timeZone: string;
}

export interface PlatformConfig {
  /** Unique among platforms: lower-case letters, digits, hyphens. */
  readonly name: string;
  readonly mode: 'observe' | 'armed';
  /** From a stream's last activity until it leaves the pool, where its listener does not say otherwise. */
  readonly idleTimeoutMs: number;
  /** When to sleep, and when to wake ahead, while nobody is active. `fixed`: the streams' idle timeouts alone decide. */
  readonly idlePolicy: PolicyName;
  /** What the other policies weigh. */
  readonly idleCosts: CostModel;
  readonly calendars: readonly CalendarConfig[];
  /** From a stream's close until it leaves the pool. */
  readonly disconnectGraceMs: number;
  /** Abort window between "all idle" and the request to sleep. */
  readonly drowsyForMs: number;
  /** A platform that woke stays awake at least that long. */
  readonly minAwakeMs: number;
  /** A client waits at most that long for a platform that does not wake, and is let go then; null: the default, which follows `wakeTimeout`. */
  readonly clientWaitMs: number | null;
  /** What feeds it, and its place there; null: it wakes at once. */
  readonly circuit: CircuitPlace | null;
  readonly hold: HoldConfig;
  readonly hooks: HooksConfig;
  readonly context: ContextConfig;
  readonly power: PowerConfig;
  readonly sel: SelConfig;
  readonly inhibitors: InhibitorsConfig;
  readonly vms: readonly VmConfig[];
}

/** Bounds of what is kept for a sleeping platform, in bytes as they are kept: after compression. */
export interface HoldConfig {
  readonly perStreamBytes: number;
  readonly perPlatformBytes: number;
  /** Of one source of clients: an IPv4 address, an IPv6 /64. */
  readonly perSourceBytes: number;
}

/** What is written into the BMC's own log (SEL). */
export interface SelConfig {
  readonly transitions: boolean;
  /** Each client's entry into the active pool, and its exit. */
  readonly clients: boolean;
  /** Records at most within any hour. */
  readonly perHour: number;
}

/** Commands for `/bin/sh -c`; null where there is none. */
export interface HooksConfig {
  readonly beforeSuspend: string | null;
  readonly afterWake: string | null;
  /** For each of them; what runs longer is ended. */
  readonly timeoutMs: number;
}

export interface VmConfig {
  /** Unique within its platform. */
  readonly name: string;
  /** What changes when the VM's memory was lost, such as its boot id. */
  readonly identity: IdentityConfig | null;
  readonly listeners: readonly ListenerConfig[];
}

export interface ListenerConfig {
  /** Port 0: any free port. */
  readonly listen: Endpoint;
  /** Of a Unix socket's file; left out: the default. */
  readonly socketMode?: number;
  readonly target: Endpoint;
  readonly protocol: Protocol;
  readonly device: Device;
  /** What a new connection must bring to count, and so to wake a sleeper. */
  readonly wakeOn: 'connect' | 'preface' | 'input';
  /** Networks whose clients are served; null: everybody. */
  readonly allowFrom: readonly IpNetwork[] | null;
  /** Wakes that new connections of one source may cause within a time; null: without bound. */
  readonly wakeRate: { readonly count: number; readonly perMs: number } | null;
  /** serve: clients of a sleeper are greeted with the banner that the real server was last seen to send. */
  readonly banner: 'none' | 'serve';
  /** Which requests to a sleeper are answered in its place: none, pages that a browser opens, or any that only reads. */
  readonly waitingPage: 'off' | 'browsers' | 'all';
  /** From a stream's last activity until it leaves the pool. */
  readonly idleTimeoutMs: number;
  /** What of the client's bytes counts as activity. */
  readonly activity: ActivityRule;
  /** The switches for what bytes alone cannot tell. */
  readonly policy: StreamPolicy;
  /** Its streams are recorded as traces. */
  readonly record: boolean;
  /** What becomes of a sleeper's keepalives that were held for `keepaliveWaitMs`. */
  readonly onKeepalive: KeepaliveRule;
  /** What comes for a sleeper waits on disk, bounded so; null: it is held, and wakes it. */
  readonly defer: DeferRule | null;
  /** Of one that listens for datagrams (`udp:`), and only of such. */
  readonly udp?: DatagramRule;
  readonly keepaliveWaitMs: number;
  readonly probe: ProbeConfig;
  /** Whose PROXY headers are believed (null: none is read), and what the target is sent (null: none). */
  readonly proxyProtocol: { readonly acceptFrom: readonly IpNetwork[] | null; readonly send: 'v1' | 'v2' | null };
  /** Its clients come by WebSocket; null: they bring the stream's bytes as they are. */
  readonly webSocket: WebSocketRule | null;
  /** Its port is shared by several VMs: what becomes of clients that ask for no name that is known; null: it is not. */
  readonly door: { readonly key: string; readonly otherwise: 'serve' | 'refuse'; readonly pool?: PoolRule } | null;
  /** It is a route of another listener, whose `listen` it has, and is reached by these names; null: its port is its own. */
  readonly routed: {
    readonly door: string;
    readonly hosts: readonly string[];
    readonly rdp: readonly string[];
    /** Or it is a seat of this pool, and its clients are placed. */
    readonly pool?: string;
  } | null;
  /** What edges of the link call it; null: it is none of the link's. */
  readonly link: LinkedService | null;
  /** Of one source (an IPv4 address, an IPv6 /64) at once; null: as many as maxStreams, or 5000 without it. */
  readonly maxPerSource: number | null;
  /** Streams this listener keeps open at once; null: the bound of the streams' owner. */
  readonly maxStreams: number | null;
}

export type ProbeKind = 'tcp' | 'banner' | 'exchange' | 'icmp' | 'command' | 'none';

/** How to ask the VM behind a listener whether it runs. Null fields: the probe's own default. */
export interface ProbeConfig {
  readonly kind: ProbeKind;
  /** exchange: what is sent after the connect, escapes already resolved by YAML. */
  readonly send: string | null;
  /** banner, exchange: text that must be part of the answer. */
  readonly expect: string | null;
  /** command: for `/bin/sh -c`; exit code 0 is an answer. Set for this kind, and only for it. */
  readonly command: string | null;
  /** One question's own bound. */
  readonly timeoutMs: number;
}
