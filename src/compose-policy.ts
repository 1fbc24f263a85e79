// Part of the composition root: the idle policy of a platform, its memory on disk, and the watch that runs it.
import { CalendarWatch } from './calendars/calendar-watch.ts';
import { expandInProcess } from './calendars/expand-in-process.ts';
import type { CalendarConfig } from './config/calendars-schema.ts';
import type { PlatformConfig } from './config/torpor-config.ts';
import type { PlatformController } from './controller/platform-controller.ts';
import type { EventLog } from './history/event-log.ts';
import { PolicyMemoryFile } from './history/policy-memory-file.ts';
import { IdlePolicyWatch } from './inhibitors/idle-policy-watch.ts';
import type { InhibitorWatch, Logger, StreamStatus } from './platform/ports.ts';
import type { FarmEvent } from './platform/status.ts';
import { BusyCalendar, EVERYBODY } from './policy/busy-times.ts';
import { idleLagMs } from './policy/cost-model.ts';
import { createPolicy, DEFAULT_IDLE_MS } from './policy/create-policy.ts';
import { LearnedPolicy } from './policy/learned-policy.ts';
import { systemClock } from './system-clock.ts';
import { zoneOffset } from './zone-offset.ts';

export interface RunningPolicy {
  readonly watches: readonly InhibitorWatch[];
  /** What it had learned when it stopped; undefined of one that does not learn. */
  readonly learned: () => unknown;
  /** Resolves when what was learned is on disk. After the controller's stop. */
  stop(): Promise<void>;
}

/** What a policy goes on from that takes the place of another one while Torpor runs. */
export interface FormerPolicy {
  /** Newer than what was on disk when its successor was prepared; undefined: nothing is. */
  readonly learned: unknown;
  readonly streams: readonly StreamStatus[];
}

/** Everything that may fail is done; the policy begins with its controller. */
export type PreparedPolicy = (controller: PlatformController, former?: FormerPolicy) => RunningPolicy;

export const NO_POLICY: PreparedPolicy = () => ({ watches: [], learned: () => undefined, stop: async () => {} });

export interface PolicyBuild {
  readonly events: EventLog;
  readonly stateDir: string;
  readonly log: Logger;
}

/** Nothing where the policy is `fixed`: then the streams' idle timeouts decide, as ever. */
export async function prepareIdlePolicy(platform: PlatformConfig, build: PolicyBuild): Promise<PreparedPolicy> {
  const { idlePolicy: name, idleCosts: costs } = platform;
  if (name === 'fixed') return NO_POLICY;
  const { events, stateDir, log } = build;
  const seed = seedOf(platform.name);
  const busy = new BusyCalendar();
  const choice = { name, idleMs: DEFAULT_IDLE_MS, label: name };
  const make = () => createPolicy(choice, { costs, offset: zoneOffset(), seed, busy });
  const prepared = make();
  const memory = prepared instanceof LearnedPolicy ? await PolicyMemoryFile.open(stateDir, platform.name, log) : null;
  if (
    prepared instanceof LearnedPolicy &&
    memory?.kept !== undefined &&
    !prepared.restore(memory.kept, systemClock.nowMs())
  ) {
    log.warn({ platform: platform.name }, 'what was learned is of another version, or damaged: it is learned anew');
  }
  return (controller, former) => {
    const policy = former?.learned === undefined ? prepared : make();
    if (policy !== prepared && policy instanceof LearnedPolicy) policy.restore(former?.learned);
    let learned: unknown;
    const watch = new IdlePolicyWatch({
      policy,
      snapshot: policy instanceof LearnedPolicy ? () => policy.snapshot(systemClock.nowMs()) : null,
      memory: {
        remember: (snapshot) => {
          learned = snapshot;
          memory?.remember(snapshot);
        },
      },
      lagMs: idleLagMs(costs),
      changeMs: costs.suspendMs + costs.resumeMs,
      drowsyForMs: platform.drowsyForMs,
      clock: systemClock,
      isAsleep: () => ['saving', 'suspending', 'asleep'].includes(controller.model.state),
      onEvent: (event) => controller.dispatch(event),
    });
    watch.takeOver(policy instanceof LearnedPolicy ? policy.people() : [], former?.streams ?? []);
    const unsubscribe = events.subscribe((event) => {
      if (event.platform === platform.name) watch.note(event);
      else noteElsewhere(watch, event);
    });
    const calendars = platform.calendars.map((config, index) =>
      watchCalendar(config, `${platform.name} calendars[${index}]`, busy, () => watch.reconsider(), log),
    );
    for (const calendar of calendars) calendar.start();
    const stop = async () => {
      unsubscribe();
      await Promise.all(calendars.map((calendar) => calendar.stop()));
      await memory?.settled();
    };
    return { watches: [watch], learned: () => learned, stop };
  };
}

/** Whoever connects to another platform has a machine that is on, and may come here next. */
function noteElsewhere(watch: IdlePolicyWatch, { kind, facts, atMs }: FarmEvent): void {
  if (kind === 'stream-open') watch.noteOpening(String(facts.client).replace(/:\d+$/, ''), atMs);
}

function watchCalendar(
  { place, client, everyMs }: CalendarConfig,
  name: string,
  busy: BusyCalendar,
  onChange: () => void,
  log: Logger,
): CalendarWatch {
  return new CalendarWatch({
    name,
    place,
    isEverybodys: client === null,
    everyMs,
    expand: expandInProcess,
    clock: systemClock,
    log,
    onTimes: (times) => {
      busy.replace(
        name,
        times.map((time) => ({ ...time, client: client ?? EVERYBODY })),
      );
      onChange();
    },
  });
}

/** FNV-1a: different platforms draw differently, the same one the same after a restart. */
function seedOf(name: string): number {
  let hash = 0x811c9dc5;
  for (const character of name) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
  return hash >>> 0;
}
