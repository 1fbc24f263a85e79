// The shapes of the API's answers as schemas: what the OpenAPI document says of them. The compiler compares them with the types that
// the farm really answers, both ways.
import { z } from 'zod';
import type { CheckStatus, InhibitorStatus } from '../platform/inhibitor.ts';
import type { StreamStatus } from '../platform/ports.ts';
import { REFUSAL_REASONS } from '../platform/refusal.ts';
import {
  type Blocker,
  type Explanation,
  type FarmEvent,
  type FarmInstance,
  type FarmStream,
  type LinkStatus,
  type PlatformReport,
  type PlatformStatus,
  STATE_NAMES,
} from '../platform/status.ts';

const atMs = z.number().meta({ description: 'milliseconds since the Unix epoch, on a scale that never jumps' });
const durationMs = z.number().min(0).meta({ description: 'milliseconds' });
const count = z.number().int().min(0);
const stateName = z.enum(STATE_NAMES).meta({ id: 'StateName' });
const mode = z.enum(['observe', 'armed']);
const inhibitorKind = z.enum(['operator', 'schedule', 'check', 'watts', 'host', 'watchdog', 'policy', 'torpor']);

const blocker = z
  .strictObject({ kind: z.string(), why: z.string(), untilMs: atMs.nullable() })
  .meta({ id: 'Blocker', description: 'one reason why a platform stays awake; untilMs null: it ends by an act' });

const inhibitorStatus = z
  .strictObject({ kind: inhibitorKind, name: z.string(), why: z.string(), sinceMs: atMs, untilMs: atMs.nullable() })
  .meta({ id: 'Inhibitor' });

const checkStatus = z
  .strictObject({
    kind: inhibitorKind,
    name: z.string(),
    outcome: z.enum(['free', 'busy', 'warning', 'error', 'pending']),
    why: z.string(),
    atMs,
    blocks: z.boolean(),
  })
  .meta({ id: 'Check' });

const peersStatus = z
  .strictObject({
    self: z.string(),
    uncertain: z.string().nullable().meta({ description: 'why it is not sure what the others do' }),
    others: z.array(
      z.strictObject({
        instance: z.string(),
        active: count,
        newestDeadlineMs: atMs.nullable(),
        keeps: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: 'Peers' });

const refusedClients = z
  .partialRecord(z.enum(REFUSAL_REASONS), count)
  .meta({ description: 'clients that were not served since Torpor started, by why' });

const platformInstance = z
  .strictObject({
    instance: z.string(),
    version: z.string(),
    carried: z
      .strictObject({
        pool: count,
        streams: count,
        heldBytes: count,
        heldStoredBytes: count,
        bytesFromClients: count,
        bytesToClients: count,
        refusedClients,
      })
      .nullable()
      .meta({ description: 'null: it did not answer when it was asked' }),
  })
  .meta({ id: 'PlatformInstance' });

export const farmInstance = z
  .strictObject({
    name: z.string(),
    version: z.string(),
    self: z.boolean().meta({ description: 'it is the Torpor that answers' }),
    silentMs: durationMs.meta({ description: 'since its last beat, milliseconds' }),
    answered: z.boolean().nullable().meta({ description: 'null: it was not asked yet' }),
    streams: count.nullable().meta({ description: 'open ones; null: not known' }),
  })
  .meta({ id: 'Instance' });

export const platformStatus = z
  .strictObject({
    name: z.string(),
    state: stateName,
    sinceMs: atMs,
    why: z.string(),
    mode,
    pool: count.meta({ description: 'streams that are active now' }),
    streams: count.meta({ description: 'streams that are open' }),
    heldBytes: count,
    heldStoredBytes: count,
    workers: z.strictObject({ wanted: count, running: count }),
    bmcReachable: z.boolean(),
    wakeProven: z.boolean(),
    wakeProofWhy: z.string(),
    maintenance: z.boolean(),
    maintenanceWhy: z.string(),
    evidence: z.string(),
    evidenceIsWeak: z.boolean(),
    watts: z.number().nullable(),
    bytesFromClients: count,
    bytesToClients: count,
    refusedClients,
    bmcErrors: count,
    inhibitors: z.array(inhibitorStatus),
    checks: z.array(checkStatus),
    blockers: z.array(blocker),
    suspends: count,
    wakes: count,
    adoptedWakes: count,
    failures: count,
    drained: z.boolean().meta({ description: 'no pool places anybody new there' }),
    wakeTurn: z
      .strictObject({ circuit: z.string(), sinceMs: atMs, ahead: count, why: z.string() })
      .nullable()
      .meta({ description: 'a wake that waits for its turn on its circuit' }),
    owner: z
      .string()
      .nullable()
      .meta({ description: 'the Torpor that alone may put it to sleep, where there are several' }),
    peers: peersStatus.nullable().meta({ description: 'null where this Torpor is alone' }),
    instances: z
      .array(platformInstance)
      .nullable()
      .meta({ description: 'what each Torpor of the farm carries of it, this one first; null where it is alone' }),
  })
  .meta({ id: 'Platform', description: 'pool, streams, bytes and refusals: clients of the Torpor that answers' });

export const streamStatus = z
  .strictObject({
    id: z.string(),
    platform: z.string(),
    vm: z.string(),
    listener: z.string(),
    client: z.string(),
    target: z.string(),
    protocol: z.enum(['auto', 'rdp', 'rfb', 'ssh', 'spice', 'telnet', 'http', 'websocket', 'raw']),
    device: z.enum(['desktop', 'terminal', 'printer', 'disk', 'serial', 'web']),
    speaks: z.string().meta({ description: 'what its first bytes told' }),
    verdict: z.string().meta({ description: "why its client's last bytes counted, or did not" }),
    mode: z.enum(['connecting', 'flowing', 'holding', 'delivering', 'closed']),
    active: z.boolean(),
    openedAtMs: atMs,
    lastActiveAtMs: atMs,
    lastActiveWhy: z.string(),
    idleAtMs: atMs.nullable(),
    bytesFromClient: count,
    bytesToClient: count,
    heldBytes: count,
    heldStoredBytes: count,
  })
  .meta({ id: 'Stream' });

export const farmStream = streamStatus
  .extend({
    instance: z.string().nullable().meta({ description: 'the Torpor that carries it; null where there is only one' }),
  })
  .meta({ id: 'FarmStream', description: 'ids are unique within one Torpor' });

export const linkStatus = z
  .strictObject({
    edge: z.string().meta({ description: 'as its certificate names it' }),
    connected: z.boolean(),
    sinceMs: atMs.meta({ description: 'since when it is connected, or is not' }),
    from: z.string().nullable(),
    streams: count,
    bytesFromEdge: count.meta({ description: 'before compression, since Torpor started' }),
    wireBytesFromEdge: count.meta({ description: 'the same as it came over the link' }),
    bytesToEdge: count,
    wireBytesToEdge: count,
    breaks: count,
    resumes: count.meta({ description: 'breaks after which its streams went on' }),
    roundTripMs: durationMs.nullable(),
  })
  .meta({ id: 'Link' });

export const explanation = z
  .strictObject({
    platform: z.string(),
    state: stateName,
    summary: z.string(),
    blockers: z.array(blocker),
    checks: z.array(checkStatus),
    activeStreams: z.array(z.strictObject({ stream: streamStatus, sinceMs: atMs, why: z.string(), idleAtMs: atMs })),
    quietStreams: z.array(streamStatus),
    moreQuietStreams: count,
  })
  .meta({ id: 'Explanation' });

const sleepSum = z.strictObject({ totalMs: durationMs, suspends: count, wakes: count }).meta({ id: 'SleepSum' });

export const platformReport = z
  .strictObject({
    platform: z.string(),
    mode,
    sinceMs: atMs,
    slept: sleepSum,
    wouldHaveSlept: sleepSum,
    keptAwakeBy: z.array(
      z.strictObject({ client: z.string(), vm: z.string(), activeMs: durationMs, aloneMs: durationMs, entries: count }),
    ),
    othersActiveMs: durationMs,
  })
  .meta({ id: 'Report' });

export const farmEvent = z
  .strictObject({
    id: count,
    atMs,
    platform: z.string(),
    kind: z.string(),
    message: z.string(),
    facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  })
  .meta({ id: 'Event' });

export const problem = z
  .looseObject({
    type: z.string().meta({ description: 'urn:torpor:error:CODE' }),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    code: z.string(),
  })
  .meta({
    id: 'Problem',
    description: 'RFC 9457; a refusal for active clients carries activeStreams, one of a guard blockers',
  });

export const health = z.strictObject({ status: z.literal('ok'), version: z.string() }).meta({ id: 'Health' });
export const readiness = z
  .strictObject({ status: z.enum(['ready', 'starting']), starting: z.array(z.string()) })
  .meta({ id: 'Readiness', description: 'starting: names, for callers who may look' });
export const session = z
  .strictObject({ name: z.string().nullable(), role: z.enum(['view', 'operate']), tokens: z.boolean() })
  .meta({ id: 'Session', description: 'tokens false: this Torpor asks for none' });

// ---------------------------------------------------------------------------------------------- as the types have it

type Plain<T> =
  T extends ReadonlyArray<infer E> ? Plain<E>[] : T extends object ? { -readonly [K in keyof T]: Plain<T[K]> } : T;
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
export type IsAs<Schema extends z.ZodType, T> = Same<Plain<z.output<Schema>>, Plain<T>>;

/** Does not compile where a schema and its type differ. */
export const ANSWERS_ARE_AS_TYPED: [
  IsAs<typeof platformStatus, PlatformStatus>,
  IsAs<typeof streamStatus, StreamStatus>,
  IsAs<typeof farmStream, FarmStream>,
  IsAs<typeof farmInstance, FarmInstance>,
  IsAs<typeof linkStatus, LinkStatus>,
  IsAs<typeof explanation, Explanation>,
  IsAs<typeof platformReport, PlatformReport>,
  IsAs<typeof farmEvent, FarmEvent>,
  IsAs<typeof blocker, Blocker>,
  IsAs<typeof inhibitorStatus, InhibitorStatus>,
  IsAs<typeof checkStatus, CheckStatus>,
] = [true, true, true, true, true, true, true, true, true, true, true];
