// Several Torpors at one platform: each row of the table that only exists where this one is not alone.
import { describe, expect, it } from 'vitest';
import { findBindingReason, findBlockers } from '../../src/platform/idle-policy.ts';
import { carryOver } from '../../src/platform/machine/carry-over.ts';
import { nextDeadlineMs } from '../../src/platform/machine.ts';
import { transitionReason } from '../../src/platform/transition-reason.ts';
import { FOLLOWING, MachineRig, OWNING, POLICY, peer, type RigOptions } from './machine-rig.ts';

const owner = (options: RigOptions = {}) => new MachineRig({ peers: OWNING, ...options });
const follower = (options: RigOptions = {}) => new MachineRig({ peers: FOLLOWING, ...options });
const blockersOf = (rig: MachineRig) =>
  findBlockers(rig.model, rig.nowMs).filter(({ kind }) => ['agreement', 'owner', 'peers'].includes(kind));

/** A press is not expected to have its effect any more. */
/** Still fresh, and longer than silence has to be. */
const SILENCE_BEFORE_MS = 9_000;
const LONG_AFTER_MS = 600_000;

describe('peers: blockers', () => {
  it('alone -> none of them, and no effect of theirs on the whole way', () => {
    const rig = new MachineRig().toAsleep();
    rig.activity();
    expect(blockersOf(rig)).toEqual([]);
    expect(rig.kinds.filter((kind) => /Agreement|Proposal|wantWake/.test(kind))).toEqual([]);
    expect(rig.model).toMatchObject({ peers: null, joint: null, wakeShared: false });
  });

  it('alone, and something of a farm is told -> nothing', () => {
    const rig = new MachineRig().toAwake().forget();
    rig.proposed();
    rig.committed();
    rig.calledOff();
    rig.peerWake();
    rig.agreed();
    expect(rig.effects).toEqual([]);
    expect(rig.state).toBe('awake');
  });

  it('not sure of the others -> agreement, whoever owns it', () => {
    const rig = owner().toAwake();
    rig.peers({ uncertain: 'the store does not answer' });
    expect(blockersOf(rig)).toEqual([
      { kind: 'agreement', why: 'not sure of the other Torpors: the store does not answer', untilMs: null },
    ]);
  });

  it.each([
    ['torpor-b', 'torpor-b owns it'],
    [null, 'no Torpor owns it now'],
  ])('owned by %s -> %s', (name, why) => {
    const rig = owner().toAwake();
    rig.peers({ owner: name });
    expect(blockersOf(rig)).toEqual([{ kind: 'owner', why, untilMs: null }]);
  });

  it('active clients and a reason elsewhere -> each by its Torpor’s name; a deadline that is over is none', () => {
    const rig = owner().toAwake();
    const untilMs = rig.nowMs + 240_000;
    const others = [
      peer('torpor-b', { active: 3, newestDeadlineMs: untilMs }),
      peer('torpor-c', { active: 1, newestDeadlineMs: rig.nowMs, keeps: 'a backup' }),
    ];
    rig.peers({ others });
    expect(blockersOf(rig)).toEqual([
      { kind: 'peers', why: '3 active clients at torpor-b', untilMs },
      { kind: 'peers', why: '1 active client at torpor-c', untilMs: null },
      { kind: 'peers', why: 'kept awake at torpor-c: a backup', untilMs: null },
    ]);
  });

  it('forced by an operator -> active clients elsewhere are skipped, a reason, doubt and another owner are not', () => {
    const rig = owner().toAwake();
    rig.peers({
      owner: 'torpor-b',
      uncertain: 'a lease is not over',
      others: [peer('torpor-b', { active: 3, keeps: 'x' })],
    });
    const forced = { ...rig.model, sleepAsked: { force: true } };
    expect(findBlockers(forced, rig.nowMs).map(({ why }) => why)).toEqual([
      'not sure of the other Torpors: a lease is not over',
      'torpor-b owns it',
      'kept awake at torpor-b: x',
    ]);
  });

  it('what binds the others: an inhibitor, maintenance, a back-off; not an unreadable BMC, another owner or minAwake', () => {
    const rig = owner().toAwake();
    rig.peers({ owner: 'torpor-b', uncertain: 'x' });
    rig.bmcLost();
    rig.pool(2);
    expect(findBindingReason(rig.model, rig.nowMs)).toBe(null);
    rig.inhibit(null, 'backup', 'check');
    expect(findBindingReason(rig.model, rig.nowMs)).toBe('inhibited by check backup: backup runs');
    rig.lift('backup', 'check');
    rig.maintenance(true);
    expect(findBindingReason(rig.model, rig.nowMs)).toBe('in maintenance: a new fan');
    const failed = owner().toFailedSuspend();
    expect(findBindingReason(failed.model, failed.nowMs)).toContain('the last suspend failed');
  });
});

describe('peers: the owner', () => {
  it('not the owner -> never drowsy, however long it is idle', () => {
    const rig = follower().toAwake().runFor(200_000);
    expect(rig.state).toBe('awake');
    expect(rig.all('transition').map(({ to }) => to)).toEqual(['awake']);
  });

  it('drained -> asks the others, presses only when they agreed and its intent is on disk', () => {
    const rig = owner().toAgreeing();
    expect([rig.state, rig.phase, rig.model.held]).toEqual(['saving', 'agreeing', true]);
    expect(rig.all('seekAgreement')).toEqual([
      { kind: 'seekAgreement', sequence: rig.model.progress.sequence, forced: false },
    ]);
    expect(rig.all('requestSleep')).toEqual([]);
    expect(rig.model.intent.kind).toBe('run');
    rig.agreed();
    expect(rig.phase).toBe('journalling');
    rig.journalled();
    expect(rig.state).toBe('suspending');
    expect(rig.all('requestSleep')).toHaveLength(1);
    expect(rig.all('endProposal')).toEqual([]);
  });

  it('an answer to an earlier question -> not taken', () => {
    const rig = owner().toAgreeing();
    rig.agreed(true, rig.model.progress.sequence - 1);
    expect(rig.phase).toBe('agreeing');
  });

  it('VMs are saved -> asked after the hooks, as with all else that comes last', () => {
    const rig = owner({ policy: { savesContext: true, savesVms: true } }).toAgreeing();
    expect(rig.phase).toBe('agreeing');
    rig.agreed(false);
    expect([rig.state, rig.phase]).toEqual(['waking', 'restoring']);
    expect(rig.all('endProposal')).toEqual([]);
    rig.restored();
    rig.answers();
    expect(rig.all('endProposal')).toHaveLength(1);
  });

  it('forced -> said to the others', () => {
    const rig = owner().toAwake();
    rig.pool(1);
    rig.peers({ others: [peer('torpor-b', { active: 1 })] });
    rig.send({ kind: 'operatorSleep', force: true });
    rig.answers();
    rig.saved();
    rig.drained();
    expect(rig.all('seekAgreement')).toEqual([expect.objectContaining({ forced: true })]);
  });

  const CALL_OFFS: ReadonlyArray<[string, (rig: MachineRig) => void]> = [
    ['they do not agree', (rig) => rig.agreed(false)],
    ['no answer in time', (rig) => rig.tickFor(20_000)],
    ['a client', (rig) => rig.pool(1)],
    ['activity', (rig) => rig.activity()],
    ['an inhibitor', (rig) => rig.inhibit()],
    ['it is not the owner any more', (rig) => rig.peers({ owner: 'torpor-b' })],
    ['it is not sure of the others any more', (rig) => rig.peers({ uncertain: 'the store does not answer' })],
    ['a client elsewhere', (rig) => rig.peers({ others: [peer('torpor-c', { active: 1 })] })],
    ['a wake that another one wants', (rig) => rig.peerWake()],
    ['an operator', (rig) => rig.send({ kind: 'operatorWake', why: 'operator' })],
  ];
  it.each(CALL_OFFS)('agreeing, then %s -> awake, streams flow, the proposal ends once, no press', (_name, happen) => {
    const rig = owner().toAgreeing();
    happen(rig);
    rig.agreed();
    rig.tickFor(30_000);
    expect([rig.state, rig.model.held, rig.model.joint]).toEqual(['awake', false, null]);
    expect(rig.all('endProposal')).toHaveLength(1);
    expect(rig.all('requestSleep')).toEqual([]);
  });

  it.each(CALL_OFFS.slice(2))('agreed and %s before the intent is on disk -> no press, ended once', (_name, happen) => {
    const rig = owner().toJournalling();
    happen(rig);
    rig.journalled();
    expect(rig.state).toBe('awake');
    expect(rig.all('endProposal')).toHaveLength(1);
    expect(rig.all('requestSleep')).toEqual([]);
  });

  it.each([
    ['a refused press', (rig: MachineRig) => rig.sleepAnswered('refused')],
    ['a suspend that came to nothing', (rig: MachineRig) => rig.tickFor(POLICY.suspendTimeoutMs)],
    [
      'an ignored button',
      (rig: MachineRig) => {
        rig.activity();
        rig.wait(100).runFor(4_000);
      },
    ],
  ])('%s -> ended once', (_name, happen) => {
    const rig = owner().toSuspending();
    happen(rig);
    expect(rig.all('endProposal')).toHaveLength(1);
    rig.runFor(4_000);
    expect(rig.all('endProposal')).toHaveLength(1);
  });

  it('asleep, woken, awake again -> the proposal stands until then', () => {
    const rig = owner().toRestoring();
    expect(rig.all('endProposal')).toEqual([]);
    rig.restored();
    expect(rig.state).toBe('awake');
    expect(rig.all('endProposal')).toEqual([{ kind: 'endProposal', why: expect.any(String) }]);
  });

  it('a wake that failed -> the proposal stands: nobody’s streams flow to a sleeper', () => {
    const rig = owner().toFailedWake();
    expect(rig.state).toBe('failed');
    expect(rig.all('endProposal')).toEqual([]);
  });

  it('another one leads while its own still stands -> its own ends', () => {
    const rig = owner().toAsleep();
    rig.peers({ owner: 'torpor-b' });
    rig.proposed(7);
    expect(rig.all('endProposal')).toHaveLength(1);
    expect(rig.model.joint).toMatchObject({ role: 'follower', proposal: 7 });
  });
});

describe('peers: the follower', () => {
  it('nobody active -> holds, drains, says so; the word comes -> waits for the evidence without a press', () => {
    const rig = follower().toAwake().forget();
    rig.proposed(4);
    expect(rig.kinds).toEqual(['transition', 'holdStreams', 'drainSendQueues']);
    expect([rig.state, rig.phase]).toEqual(['saving', 'following']);
    rig.drained();
    expect(rig.all('answerProposal')).toEqual([
      { kind: 'answerProposal', proposal: 4, held: true, why: expect.any(String) },
    ]);
    rig.forget();
    rig.committed(4);
    expect([rig.state, rig.model.intent.kind]).toEqual(['suspending', 'sleep']);
    rig.wait(1_000).sleepFor(2_000);
    expect([rig.state, rig.model.maintenance]).toEqual(['asleep', false]);
    expect(rig.kinds).not.toContain('requestSleep');
    expect(rig.kinds).not.toContain('releaseStreams');
    // The sleep is counted by who pressed, the press against the bound here, too.
    expect(rig.model.suspends).toBe(0);
    expect(rig.model.pressesAtMs).toHaveLength(1);
  });

  it('a client comes while it sleeps -> woken from here at once, and the others are told once', () => {
    const rig = follower().toFollowing();
    rig.committed();
    rig.wait(1_000).sleepFor(2_000).forget();
    rig.activity();
    expect(rig.kinds).toEqual(['transition', 'journal', 'requestWake', 'wantWake']);
    rig.tickFor(30_000);
    expect(rig.all('requestWake').length).toBeGreaterThan(1);
    expect(rig.all('wantWake')).toEqual([{ kind: 'wantWake', why: 'client bytes' }]);
  });

  it('a client comes, and the VM goes on answering -> the button was ignored from 18 s on, a moment at which the machine is told', () => {
    const rig = follower().toFollowing();
    rig.committed();
    const fromMs = rig.nowMs;
    rig.runFor(10_000);
    rig.activity();
    expect(nextDeadlineMs(rig.model)).toBe(fromMs + 18_000);
    rig.runFor(7_000);
    expect([rig.state, nextDeadlineMs(rig.model)]).toEqual(['suspending', fromMs + 18_000]);
    rig.nowMs = fromMs + 18_000;
    rig.tick();
    expect(rig.state).toBe('awake');
    expect(rig.model.why).toContain('the button was ignored');
  });

  const REASONS: ReadonlyArray<[string, RigOptions, (rig: MachineRig) => void]> = [
    ['an active client', {}, (rig) => rig.pool(1)],
    ['an inhibitor', {}, (rig) => rig.inhibit()],
    ['maintenance', {}, (rig) => rig.maintenance(true)],
    ['observe mode', { armed: false }, () => {}],
    [
      'no witness that could tell a sleep',
      { policy: { probedVms: [], witness: 'none' } },
      (rig) => rig.tickFor(20_000),
    ],
  ];
  it.each(REASONS)('%s -> refused at once, nothing held', (_name, options, before) => {
    const rig = follower(options).toAwake();
    before(rig);
    rig.forget();
    rig.proposed(4);
    expect(rig.effects).toEqual([
      { kind: 'answerProposal', proposal: 4, held: false, why: expect.stringMatching(/./) },
    ]);
    expect([rig.state, rig.model.held]).toEqual(['awake', false]);
  });

  it('its own BMC cannot be read, the wake path is not proven -> no reason against it', () => {
    const rig = follower().toAwake();
    rig.bmcLost();
    rig.proof(false);
    rig.proposed();
    expect(rig.phase).toBe('following');
  });

  it.each<[string, RigOptions, (rig: MachineRig) => MachineRig]>([
    ['starting', {}, (rig) => rig],
    ['suspending', { peers: OWNING }, (rig) => rig.toSuspending()],
    ['waking', { peers: OWNING }, (rig) => rig.toWaking()],
    ['failed', { peers: OWNING }, (rig) => rig.toFailedWake()],
    ['saving', { peers: OWNING }, (rig) => rig.toSaving()],
  ])('proposed while %s -> refused', (state, options, go) => {
    const rig = go(follower(options));
    expect(rig.state).toBe(state);
    rig.forget();
    rig.proposed();
    expect(rig.all('answerProposal')).toEqual([expect.objectContaining({ held: false })]);
    expect(rig.state).toBe(state);
  });

  it('it still believes that it sleeps -> agreed at once, since nothing flows; a client then -> taken back', () => {
    const rig = follower({ peers: OWNING }).toAsleep().forget();
    rig.proposed(4);
    expect(rig.all('answerProposal')).toEqual([expect.objectContaining({ held: true })]);
    rig.activity();
    expect(rig.all('answerProposal').map(({ held }) => held)).toEqual([true, false]);
  });

  const RETRACTIONS: ReadonlyArray<[string, (rig: MachineRig) => void]> = [
    ['activity', (rig) => rig.activity()],
    ['a client', (rig) => rig.pool(1)],
    ['an inhibitor', (rig) => rig.inhibit()],
    ['an operator', (rig) => rig.send({ kind: 'operatorWake', why: 'operator' })],
    ['no word in time', (rig) => rig.tickFor(30_000)],
  ];
  it.each(RETRACTIONS)(
    'held, then %s -> takes its word back, and lets flow when it hears that this came in time',
    (_name, happen) => {
      const rig = follower().toFollowing();
      happen(rig);
      rig.activity();
      expect(rig.all('answerProposal').map(({ held }) => held)).toEqual([true, false]);
      expect([rig.phase, rig.model.held]).toEqual(['following', true]);
      rig.calledOff();
      expect([rig.state, rig.model.held, rig.model.pressed]).toEqual(['awake', false, null]);
      rig.tickFor(60_000);
      expect(rig.all('answerProposal')).toHaveLength(2);
    },
  );

  it.each(RETRACTIONS.slice(0, 2))(
    'held, then %s, and the word had come before -> nothing flowed; it sleeps and is woken',
    (_name, happen) => {
      const rig = follower().toFollowing().forget();
      happen(rig);
      rig.committed();
      rig.wait(1_000).sleepFor(2_000);
      expect(rig.state).toBe('waking');
      expect(rig.kinds).not.toContain('releaseStreams');
      expect(rig.all('requestWake')).toHaveLength(1);
    },
  );

  it('takes its word back and hears nothing at all -> lets flow after its bound', () => {
    const rig = follower().toFollowing();
    rig.activity();
    rig.tickFor(14_999);
    expect(rig.model.held).toBe(true);
    rig.tickFor(1);
    expect([rig.state, rig.model.held]).toEqual(['awake', false]);
    expect(rig.all('answerProposal')).toHaveLength(2);
  });

  it('takes its word back, then another proposal -> the one before is over: awake, and refused for whoever came', () => {
    const rig = follower().toFollowing();
    rig.activity();
    rig.proposed(2);
    expect([rig.state, rig.model.held]).toEqual(['awake', false]);
    expect(rig.all('answerProposal').map(({ proposal, held }) => [proposal, held])).toEqual([
      [1, true],
      [1, false],
      [2, false],
    ]);
  });

  it('not drained yet, then activity -> it gave no word: refuses, and lets flow at once', () => {
    const rig = follower().toAwake();
    rig.proposed();
    rig.activity();
    expect(rig.all('answerProposal').map(({ held }) => held)).toEqual([false]);
    expect([rig.state, rig.model.held]).toEqual(['awake', false]);
  });

  it('its queues do not empty -> refused, streams flow', () => {
    const rig = follower().toAwake();
    rig.proposed();
    rig.drained(false);
    expect(rig.all('answerProposal')).toEqual([
      { kind: 'answerProposal', proposal: 1, held: false, why: '12 bytes are not acknowledged' },
    ]);
    expect([rig.state, rig.model.held]).toEqual(['awake', false]);
  });

  it('called off -> awake, streams flow, and a sleep after that is not taken for this one', () => {
    const rig = follower().toFollowing();
    rig.calledOff(9);
    expect(rig.phase).toBe('following');
    rig.calledOff();
    expect([rig.state, rig.model.held, rig.model.pressed]).toEqual(['awake', false, null]);
    expect(rig.all('answerProposal').map(({ held }) => held)).toEqual([true]);
  });

  it('committed, then called off while it runs -> holds until a VM answers; while nothing answers -> asks for a wake a little later', () => {
    const runs = follower().toFollowing();
    runs.committed();
    runs.runFor(500).calledOff();
    // It may have been pressed, and go down.
    expect([runs.state, runs.model.held]).toEqual(['waking', true]);
    runs.wait(100).powerOn();
    expect(runs.model.held).toBe(true);
    runs.answers('alice');
    runs.restored();
    expect([runs.state, runs.model.held, runs.all('requestWake')]).toEqual(['awake', false, []]);

    const silent = follower().toFollowing();
    silent.committed();
    silent.wait(15_000).calledOff();
    expect(silent.state).toBe('waking');
    expect(silent.all('requestWake')).toEqual([]);
    silent.tickFor(10_000);
    expect(silent.all('requestWake')).toHaveLength(1);
  });

  it('another proposal while it holds for one -> drains anew and answers the new one', () => {
    const rig = follower().toFollowing();
    rig.proposed(2, undefined, 'torpor-c');
    expect(rig.phase).toBe('following');
    rig.drained(true, rig.model.progress.sequence - 1);
    expect(rig.all('answerProposal').map(({ proposal }) => proposal)).toEqual([1]);
    rig.drained();
    expect(rig.all('answerProposal').map(({ proposal, held }) => [proposal, held])).toEqual([
      [1, true],
      [2, true],
    ]);
  });

  it('forced -> active clients are no reason; what they send is held and wakes it after the sleep', () => {
    const rig = follower().toAwake();
    rig.pool(1);
    rig.proposed(1, true);
    rig.drained();
    rig.activity();
    expect(rig.all('answerProposal').map(({ held }) => held)).toEqual([true]);
    rig.committed();
    rig.wait(1_000).sleepFor(2_000);
    expect(rig.state).toBe('waking');
    expect(rig.all('requestWake')).toHaveLength(1);
  });

  it.each<[string, (rig: MachineRig) => MachineRig]>([
    ['awake', (rig) => rig.toAwake()],
    ['drowsy', (rig) => rig.toDrowsy()],
    ['its own way to sleep', (rig) => rig.toAgreeing()],
  ])(
    'a word that it never agreed to, while %s -> holds all the same, ends what is its own, presses nothing',
    (_name, go) => {
      const rig = go(owner()).forget();
      rig.committed(5, 'torpor-b');
      expect([rig.state, rig.model.held]).toEqual(['suspending', true]);
      expect(rig.kinds).not.toContain('requestSleep');
      expect(rig.all('endProposal').length).toBe(_name === 'its own way to sleep' ? 1 : 0);
      expect(rig.model.joint).toMatchObject({ proposal: 5, stage: 'committed' });
    },
  );

  it('a client is active when the word comes -> it sleeps, and is woken for the client', () => {
    const rig = follower().toAwake();
    rig.pool(1);
    rig.committed();
    rig.wait(1_000).sleepFor(2_000);
    expect(rig.state).toBe('waking');
  });

  it('activity between the word and the sleep -> the others hear at once, it is woken as soon as the sleep shows', () => {
    const rig = follower().toFollowing();
    rig.committed();
    rig.forget();
    rig.activity();
    expect(rig.effects).toEqual([{ kind: 'wantWake', why: 'client bytes' }]);
    rig.wait(1_000).sleepFor(2_000);
    expect(rig.all('requestWake')).toHaveLength(1);
    expect(rig.all('wantWake')).toHaveLength(1);
  });

  it.each(['S3', 'S5'] as const)(
    '%s: it goes down before the word came -> the farm’s own sleep, nobody’s maintenance',
    (sleep) => {
      const rig = follower({ policy: { sleep, witness: sleep === 'S5' ? 'power-bit' : 'sensor' } }).toFollowing();
      rig.wait(1_000).sleepFor(3_000);
      expect([rig.state, rig.model.maintenance, rig.model.held]).toEqual(['asleep', false, true]);
      rig.activity();
      expect(rig.state).toBe('waking');
    },
  );

  it('no word within its bound, then it sleeps after all -> late, the farm’s own: the next client wakes it', () => {
    const rig = follower({ policy: { sleep: 'S5', witness: 'power-bit' } }).toFollowing();
    rig.tickFor(45_000);
    expect(rig.state).toBe('awake');
    rig.wait(60_000).sleepFor(3_000);
    expect([rig.state, rig.model.maintenance]).toEqual(['asleep', false]);
  });

  it('S5, found off at the start while the farm’s suspend stands -> its clients wake it; without one -> maintenance', () => {
    const off = { policy: { sleep: 'S5' as const, witness: 'power-bit' as const } };
    const alone = follower(off);
    alone.wait(1_000).sleepFor(3_000);
    expect([alone.state, alone.model.maintenance]).toEqual(['asleep', true]);
    // It may hear of it late, too.
    alone.committed();
    expect([alone.model.maintenance, alone.model.intent.kind]).toEqual([false, 'sleep']);

    const told = follower(off);
    told.committed();
    told.wait(1_000).sleepFor(3_000);
    expect([told.state, told.model.maintenance]).toEqual(['asleep', false]);
    told.activity();
    expect(told.state).toBe('waking');
  });

  it('S5, the word came while it was waking, and it goes down long after -> still the farm’s own sleep: its clients wake it', () => {
    const rig = follower({ policy: { sleep: 'S5', witness: 'power-bit' } }).toWaking();
    rig.committed(7);
    rig.wait(3_000).powerOn();
    rig.answers('alice');
    rig.restored();
    expect(rig.state).toBe('awake');
    rig.wait(LONG_AFTER_MS).sleepFor(3_000);
    rig.activity();
    expect([rig.state, rig.model.maintenance]).toEqual(['waking', false]);
  });

  it('its VM was silent when it was last asked, and answers the first question of the suspend -> not woken by someone else: it has not slept yet', () => {
    const rig = follower().toAwake();
    rig.allSilent();
    rig.wait(SILENCE_BEFORE_MS).powerOn();
    rig.proposed();
    rig.drained();
    rig.committed();
    rig.tick();
    rig.wait(200).powerOn();
    rig.answers();
    rig.answers('bob');
    expect(rig.state).toBe('suspending');
  });

  it.each<[string, (rig: MachineRig) => void]>([
    ['while it asks for agreement', () => {}],
    ['when all agreed, and its intent goes to disk', (rig) => rig.agreed()],
  ])(
    'another one proposes %s -> its own suspend is over: awake, the answer no, and a late agreement presses nothing',
    (_when, reach) => {
      const rig = owner().toAgreeing();
      reach(rig);
      const { sequence } = rig.model.progress;
      const intentId = rig.model.intent.id;
      rig.forget();
      rig.proposed(9);
      expect([rig.state, rig.model.held]).toEqual(['awake', false]);
      expect(rig.all('endProposal')).toHaveLength(1);
      expect(rig.all('answerProposal')).toMatchObject([{ proposal: 9, held: false }]);
      rig.agreed(true, sequence);
      rig.journalled(null, intentId);
      expect(rig.all('requestSleep')).toEqual([]);
    },
  );

  it('another one suspends it -> what this one read before a suspend of its own is forgotten', () => {
    const rig = follower().toFollowing();
    expect(rig.kinds).not.toContain('forgetContext');
    rig.committed();
    expect(rig.all('forgetContext')).toHaveLength(1);
  });

  it('its word taken back, and a late sleep all the same -> forgotten, too: the press was the other one’s', () => {
    const rig = follower().toFollowing();
    rig.activity();
    rig.runFor(16_000);
    expect([rig.state, rig.kinds.includes('forgetContext')]).toEqual(['awake', false]);
    rig.sleepFor(2_000);
    expect(rig.model.why).toContain('fell asleep late');
    expect(rig.all('forgetContext')).toHaveLength(1);
  });

  it('a suspend of another one comes to nothing -> streams flow, the failure is counted by that one', () => {
    const rig = follower().toFollowing();
    rig.committed();
    rig.tickFor(POLICY.suspendTimeoutMs + 15_000);
    expect([rig.state, rig.phase, rig.model.held]).toEqual(['failed', 'suspend', false]);
    expect([rig.model.failures, rig.model.backOff]).toEqual([0, null]);
  });

  it('what it says of itself -> ignored', () => {
    const rig = follower().toAwake().forget();
    rig.proposed(1, undefined, 'torpor-a');
    rig.committed(1, 'torpor-a');
    rig.peerWake('torpor-a');
    expect(rig.effects).toEqual([]);
  });
});

describe('peers: a wake that another one wants', () => {
  it('asleep -> woken, once, nobody is active here, and it is not passed on', () => {
    const rig = owner().toAsleep().forget();
    rig.peerWake();
    rig.peerWake();
    expect(rig.all('requestWake')).toHaveLength(1);
    expect(rig.all('wantWake')).toEqual([]);
    expect(rig.model).toMatchObject({ state: 'waking', waitingSinceMs: null, lastActivityAtMs: null, pool: 0 });
  });

  it('suspending -> woken as soon as the sleep shows', () => {
    const rig = owner().toSuspending();
    rig.peerWake();
    expect(rig.all('requestWake')).toEqual([]);
    rig.wait(1_000).sleepFor(2_000);
    expect(rig.all('requestWake')).toHaveLength(1);
  });

  it('a wake failed here -> tried at once; that fails, too -> nobody waits, so no more tries', () => {
    const rig = owner().toAsleep();
    rig.peerWake();
    rig.tickFor(2 * POLICY.wakeTimeoutMs);
    expect([rig.state, rig.model.wakeWanted]).toEqual(['failed', null]);
    rig.forget();
    rig.peerWake();
    expect(rig.all('requestWake')).toHaveLength(1);
    expect(rig.all('wantWake')).toEqual([]);
  });

  it('an own wake that is tried again -> told again', () => {
    const rig = owner().toFailedWake().forget();
    rig.tickFor(10_000);
    expect(rig.state).toBe('waking');
    expect(rig.all('wantWake')).toHaveLength(1);
  });

  it.each<[string, (rig: MachineRig) => MachineRig]>([
    ['awake', (rig) => rig.toAwake()],
    ['drowsy', (rig) => rig.toDrowsy()],
    ['waking', (rig) => rig.toWaking()],
  ])('%s -> nothing to do', (_name, go) => {
    const rig = go(owner()).forget();
    rig.peerWake();
    expect(rig.effects).toEqual([]);
  });

  it('in ordered maintenance, or only observed -> hands off', () => {
    const rig = owner().toAsleep();
    rig.maintenance(true);
    rig.forget();
    rig.peerWake();
    expect(rig.kinds).toEqual(['note']);
    const observer = follower({ armed: false });
    observer.wait(1_000).sleepFor(3_000);
    observer.forget();
    observer.peerWake();
    expect(observer.effects).toEqual([]);
  });
});

describe('peers: reasons of transitions', () => {
  it.each<[string, string, (rig: MachineRig) => void]>([
    ['a wake that another one wants', 'peers', (rig) => void rig.peerWake()],
    ['a wake for a client here', 'client', (rig) => void rig.activity()],
  ])('%s -> %s', (_name, reason, happen) => {
    const rig = owner().toAsleep();
    const before = rig.model;
    happen(rig);
    expect(transitionReason('asleep', 'waking', { event: 'tick', before, after: rig.model })).toBe(reason);
  });

  it('called off by who leads -> peers', () => {
    const rig = follower().toFollowing();
    const before = rig.model;
    rig.calledOff();
    expect(transitionReason('saving', 'awake', { event: 'suspendCalledOff', before, after: rig.model })).toBe('peers');
  });
});

describe('peers: a reload', () => {
  it('what is known of the others, and a suspend that stands, are carried over', () => {
    const rig = owner().toAsleep();
    const next = carryOver(rig.model, POLICY, true, { ...OWNING, owner: null, uncertain: 'not known yet' });
    expect(next).toMatchObject({ peers: OWNING, joint: { role: 'owner' } });
  });

  it('a farm that begins or ends with it -> unknown first, or alone', () => {
    const unknown = { ...OWNING, uncertain: 'not known yet' };
    expect(carryOver(new MachineRig().toAwake().model, POLICY, true, unknown).peers).toBe(unknown);
    expect(carryOver(owner().toAsleep().model, POLICY, true)).toMatchObject({ peers: null, joint: null });
  });
});
