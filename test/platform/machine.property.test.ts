// Random sequences over the whole table: whatever comes, in whatever order, the promises hold after every step.
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { findBlockers } from '../../src/platform/idle-policy.ts';
import type { InhibitorKind, KeptOrders } from '../../src/platform/inhibitor.ts';
import { isCalm, nextDeadlineMs, step } from '../../src/platform/machine.ts';
import type { Effect, PlatformEvent, PlatformModel, PlatformPolicy } from '../../src/platform/model.ts';
import type { AcpiState, Intent, LostVms } from '../../src/platform/ports.ts';
import type { PeerFacts } from '../../src/platform/share.ts';
import { STATE_NAMES, type StateName } from '../../src/platform/status.ts';
import { MachineChecker } from './machine-checker.ts';
import { FOLLOWING, MachineRig, OWNING, POLICY, peer, type RigOptions, START_MS, WATTS } from './machine-rig.ts';

const SEED = Number(process.env.TORPOR_SEED ?? Date.now() % 2 ** 31);
console.log(`machine.property: seed ${SEED} (TORPOR_SEED repeats it, TORPOR_RUNS runs more)`);
const PARAMETERS = { seed: SEED, numRuns: Number(process.env.TORPOR_RUNS ?? 100) };

const seen = { presses: 0, wakeRequests: 0, states: new Set<StateName>(), calm: 0 };

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
}

/** Where `isCalm` says so, activity and a pool do nothing that time alone would not, and only what comes last of each kind is remembered. */
function checkCalm(model: PlatformModel, nowMs: number): void {
  const pool = 1 + (nowMs % 3);
  if (!isCalm(model, pool)) return;
  // What time alone moves is moved by whatever is told first.
  const [rested, moved] = step(model, { kind: 'tick' }, nowMs);
  if (moved.length > 0 || rested.state !== model.state) return;
  seen.calm += 1;
  const say = (events: readonly PlatformEvent[]) => {
    let [now, effects]: [PlatformModel, readonly Effect[]] = [model, []];
    for (const event of events) {
      const [next, more] = step(now, event, nowMs);
      [now, effects] = [next, [...effects, ...more]];
    }
    return JSON.stringify([now, effects]);
  };
  const latest: PlatformEvent[] = [
    { kind: 'activity', vm: 'alice', why: 'latest' },
    { kind: 'pool', size: pool },
  ];
  const each: PlatformEvent[] = [
    { kind: 'pool', size: 7 },
    { kind: 'activity', vm: 'alice', why: 'earlier' },
    { kind: 'pool', size: 2 },
    ...latest,
  ];
  if (say(each) !== say(latest)) throw new Error('calm: what is told together differs from what is told one by one');
  const [, effects] = step(model, latest[0] as PlatformEvent, nowMs);
  if (effects.length > 0) throw new Error(`calm: activity has effects: ${JSON.stringify(effects)}`);
}

/** A rig whose every step is checked: total, pure, deterministic, and true to its promises. */
class CheckedRig extends MachineRig {
  readonly checker: MachineChecker;

  constructor(options: RigOptions) {
    super(options);
    deepFreeze(this.model);
    this.checker = new MachineChecker(this.model);
  }

  override send(event: PlatformEvent): Effect[] {
    const before = this.model;
    const effects = super.send(deepFreeze(event));
    deepFreeze(this.model);
    const again = step(before, event, this.nowMs);
    if (JSON.stringify(again) !== JSON.stringify([this.model, effects]))
      throw new Error(`${event.kind}: not deterministic`);
    checkCalm(before, this.nowMs);
    this.checker.watch(event, this.model, effects, this.nowMs);
    const dueMs = nextDeadlineMs(this.model);
    if (dueMs !== null && dueMs <= this.nowMs)
      throw new Error(`the next deadline ${dueMs} is not later than ${this.nowMs}`);
    return effects;
  }
}

// ------------------------------------------------------------------------------------------------ what may happen

type Action = (rig: MachineRig) => void;

/** An action with a name that a failure prints. */
function act(name: string, run: Action): Action {
  return Object.assign((rig: MachineRig) => run(rig), { [fc.toStringMethod]: () => name });
}

/** The event that the machine waits for, if it waits for one: good news or bad. */
function proceed(rig: MachineRig, good: boolean): void {
  switch (rig.phase) {
    case 'preparing':
      rig.journalled(good ? null : 'disk full');
      return;
    case 'hooks':
      rig.saved(good ? null : 'backup is running');
      return;
    case 'asking':
      rig.asked(good ? null : 'ssh hangs');
      return;
    case 'draining':
      rig.drained(good);
      return;
    case 'agreeing':
      rig.agreed(good);
      return;
    case 'following':
      if (rig.model.joint?.role !== 'follower') return;
      if (rig.model.joint.stage === 'asked') rig.drained(good);
      else if (good) rig.committed(rig.model.joint.proposal, rig.model.joint.by);
      else rig.calledOff(rig.model.joint.proposal);
      return;
    case 'journalling':
      rig.journalled(good ? null : 'disk full');
      return;
    case 'requested':
      rig.wakeAnswered(good ? 'accepted' : 'refused');
      return;
    case 'restoring':
      rig.restored(good ? [] : 'all', good ? null : 'exit code 1');
      return;
    default:
      if (rig.state === 'suspending') rig.sleepAnswered(good ? 'accepted' : 'unknown');
  }
}

/** Runs or sleeps, seen by honest witnesses, through a guard's whole time if it must be. */
function look(rig: MachineRig, runs: boolean, durationMs: number): void {
  const endMs = rig.nowMs + durationMs;
  do {
    if (runs) rig.runFor(0);
    else rig.sleepFor(0);
    rig.wait(Math.min(1_900, endMs - rig.nowMs + 1));
  } while (rig.nowMs < endMs);
}

/** The whole way to a press, as far as the policy lets it go. */
const TO_SUSPENDING = act('to suspending', (rig) => {
  rig.send({ kind: 'release' });
  for (const { kind, name } of rig.model.inhibitors) rig.lift(name, kind);
  rig.pool(0);
  if (rig.model.peers !== null) rig.peers({ owner: rig.model.peers.self, uncertain: null, others: [] });
  rig.proof(true);
  look(rig, true, 0);
  for (let i = 0; i < 40 && rig.state !== 'suspending'; i += 1) {
    look(rig, true, 4_000);
    for (let phase = 0; phase < 6; phase += 1) if (rig.state === 'saving' || rig.state === 'waking') proceed(rig, true);
  }
});

/** Where it is not alone: changes what is known of the others. */
function ofPeers(name: string, change: Partial<PeerFacts>): Action {
  return act(name, (rig) => void (rig.model.peers !== null && rig.peers(change)));
}

const PEERS_DISTURBANCES: readonly Action[] = [
  ofPeers('a client elsewhere', { others: [peer('torpor-c', { active: 1 })] }),
  ofPeers('a reason elsewhere', { others: [peer('torpor-c', { keeps: 'a backup' })] }),
  ofPeers('another owner', { owner: 'torpor-b' }),
  ofPeers('no owner', { owner: null }),
  ofPeers('doubt', { uncertain: 'the store does not answer' }),
];

/** The whole way as a follower, as far as its own reasons let it go. */
const TO_FOLLOWED = act('to followed', (rig) => {
  rig.pool(0);
  look(rig, true, 0);
  rig.proposed(rig.nowMs);
  for (let phase = 0; phase < 2; phase += 1) if (rig.phase === 'following') proceed(rig, true);
});

const TO_ASLEEP = act('to asleep', (rig) => {
  TO_SUSPENDING(rig);
  look(rig, false, 16_000);
});

/** What may come between two answers on the way to a press. */
const DISTURBANCES: readonly Action[] = [
  act('a client', (rig) => rig.pool(1)),
  act('an inhibitor', (rig) => rig.inhibit()),
  act('maintenance', (rig) => rig.maintenance(true)),
  act('a check that says busy', (rig) => rig.inhibit(null, 'backup', 'check')),
  act('an unproven wake path', (rig) => rig.proof(false)),
  act('a lost BMC', (rig) => rig.bmcLost()),
  act('a BMC that says S3', (rig) => rig.wait(1).power('S3', false, 10)),
  act('11 s without a word', (rig) => rig.wait(11_000)),
  act('activity', (rig) => rig.activity()),
  act('an overdue keepalive', (rig) => rig.keepalive()),
  act('a journal answer of before', (rig) => rig.journalled(null, rig.model.intent.id - 1)),
];

/** Those that stand until somebody takes them away. */
const LASTING = DISTURBANCES.slice(0, 5);

const SAVING_PHASES = ['preparing', 'hooks', 'asking', 'draining', 'agreeing', 'journalling'] as const;

interface Disturbance {
  readonly phase: (typeof SAVING_PHASES)[number];
  readonly what: Action;
}

/** The platform runs and every answer is good, but the guards are as they are, and something may come between. True if it did. */
function march(rig: MachineRig, disturbance: Disturbance | null): boolean {
  let left = disturbance;
  for (let i = 0; i < 20 && rig.state !== 'suspending'; i += 1) {
    look(rig, true, 4_000);
    for (let phase = 0; phase < 6 && rig.state === 'saving'; phase += 1) {
      if (left?.phase === rig.phase) {
        left.what(rig);
        left = null;
      }
      proceed(rig, true);
    }
  }
  return disturbance !== null && left === null;
}

const marching = fc
  .option(fc.record({ phase: fc.constantFrom(...SAVING_PHASES), what: fc.constantFrom(...DISTURBANCES) }))
  .map((disturbance) => {
    const name = disturbance === null ? 'undisturbed' : `in ${disturbance.phase} ${fc.stringify(disturbance.what)}`;
    return act(`march, ${name}`, (rig) => void march(rig, disturbance));
  });

/** Anything another Torpor may say, also of long ago and of what never was. */
function hearPeer(rig: MachineRig, what: string, lag: number, by: string): void {
  const proposal = (rig.model.joint?.role === 'follower' ? rig.model.joint.proposal : 100) - lag;
  switch (what) {
    case 'proposed':
      rig.proposed(rig.nowMs + lag, undefined, by);
      return;
    case 'forced':
      rig.proposed(rig.nowMs + lag, true, by);
      return;
    case 'committed':
      rig.committed(proposal, by);
      return;
    case 'called off':
      rig.calledOff(proposal);
      return;
    case 'peer wake':
      rig.peerWake(by);
      return;
    default:
      rig.agreed(what === 'agreed', rig.model.progress.sequence - lag);
  }
}

const waitMs = fc.constantFrom(
  0,
  1,
  20,
  500,
  1_000,
  1_999,
  2_000,
  3_000,
  9_999,
  10_001,
  30_000,
  60_000,
  600_000,
  3_600_000,
);
const vm = fc.constantFrom('alice', 'bob');
const watts = fc.constantFrom(null, 0, 74, 75, 115, 116, 180);
const by = fc.constantFrom<InhibitorKind>('operator', 'schedule', 'check', 'host');
const acpi = fc.constantFrom<AcpiState | null>('S0', 'S0', 'S3', 'S5', 'S4', null);
const outcome = fc.constantFrom('accepted' as const, 'refused' as const, 'unknown' as const);
const sequenceLag = fc.nat({ max: 3 });

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(waitMs, fc.boolean())
      .map(([ms, ticks]) => act(`wait ${ms} ticks=${ticks}`, (rig) => (ticks ? rig.tickFor(ms) : rig.wait(ms).tick()))),
  },
  {
    weight: 9,
    arbitrary: fc
      .constantFrom(0, 500, 3_000, 5_000, 60_000)
      .map((ms) => act(`runs ${ms}`, (rig) => look(rig, true, ms))),
  },
  {
    weight: 5,
    arbitrary: fc
      .constantFrom(0, 500, 2_000, 3_000, 16_000)
      .map((ms) => act(`sleeps ${ms}`, (rig) => look(rig, false, ms))),
  },
  { weight: 12, arbitrary: fc.constant(act('proceed', (rig) => proceed(rig, true))) },
  { weight: 1, arbitrary: fc.constant(act('setback', (rig) => proceed(rig, false))) },
  { weight: 5, arbitrary: fc.constant(TO_SUSPENDING) },
  { weight: 3, arbitrary: fc.constant(TO_ASLEEP) },
  { weight: 8, arbitrary: marching },
  {
    weight: 5,
    arbitrary: fc.constantFrom(
      ...PEERS_DISTURBANCES,
      ofPeers('it owns', { owner: 'torpor-a', uncertain: null, others: [] }),
    ),
  },
  { weight: 4, arbitrary: fc.constant(TO_FOLLOWED) },
  {
    weight: 6,
    arbitrary: fc
      .tuple(
        fc.constantFrom('proposed', 'forced', 'committed', 'called off', 'peer wake', 'agreed', 'not agreed'),
        fc.nat({ max: 2 }),
        fc.constantFrom('torpor-b', 'torpor-b', 'torpor-c', 'torpor-a'),
      )
      .map(([what, lag, from]) => act(`${what} -${lag} by ${from}`, (rig) => hearPeer(rig, what, lag, from))),
  },
  { weight: 4, arbitrary: vm.map((name) => act(`activity ${name}`, (rig) => rig.activity(name))) },
  { weight: 2, arbitrary: vm.map((name) => act(`keepalive ${name}`, (rig) => rig.keepalive(name))) },
  { weight: 2, arbitrary: fc.constantFrom(0, 0, 1, 3).map((size) => act(`pool ${size}`, (rig) => rig.pool(size))) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(by, fc.constantFrom('night', 'day'), fc.option(waitMs))
      .map(([kind, name, ms]) =>
        act(`inhibit ${kind} ${name} ${ms}`, (rig) => rig.inhibit(ms === null ? null : rig.nowMs + ms, name, kind)),
      ),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(by, fc.constantFrom('night', 'day'))
      .map(([kind, name]) => act(`lift ${kind} ${name}`, (rig) => rig.lift(name, kind))),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(true, false, false).map((on) => act(`maintenance ${on}`, (rig) => rig.maintenance(on))),
  },
  {
    weight: 1,
    arbitrary: waitMs.map((ms) => act(`scheduled wake for ${ms}`, (rig) => rig.scheduledWake(ms))),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(sequenceLag, fc.option(fc.constant('ssh hangs')))
      .map(([lag, problem]) =>
        act(`asked -${lag} ${problem}`, (rig) => rig.asked(problem, rig.model.progress.sequence - lag)),
      ),
  },
  { weight: 2, arbitrary: fc.constant(act('release', (rig) => rig.send({ kind: 'release' }))) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(acpi, fc.option(fc.boolean()), watts, fc.nat({ max: 12_000 }))
      .map(([state, bit, drawn, ageMs]) =>
        act(`power ${state} ${bit} ${drawn} W ${ageMs} ms old`, (rig) => {
          const acpiSource = state === null ? null : ('sensor' as const);
          rig.send({
            kind: 'power',
            reading: { atMs: rig.nowMs - ageMs, acpi: state, acpiSource, powerBit: bit, watts: drawn },
          });
        }),
      ),
  },
  { weight: 1, arbitrary: fc.constant(act('bmcLost', (rig) => rig.bmcLost())) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(vm, fc.boolean(), fc.constantFrom(0, 0, 1, 900, 5_000))
      .map(([name, answered, agoMs]) =>
        act(`probe ${name} ${answered} asked ${agoMs} ago`, (rig) =>
          rig.send({ kind: 'probe', vm: name, answered, askedAtMs: rig.nowMs - agoMs }),
        ),
      ),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(true, true, true, false)
      .map((proven) => act(`proof ${proven}`, (rig) => rig.proof(proven))),
  },
  {
    weight: 1,
    arbitrary: fc.constant(act('operatorWake', (rig) => rig.send({ kind: 'operatorWake', why: 'operator' }))),
  },
  {
    weight: 2,
    arbitrary: fc.constant(act('wakeTurn', (rig) => rig.send({ kind: 'wakeTurn' }))),
  },
  {
    weight: 1,
    arbitrary: fc
      .boolean()
      .map((force) => act(`operatorSleep force=${force}`, (rig) => rig.send({ kind: 'operatorSleep', force }))),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(sequenceLag, fc.option(fc.constant('veto')))
      .map(([lag, veto]) => act(`contextSaved -${lag}`, (rig) => rig.saved(veto, rig.model.progress.sequence - lag))),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(sequenceLag, fc.boolean())
      .map(([lag, good]) =>
        act(`drained -${lag} ${good}`, (rig) => rig.drained(good, rig.model.progress.sequence - lag)),
      ),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(sequenceLag, fc.option(fc.constant('disk full')))
      .map(([lag, problem]) =>
        act(`journalled -${lag} ${problem}`, (rig) => rig.journalled(problem, rig.model.intent.id - lag)),
      ),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(sequenceLag, fc.oneof(outcome, fc.constant('unsent' as const)))
      .map(([lag, how]) =>
        act(`sleepAnswered -${lag} ${how}`, (rig) => rig.sleepAnswered(how, rig.model.intent.id - lag)),
      ),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(sequenceLag, outcome)
      .map(([lag, how]) =>
        act(`wakeAnswered -${lag} ${how}`, (rig) => rig.wakeAnswered(how, rig.model.progress.sequence - lag)),
      ),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(
        sequenceLag,
        fc.constantFrom<LostVms>([], 'all', ['alice'], ['bob', 'alice']),
        fc.option(fc.constant('exit code 1')),
      )
      .map(([lag, lostVms, problem]) =>
        act(`contextRestored -${lag} ${lostVms} ${problem}`, (rig) =>
          rig.restored(lostVms, problem, rig.model.progress.sequence - lag),
        ),
      ),
  },
);

const saving = fc.constantFrom(
  { savesContext: false, savesVms: false },
  { savesContext: true, savesVms: false },
  { savesContext: true, savesVms: true },
);

const policy: fc.Arbitrary<Partial<PlatformPolicy>> = fc
  .record({
    saving,
    sleep: fc.constantFrom('S3' as const, 'S3' as const, 'S5' as const),
    witness: fc.constantFrom(
      'sensor' as const,
      'sensor' as const,
      'power-bit' as const,
      'none' as const,
      'watts' as const,
    ),
    watts: fc.constantFrom(null, WATTS, WATTS),
    minAwakeMs: fc.constantFrom(0, 50_000),
    drowsyForMs: fc.constantFrom(0, 1_000, 30_000),
    suspendTimeoutMs: fc.constantFrom(5_000, 40_000),
    wakeTimeoutMs: fc.constantFrom(5_000, 60_000),
    clientWaitMs: fc.constantFrom(180_000, 600_000),
    turnWaitMs: fc.constantFrom(null, null, 90_000),
    maxSuspendsPerHour: fc.constantFrom(null, null, 1, 3),
    asksTimeoutMs: fc.constantFrom(0, 0, 15_000),
    wakeMethods: fc.constantFrom(['chassis-on'], ['chassis-on', 'wake-on-lan']),
    probedVms: fc.constantFrom(['alice', 'bob'], ['alice', 'bob'], ['alice'], []),
  })
  .map(({ saving: saves, ...rest }) => ({ ...rest, ...saves }));

const intent: fc.Arbitrary<Intent | null> = fc.option(
  fc.record({
    id: fc.nat({ max: 9 }),
    kind: fc.constantFrom('run' as const, 'sleep' as const, 'wake' as const),
    atMs: fc.constantFrom(START_MS - 3_600_000, START_MS - 1_000),
    failedWakes: fc.constantFrom(0, 0, 0, 1, 5),
  }),
);

/** Orders of a life before this one: an inhibitor that ends or does not, maintenance, a press of half an hour ago. */
const orders: fc.Arbitrary<KeptOrders | null> = fc.option(
  fc
    .record({
      untilMs: fc.constantFrom(null, START_MS + 60_000, START_MS - 1),
      inhibited: fc.boolean(),
      inMaintenance: fc.constantFrom(false, false, true),
      pressed: fc.boolean(),
    })
    .map(({ untilMs, inhibited, inMaintenance, pressed }) => ({
      inhibitors: inhibited
        ? [{ kind: 'operator' as const, name: 'night', why: 'kept', sinceMs: START_MS - 1_000, untilMs }]
        : [],
      maintenance: inMaintenance ? { why: 'kept', sinceMs: START_MS - 1_000 } : null,
      pressesAtMs: pressed ? [START_MS - 1_800_000] : [],
    })),
  { freq: 1 },
);

const options: fc.Arbitrary<RigOptions> = fc.record({
  policy,
  armed: fc.constantFrom(true, true, true, true, false),
  intent,
  orders,
  peers: fc.constantFrom(null, null, OWNING, FOLLOWING),
});

const begin = act('begin', (rig) => {
  rig.proof(true);
  look(rig, true, 0);
});
/** Awake with an active client: every walk that begins so passes where activity may be told later, whatever comes then. */
const beginInUse = act('begin in use', (rig) => {
  begin(rig);
  rig.pool(1);
  look(rig, true, 5_000);
});
const walk = fc
  .tuple(fc.constantFrom([], [begin], [beginInUse]), fc.array(action, { minLength: 1, maxLength: 40, size: 'max' }))
  .map(([begins, actions]) => [...begins, ...actions]);

/** Walks, every step checked; the rig is where the walk led it. */
function walkOn(rigOptions: RigOptions, actions: readonly Action[]): CheckedRig {
  const rig = new CheckedRig(rigOptions);
  for (const run of actions) run(rig);
  seen.presses += rig.checker.counts.presses;
  seen.wakeRequests += rig.checker.counts.wakeRequests;
  for (const state of rig.checker.counts.states) seen.states.add(state);
  return rig;
}

/** The next moment at which evidence grows too old, or a silence long enough: these are the witnesses' times, not deadlines. */
function nextEvidenceMs(rig: MachineRig): number {
  const { power, probes, state, sinceMs } = rig.model;
  const moments = power === null ? [] : [power.atMs + 10_001];
  // Silence counts from the suspend's own begin.
  if (state === 'suspending') moments.push(sinceMs + 2_000);
  for (const { lastResultAtMs, silentSinceMs } of Object.values(probes)) {
    moments.push(lastResultAtMs + 10_001);
    if (silentSinceMs !== null) moments.push(silentSinceMs + 2_000, silentSinceMs + 15_000);
  }
  return Math.min(Number.POSITIVE_INFINITY, ...moments.filter((moment) => moment > rig.nowMs));
}

// ------------------------------------------------------------------------------------------------ properties

/** All bounds of one way through the table, added up: no wait of the machine may be longer. */
function waitBoundMs({ policy: p }: { policy: PlatformPolicy }): number {
  const suspendMs = p.drowsyForMs + 5_000 + 2 * p.saveTimeoutMs + p.asksTimeoutMs + 10_000 + p.suspendTimeoutMs;
  const wakeMs = p.wakeMethods.length * p.wakeTimeoutMs + p.saveTimeoutMs + p.wakeTimeoutMs;
  const agreeMs = 20_000 + 30_000 + 10_000 + 10_000;
  return 20_000 + suspendMs + agreeMs + 2 * wakeMs;
}

describe('machine: any events in any order', () => {
  afterAll(() => {
    console.log(
      `machine.property: ${seen.presses} presses, ${seen.wakeRequests} requests to wake in all walks, ${seen.calm} calm steps`,
    );
  });

  it('machine: random walks -> guards, journal, holds, arrows, bounds and purity hold after every step', () => {
    fc.assert(
      fc.property(options, walk, (rigOptions, actions) => void walkOn(rigOptions, actions)),
      PARAMETERS,
    );
    expect([...seen.states].sort()).toEqual([...STATE_NAMES].sort());
    expect(seen.presses).toBeGreaterThan(10);
    expect(seen.calm).toBeGreaterThan(100);
    expect(seen.wakeRequests).toBeGreaterThan(10);
  });

  it.each(
    SAVING_PHASES.flatMap((phase) =>
      [...DISTURBANCES, ...PEERS_DISTURBANCES].map((what) => [fc.stringify(what), phase, what] as const),
    ),
  )(
    'machine: on the way to a press comes %s in phase %s -> the guards hold at the press, if there is one',
    (_name, phase, what) => {
      for (const saves of [{ savesContext: false }, { savesContext: true }, { savesContext: true, savesVms: true }]) {
        for (const witness of ['sensor', 'power-bit', 'none'] as const) {
          for (const peers of [null, OWNING]) {
            const rig = new CheckedRig({ peers, policy: { ...saves, witness, minAwakeMs: 0, asksTimeoutMs: 15_000 } });
            begin(rig);
            const came = march(rig, { phase, what });
            const isLasting = LASTING.includes(what) || (peers !== null && PEERS_DISTURBANCES.includes(what));
            if (came && isLasting) expect(rig.checker.counts.presses).toBe(0);
          }
        }
      }
    },
  );

  it('machine: nothing but ticks from anywhere on -> awake, asleep or failed in bounded time, then quiet', () => {
    fc.assert(
      fc.property(options, walk, (rigOptions, actions) => {
        const rig = walkOn(rigOptions, actions);
        const fromMs = rig.nowMs;
        let settledAtMs: number | null = null;
        for (let steps = 0; steps < 3_000; steps += 1) {
          if (settledAtMs === null && ['awake', 'asleep', 'failed'].includes(rig.state)) settledAtMs = rig.nowMs;
          const dueMs = nextDeadlineMs(rig.model);
          if (dueMs === null) break;
          rig.nowMs = dueMs;
          rig.tick();
        }
        expect(nextDeadlineMs(rig.model)).toBe(null);
        expect(settledAtMs).not.toBe(null);
        expect((settledAtMs as number) - fromMs).toBeLessThanOrEqual(waitBoundMs(rig.model));
      }),
      PARAMETERS,
    );
  });

  it('machine: a tick before the next deadline and before any evidence changes its weight -> nothing: none was left out', () => {
    fc.assert(
      fc.property(options, walk, fc.double({ min: 0, max: 1, noNaN: true }), (rigOptions, actions, part) => {
        const rig = walkOn(rigOptions, actions);
        rig.tick();
        const lastMs = Math.min(nextDeadlineMs(rig.model) ?? rig.nowMs + 86_400_000, nextEvidenceMs(rig)) - 1;
        rig.nowMs += Math.floor((lastMs - rig.nowMs) * part);
        const { state } = rig.model;
        expect(rig.tick()).toEqual([]);
        expect(rig.state).toBe(state);
      }),
      PARAMETERS,
    );
  });

  it('machine: activity, an operator or an overdue keepalive while suspending or asleep, time and honest witnesses go on -> a wake, or awake', () => {
    let tried = 0;
    const host = fc.record({
      sleepsAfterMs: fc.option(fc.constantFrom(0, 1_000, 2_900, 8_000, 30_000)),
      by: fc.constantFrom('operator', 'activity', 'keepalive'),
    });
    fc.assert(
      fc.property(options, walk, host, (rigOptions, actions, { sleepsAfterMs, by }) => {
        const rig = walkOn(rigOptions, [...actions, ...(actions.length % 2 === 0 ? [] : [TO_SUSPENDING])]);
        if (!['suspending', 'asleep'].includes(rig.state) || !rig.model.armed || rig.model.maintenance) return;
        // Nothing could tell a sleep: it refuses another Torpor's suspend, and here was made to follow one all the same.
        if (findBlockers(rig.model, rig.nowMs).some(({ kind }) => kind === 'probe')) return;
        tried += 1;
        const wasAsleep = rig.state === 'asleep';
        const fromMs = rig.nowMs;
        rig.forget();
        if (by === 'operator') rig.send({ kind: 'operatorWake', why: 'operator' });
        else if (by === 'activity') rig.activity('alice');
        else rig.keepalive('alice');
        // Where wakes are staggered it is always its turn: nothing else may keep it.
        const grant = () => {
          if (rig.model.wakeTurn?.isGranted === false) rig.send({ kind: 'wakeTurn' });
        };
        grant();
        // One step may lead through awake and on: the way counts, not where it ends.
        const isWoken = () =>
          rig.all('requestWake').length > 0 || rig.all('transition').some(({ to }) => to === 'awake');
        const sleepsFromMs = wasAsleep ? fromMs : fromMs + (sleepsAfterMs ?? Number.POSITIVE_INFINITY);
        while (!isWoken() && rig.nowMs < fromMs + 300_000) {
          rig.wait(250);
          look(rig, rig.nowMs < sleepsFromMs, 0);
          grant();
          if (rig.phase === 'restoring') rig.restored();
        }
        expect(isWoken()).toBe(true);
        // Where hooks silence the VMs and no witness of power speaks, only a wake's own bound shows that none comes back.
        const { savesContext, wakeTimeoutMs } = rig.model.policy;
        const suspendBoundMs = Math.max(POLICY.suspendTimeoutMs, 30_000) + 22_000 + (savesContext ? wakeTimeoutMs : 0);
        expect(rig.nowMs - fromMs).toBeLessThanOrEqual(wasAsleep ? 0 : suspendBoundMs);
      }),
      PARAMETERS,
    );
    expect(tried).toBeGreaterThan(10);
  });
});
