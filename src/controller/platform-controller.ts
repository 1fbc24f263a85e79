// One platform's controller: feeds the machine with events and runs its effects through the ports. Decides nothing itself.
import { ActivityTable } from '../platform/activity-table.ts';
import { errorText } from '../platform/errors.ts';
import { findBindingReason } from '../platform/idle-policy.ts';
import { type CheckStatus, type InhibitorStatus, type KeptOrders, nameInhibitor } from '../platform/inhibitor.ts';
import { carryOver } from '../platform/machine/carry-over.ts';
import { createPlatform, isCalm, nextDeadlineMs, step } from '../platform/machine.ts';
import type { Effect, PlatformEvent, PlatformModel, PlatformPolicy } from '../platform/model.ts';
import type {
  Clock,
  DrainReport,
  InhibitorPace,
  InhibitorWatch,
  Intent,
  Journal,
  Logger,
  OrderStore,
  PlatformContext,
  PowerDriver,
  ProbeResult,
  Prober,
  StreamGate,
  StreamName,
  StreamObserver,
} from '../platform/ports.ts';
import { PEERS_UNKNOWN, type PlatformShare } from '../platform/share.ts';
import { type TransitionStep, transitionReason } from '../platform/transition-reason.ts';
import { formatDuration } from '../platform/units.ts';
import { watchPace } from '../platform/watch-pace.ts';
import { BoundedCalls } from './bounded-calls.ts';
import { PowerWatch } from './power-watch.ts';
import { ShareTeller } from './share-teller.ts';

/** Bound on one request to sleep or wake. Drivers have tighter ones; the owner's commands may take a minute. Milliseconds. */
const POWER_REQUEST_BOUND_MS = 65_000;
/** A wake waits this long for its intent to be on disk, then goes out all the same. Milliseconds. */
const JOURNAL_PATIENCE_MS = 2_000;
/** A calm machine hears of its pool this much later at most. Milliseconds. */
export const CALM_TELL_MS = 20;

/** Events that a share tells the next controller again. */
const TOLD_AGAIN: readonly PlatformEvent['kind'][] = ['peers', 'suspendProposed', 'suspendCommitted'];

/** What happened, before the farm gives it a number. */
export interface ControllerEvent {
  readonly kind: string;
  readonly message: string;
  readonly facts?: Readonly<Record<string, string | number | boolean | null>>;
}

export interface PlatformControllerOptions {
  readonly name: string;
  readonly policy: PlatformPolicy;
  readonly armed: boolean;
  /** What the journal kept from the last run, if anything. */
  readonly intent: Intent | null;
  /** What the disk kept of operators' orders, if anything. */
  readonly orders: KeptOrders | null;
  readonly driver: PowerDriver;
  readonly journal: Journal;
  readonly orderStore: OrderStore;
  readonly context: PlatformContext;
  readonly clock: Clock;
  readonly log: Logger;
  /** The platform's place among several Torpors; left out: this one is alone. Its `stop` is left to who made it. */
  readonly share?: PlatformShare;
  /**
   * The settled controller before this one, stopped: the platform goes on as it was, under this one's policy, driver and parts. Then
   * `intent` and `orders` are not looked at, and the gate is as the other left it.
   */
  readonly successorOf?: PlatformController;
  /** Called when its part in the order of wakes has changed: its state, or that it waits for its turn. Must not throw. */
  readonly onWakePlace?: () => void;
  /** Called for whatever people may want to see. Must not throw. */
  readonly report: (event: ControllerEvent) => void;
}

/** The parts that report to the controller and so are built after it. */
export interface ControllerParts {
  readonly gate: StreamGate;
  readonly probers: readonly Prober[];
  readonly inhibitors: readonly InhibitorWatch[];
}

export class PlatformController implements StreamObserver {
  readonly name: string;
  readonly table: ActivityTable;
  readonly #options: PlatformControllerOptions;
  readonly #powerWatch: PowerWatch;
  readonly #stopping = new AbortController();
  readonly #powerCalls: BoundedCalls;
  #parts: ControllerParts | null = null;
  #model: PlatformModel;
  #queue: PlatformEvent[] = [];
  /** As it was told last. */
  #wakePlace: Pick<PlatformModel, 'state' | 'wakeTurn'> | null = null;
  #stepping = false;
  /** What a calm machine was not told yet: that the pool changed, and the latest activity in it. */
  #untold: { activity: { stream: StreamName; why: string } | null } | null = null;
  #cancelDeadline: () => void = () => {};
  #saveAbort = new AbortController();
  #agreementAbort = new AbortController();
  /** Null: this Torpor is alone. */
  #shareTeller: ShareTeller | null = null;
  /** Settles when the last save did, also one that was called off: its hook must not run beside the restoring one. */
  #saveTail: Promise<void> = Promise.resolve();
  /** Settles when the last journal write did, whatever came of it. */
  #journalTail: Promise<void> = Promise.resolve();
  #bmcErrors = 0;
  /** When the wake under way was first asked of the power path; null: not yet. */
  #wakeRequestedAtMs: number | null = null;
  /** The last write of orders. Whoever waits for it is told of its problem. */
  #ordersTail: Promise<void> = Promise.resolve();
  /** Who waits for orders that were given after its stop: they are its successor's to keep. */
  #waitForSuccessor: Array<(successor: PlatformController) => void> = [];

  constructor(options: PlatformControllerOptions) {
    this.name = options.name;
    this.#options = options;
    const { policy, armed, intent, orders, clock, successorOf, share } = options;
    const peers = share === undefined ? null : PEERS_UNKNOWN;
    this.table = successorOf?.table ?? new ActivityTable();
    this.#model =
      successorOf === undefined
        ? createPlatform(policy, armed, intent, clock.nowMs(), orders, peers)
        : carryOver(successorOf.model, policy, armed, peers);
    if (successorOf !== undefined) this.#queue = successorOf.#leaveUntold();
    this.#powerCalls = new BoundedCalls(clock);
    this.#powerWatch = new PowerWatch({
      driver: options.driver,
      clock: options.clock,
      onEvent: (event) => {
        if (event.kind === 'powerLost') this.#bmcErrors += 1;
        this.dispatch(event);
        if (event.kind === 'power') for (const watch of this.#parts?.inhibitors ?? []) watch.onPower(event.reading);
      },
    });
  }

  /** The machine's present model: facts, state and progress. Immutable. */
  get model(): PlatformModel {
    return this.#model;
  }

  /** How often its power could not be read since Torpor started. */
  get bmcErrors(): number {
    return this.#bmcErrors;
  }

  /** Nothing is under way whose end it waits for: another controller may go on from here. */
  get isSettled(): boolean {
    return !['saving', 'suspending', 'waking'].includes(this.#model.state);
  }

  get gate(): StreamGate {
    if (this.#parts === null) throw new Error('attach() comes before any use of the streams');
    return this.#parts.gate;
  }

  /** Takes over the streams, before the first client can connect. The gate must be held: it is released by evidence. */
  attach(parts: ControllerParts): void {
    this.#parts = parts;
    const { share, clock } = this.#options;
    if (share !== undefined) this.#shareTeller = new ShareTeller({ share, table: this.table, gate: parts.gate, clock });
  }

  /** Begins to watch the witnesses. */
  start(): void {
    this.#options.share?.start((event) => this.dispatch(event));
    this.#powerWatch.start();
    for (const watch of this.#parts?.inhibitors ?? []) watch.start();
    const { successorOf } = this.#options;
    if (successorOf === undefined) {
      this.#afterStep();
      return;
    }
    this.dispatch({ kind: 'pool', size: this.table.size });
    for (const wait of successorOf.#waitForSuccessor.splice(0)) wait(this);
  }

  /** Stops watching and presses nothing more. The journal's last write is awaited. What it is told from now on is its successor's. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#powerCalls.stop();
    this.#saveAbort.abort();
    this.#agreementAbort.abort();
    this.#cancelDeadline();
    this.#shareTeller?.stop();
    this.#powerWatch.stop();
    for (const prober of this.#parts?.probers ?? []) prober.stop();
    for (const watch of this.#parts?.inhibitors ?? []) watch.stop();
    await this.#journalTail;
    await this.#ordersTail.catch(() => {});
    await this.#options.driver.close();
  }

  /** Events into the machine, in their order. Those that effects cause at once are queued behind them. */
  dispatch(...events: PlatformEvent[]): void {
    if (this.#untold !== null) this.#queue.push(...this.#takeUntold());
    this.#queue.push(...events);
    if (this.#stepping || this.#stopping.signal.aborted) return;
    this.#stepping = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        const before = this.#model;
        const [model, effects] = step(before, next, this.#options.clock.nowMs());
        this.#model = model;
        this.#reportBmc(before);
        const made: TransitionStep = { event: next.kind, before, after: model };
        for (const effect of effects) this.#run(effect, made);
      }
    } finally {
      this.#stepping = false;
    }
    this.#afterStep();
  }

  /** What people should know and no machine decides on. */
  tell(kind: 'alarm' | 'note', message: string): void {
    this.#report(kind, message);
  }

  /** What all checks said last. */
  checks(): CheckStatus[] {
    return (this.#parts?.inhibitors ?? []).flatMap((watch) => watch.checks());
  }

  /** Resolves when the orders given so far are on disk; rejects with ERR_JOURNAL where they are not. */
  ordersKept(): Promise<void> {
    if (!this.#stopping.signal.aborted || this.#queue.length === 0) return this.#ordersTail;
    return new Promise((resolve) => {
      this.#waitForSuccessor.push((successor) => resolve(successor.ordersKept()));
    });
  }

  /** What came between its stop and its successor: an operator's order, a wake. Nobody says it again. */
  #leaveUntold(): PlatformEvent[] {
    return this.#queue.splice(0).filter(({ kind }) => !TOLD_AGAIN.includes(kind));
  }

  onProbeResult(vm: string, result: ProbeResult): void {
    this.dispatch({ kind: 'probe', vm, answered: result.answered, askedAtMs: result.askedAtMs });
  }

  // -------------------------------------------------------------------------------------------- what the bytes tell

  streamOpened(stream: StreamName): void {
    const { id, vm, client } = stream;
    this.#report('stream-open', `${describeStream(stream)} connected`, { stream: id, vm, client });
  }

  streamActive(stream: StreamName, why: string): void {
    if (this.table.enter(stream.id, why, this.#options.clock.nowMs())) {
      const message = `${describeStream(stream)} is active: ${why}`;
      const { id, vm, client } = stream;
      this.#report('stream-active', message, { stream: id, vm, client, why, pool: this.table.size });
    }
    this.#tellPool({ stream, why });
  }

  activityWhileHeld(stream: StreamName, why: string): void {
    this.dispatch({ kind: 'activity', vm: stream.vm, why: `${describeStream(stream)}: ${why}` });
  }

  keepaliveOverdue(stream: StreamName, why: string): void {
    this.dispatch({ kind: 'keepalive', vm: stream.vm, why: `${describeStream(stream)}: ${why}` });
  }

  streamIdle(stream: StreamName, why: string): void {
    if (this.table.exit(stream.id, why, this.#options.clock.nowMs())) {
      const message = `${describeStream(stream)} left the pool: ${why}`;
      const { id, vm, client } = stream;
      this.#report('stream-idle', message, { stream: id, vm, client, why, pool: this.table.size });
    }
    this.#tellPool(null);
  }

  streamClosed(stream: StreamName, why: string): void {
    this.#report('stream-closed', `${describeStream(stream)} closed: ${why}`, { stream: stream.id, vm: stream.vm });
  }

  /** Short connections come by the thousand a second: where they change nothing the machine hears of several at once. */
  #tellPool(activity: { stream: StreamName; why: string } | null): void {
    const isFirst = this.#untold === null;
    this.#untold = { activity: activity ?? this.#untold?.activity ?? null };
    if (this.#stepping || !isCalm(this.#model, this.table.size)) this.dispatch();
    else if (isFirst) this.#options.clock.schedule(CALM_TELL_MS, () => this.#tellUntold());
  }

  #tellUntold(): void {
    if (this.#untold !== null) this.dispatch();
  }

  #takeUntold(): PlatformEvent[] {
    const activity = this.#untold?.activity ?? null;
    this.#untold = null;
    const pool: PlatformEvent = { kind: 'pool', size: this.table.size };
    if (activity === null) return [pool];
    const { stream, why } = activity;
    return [{ kind: 'activity', vm: stream.vm, why: `${describeStream(stream)}: ${why}` }, pool];
  }

  streamDelivered(stream: StreamName, heldBytes: number): void {
    const message = `${describeStream(stream)}: ${heldBytes} held bytes are on their way`;
    this.#report('delivered', message, { stream: stream.id, vm: stream.vm, heldBytes });
  }

  // -------------------------------------------------------------------------------------------- effects become deeds

  #run(effect: Effect, made: TransitionStep): void {
    const { gate } = this;
    switch (effect.kind) {
      case 'transition':
        this.#reportTransition(effect, made);
        break;
      case 'holdStreams':
        gate.hold();
        break;
      case 'releaseStreams':
        gate.release(effect.vm);
        break;
      case 'giveUpStreams':
        gate.giveUp(effect.vm, effect.why);
        break;
      case 'loseSessions':
        gate.loseSessions(effect.vm, effect.why);
        break;
      case 'saveContext':
        this.#saveContext(effect.sequence);
        break;
      case 'abortSave':
        this.#saveAbort.abort();
        break;
      case 'restoreContext':
        this.#restoreContext(effect.sequence);
        break;
      case 'forgetContext':
        this.#options.context.forget();
        break;
      case 'askInhibitors':
        this.#askInhibitors(effect.sequence);
        break;
      case 'keepOrders':
        this.#keepOrders(effect.orders);
        break;
      case 'inhibited':
        this.#reportInhibitor('began', effect.inhibitor, effect.inhibitor.why);
        break;
      case 'lifted':
        this.#reportInhibitor('ended', effect.inhibitor, effect.why);
        break;
      case 'seekAgreement':
        this.#seekAgreement(effect.sequence, effect.forced);
        break;
      case 'endProposal':
        this.#agreementAbort.abort();
        this.#options.share?.endProposal(effect.why);
        break;
      case 'answerProposal':
        this.#options.share?.answerProposal(effect.proposal, effect.held, effect.why);
        break;
      case 'wantWake':
        this.#options.share?.wantWake(effect.why);
        break;
      case 'drainSendQueues':
        this.#drain(effect.sequence, effect.boundMs);
        break;
      case 'journal':
        this.#journal(effect.intent);
        break;
      case 'requestSleep':
        this.#requestSleep(effect.intentId, effect.forced === true);
        break;
      case 'requestWake':
        this.#requestWake(effect.sequence, effect.method);
        break;
      case 'alarm':
        this.#report('alarm', effect.why);
        break;
      case 'note':
        this.#report('note', effect.why);
        break;
      case 'wouldSleep':
        this.#report('would-sleep', effect.why);
        break;
    }
  }

  /** With what a wake's latency is made of: since when somebody waited, when it was asked for, when a VM answered. */
  #reportTransition({ from, to, why }: Extract<Effect, { kind: 'transition' }>, made: TransitionStep): void {
    const reason = transitionReason(from, to, made);
    const facts = { from, to, reason, pool: this.#model.pool };
    if (to === 'waking') this.#wakeRequestedAtMs = null;
    if (from !== 'waking') {
      this.#report('transition', `${from} -> ${to}: ${why}`, facts);
      return;
    }
    const { before, after } = made;
    const answers = Object.values(after.probes).map(({ answeringSinceMs }) => answeringSinceMs ?? 0);
    const answeredAtMs = answers.filter((atMs) => atMs >= before.sinceMs).sort((a, b) => a - b)[0] ?? null;
    const wake = { requestedAtMs: this.#wakeRequestedAtMs, answeredAtMs, waitingSinceMs: before.waitingSinceMs };
    this.#report('transition', `${from} -> ${to}: ${why}`, { ...facts, ...wake });
  }

  #saveContext(sequence: number): void {
    this.#saveAbort = new AbortController();
    const saved = this.#options.context.save(this.#saveAbort.signal);
    this.#saveTail = saved.then(
      () => {},
      () => {},
    );
    this.#answer(
      saved,
      ({ veto }) => ({ kind: 'contextSaved', sequence, veto }),
      (problem) => ({ kind: 'contextSaved', sequence, veto: problem }),
    );
  }

  #restoreContext(sequence: number): void {
    const { context } = this.#options;
    this.#answer(
      this.#saveTail.then(() => context.restore(this.#stopping.signal)),
      ({ lostVms, problem }) => ({ kind: 'contextRestored', sequence, lostVms, problem }),
      (problem) => ({ kind: 'contextRestored', sequence, lostVms: [], problem }),
    );
  }

  #askInhibitors(sequence: number): void {
    const watches = this.#parts?.inhibitors ?? [];
    this.#answer(
      Promise.all(watches.map((watch) => watch.ask(this.#stopping.signal))),
      () => ({ kind: 'inhibitorsAsked', sequence, problem: null }),
      (problem) => ({ kind: 'inhibitorsAsked', sequence, problem }),
    );
  }

  #keepOrders(orders: KeptOrders): void {
    const before = this.#ordersTail.catch(() => {});
    this.#ordersTail = before.then(() => this.#options.orderStore.write(this.name, orders));
    this.#ordersTail.catch((thrown: unknown) => this.#report('alarm', errorText(thrown)));
  }

  #reportInhibitor(change: 'began' | 'ended', { kind, name, untilMs }: InhibitorStatus, why: string): void {
    const what = change === 'began' ? 'inhibited by' : 'no longer inhibited by';
    this.#report('inhibitor', `${what} ${nameInhibitor({ kind, name })}: ${why}`, { change, by: kind, name, untilMs });
  }

  #drain(sequence: number, boundMs: number): void {
    this.#answer(
      this.gate.drain(boundMs, this.#stopping.signal),
      (report) => ({ kind: 'drained', sequence, drained: report.drained, why: whyUndrained(report, boundMs) }),
      (problem) => ({ kind: 'drained', sequence, drained: false, why: problem }),
    );
  }

  #seekAgreement(sequence: number, forced: boolean): void {
    const { share } = this.#options;
    if (share === undefined) return;
    const abort = new AbortController();
    this.#agreementAbort = abort;
    // What was agreed to is not called off by a signal any more: it ends by `endProposal`.
    const forget = () => {
      if (this.#agreementAbort === abort) this.#agreementAbort = new AbortController();
    };
    this.#answer(
      share.seekAgreement(abort.signal, forced).finally(forget),
      ({ agreed, why }) => {
        this.#report('note', agreed ? `all Torpors agree to a suspend: ${why}` : `no agreement to a suspend: ${why}`);
        return { kind: 'agreed', sequence, agreed, why };
      },
      (problem) => ({ kind: 'agreed', sequence, agreed: false, why: problem }),
    );
  }

  #journal(intent: Intent): void {
    const written = this.#journalTail.then(() => this.#options.journal.write(this.name, intent));
    this.#journalTail = written.catch(() => {});
    this.#answer(
      written,
      () => ({ kind: 'journalled', intentId: intent.id, problem: null }),
      (problem) => ({ kind: 'journalled', intentId: intent.id, problem }),
    );
  }

  #requestSleep(intentId: number, forced: boolean): void {
    const { driver } = this.#options;
    let whyNot: string | null = null;
    const fence = () => {
      whyNot = this.#whyNotPress(intentId, forced);
      return whyNot;
    };
    this.#report('power', `asks for sleep, once: ${driver.name}`);
    this.#answer(
      this.#callPower((signal) => driver.requestSleep(signal, fence)),
      ({ outcome, attempts }) => {
        this.#report('power', `request to sleep ${outcome}: ${attempts.join('; ')}`, { outcome });
        const isUnsent = outcome === 'refused' && whyNot !== null;
        return { kind: 'sleepAnswered', intentId, outcome: isUnsent ? 'unsent' : outcome, why: attempts.join('; ') };
      },
      (problem) => ({ kind: 'sleepAnswered', intentId, outcome: 'unknown', why: problem }),
    );
  }

  /** The fence of a press. A BMC takes its time: meanwhile it may have been given up here, or somebody came. */
  #whyNotPress(intentId: number, forced: boolean): string | null {
    const { state, pressed, wakeWanted } = this.#model;
    if (state !== 'suspending' || pressed?.intentId !== intentId) return 'it is not to sleep any more';
    if (wakeWanted !== null && !forced) return `it is to be awake: ${wakeWanted}`;
    const keeps = findBindingReason(this.#model, this.#options.clock.nowMs());
    if (keeps !== null) return keeps;
    return this.#options.share?.mayPress() === false ? "this Torpor's ownership ran out" : null;
  }

  /** The intent is on disk first; where the disk fails the wake goes out all the same: waking is always safe. */
  #requestWake(sequence: number, method: string): void {
    const { driver } = this.#options;
    this.#answer(
      this.#journalSettled().then(() => {
        this.#wakeRequestedAtMs ??= this.#options.clock.nowMs();
        return this.#callPower((signal) => driver.requestWake(method, signal));
      }),
      ({ outcome, attempts }) => {
        this.#report('power', `request to wake by ${method} ${outcome}: ${attempts.join('; ')}`, { outcome, method });
        return { kind: 'wakeAnswered', sequence, outcome, why: attempts.join('; ') };
      },
      (problem) => ({ kind: 'wakeAnswered', sequence, outcome: 'unknown', why: problem }),
    );
  }

  #journalSettled(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.clock.schedule(JOURNAL_PATIENCE_MS, resolve);
      void this.#journalTail.then(() => {
        cancel();
        resolve();
      });
    });
  }

  #callPower<T>(run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.#powerCalls.call(POWER_REQUEST_BOUND_MS, run);
  }

  /** Turns a deed's end, good or bad, into the event that the machine waits for. */
  #answer<T>(deed: Promise<T>, ended: (result: T) => PlatformEvent, failed: (problem: string) => PlatformEvent): void {
    deed.then(
      (result) => this.dispatch(ended(result)),
      (thrown: unknown) => this.dispatch(failed(errorText(thrown))),
    );
  }

  #afterStep(): void {
    const { clock } = this.#options;
    if (this.#stopping.signal.aborted || this.#parts === null) return;
    this.#shareTeller?.tell(this.#model);
    this.#cancelDeadline();
    const deadlineMs = nextDeadlineMs(this.#model);
    this.#cancelDeadline =
      deadlineMs === null
        ? () => {}
        : clock.schedule(Math.max(1, deadlineMs - clock.nowMs()), () => this.dispatch({ kind: 'tick' }));
    const pace = watchPace(this.#model, clock.nowMs());
    this.#powerWatch.setPace(pace.powerMs, this.#model.state === 'awake' || this.#model.state === 'drowsy');
    for (const prober of this.#parts.probers) prober.setPace(pace.probeMs);
    for (const watch of this.#parts.inhibitors) watch.setPace(inhibitorPace(this.#model));
    this.#tellWakePlace();
  }

  /** Last, since it may bring about the next step. */
  #tellWakePlace(): void {
    const { state, wakeTurn } = this.#model;
    if (this.#wakePlace?.state === state && this.#wakePlace.wakeTurn === wakeTurn) return;
    this.#wakePlace = { state, wakeTurn };
    this.#options.onWakePlace?.();
  }

  /** What people must know of the BMC, told when it changes and not at every reading: why nothing will be put to sleep. */
  #reportBmc(before: PlatformModel): void {
    const { bmcReachable, bmcProblem, wakeProven, wakeProofWhy, policy } = this.#model;
    const reader = policy.reader ?? 'the BMC';
    if (before.bmcReachable && !bmcReachable) this.#report('alarm', `${reader} does not answer: ${bmcProblem}`);
    if (!before.bmcReachable && bmcReachable && before.power !== null) this.#report('note', `${reader} answers again`);
    if (wakeProven && !before.wakeProven) this.#report('note', `the wake path is proven: ${wakeProofWhy}`);
    if (!wakeProven && (before.wakeProven || wakeProofWhy !== before.wakeProofWhy)) {
      this.#report('alarm', `the wake path is not proven, so no sleep: ${wakeProofWhy}`);
    }
  }

  #report(kind: string, message: string, facts: ControllerEvent['facts'] = {}): void {
    const { log } = this.#options;
    if (kind === 'alarm') log.error({ platform: this.name, kind, ...facts }, message);
    else if (log.isLevelEnabled?.('info') !== false) log.info({ platform: this.name, kind, ...facts }, message);
    this.#options.report({ kind, message, facts });
  }
}

/** A look at the host costs it something, and would wake a sleeper: only where it may be put to sleep next. */
function inhibitorPace({ state }: PlatformModel): InhibitorPace {
  if (state === 'drowsy') return 'drowsy';
  return state === 'awake' || state === 'saving' ? 'running' : 'resting';
}

function whyUndrained({ unackedBytes, unansweredRequests = 0 }: DrainReport, boundMs: number): string {
  if (unackedBytes > 0) return `${unackedBytes} bytes towards the VMs are not acknowledged`;
  if (unansweredRequests > 0) return `${unansweredRequests} requests of disks' clients are not answered`;
  return `whether all bytes reached the VMs could not be seen within ${formatDuration(boundMs)}`;
}

/** For people: `alice from 10.0.9.4:51234 (rdp)`. */
export function describeStream(stream: StreamName): string {
  const protocol = stream.protocol === 'auto' ? '' : ` (${stream.protocol})`;
  return `${stream.vm} from ${stream.client}${protocol}`;
}
