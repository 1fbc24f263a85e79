// Asks one check again and again while its platform runs, and once more before the button: never twice at once, never without a bound.
import { errorText } from '../platform/errors.ts';
import type { CheckStatus } from '../platform/inhibitor.ts';
import type { PlatformEvent } from '../platform/model.ts';
import type { Clock, InhibitorPace, InhibitorWatch } from '../platform/ports.ts';
import { formatDuration } from '../platform/units.ts';
import type { BusyCheck, CheckVerdict } from './busy-check.ts';

/** An answer of so long ago is asked for again when the platform becomes drowsy: its hooks come next. */
const DROWSY_FRESH_MS = 5_000;

export interface CheckWatchOptions {
  readonly check: BusyCheck;
  readonly clock: Clock;
  readonly onEvent: (event: PlatformEvent) => void;
  /** For what people should know and no machine decides on. */
  readonly report: (kind: 'alarm' | 'note', message: string) => void;
}

type Answer = { readonly verdicts: readonly CheckVerdict[] } | { readonly problem: string };

export class CheckWatch implements InhibitorWatch {
  readonly #options: CheckWatchOptions;
  readonly #stopping = new AbortController();
  readonly #results = new Map<string, CheckStatus>();
  #pace: InhibitorPace = 'resting';
  /** The question that is under way, and what ends it early. */
  #asking: { readonly ended: Promise<void>; readonly abort: AbortController } | null = null;
  /** A question whose time was over, but which has not ended: no other is begun beside it. */
  #lingers = false;
  #lastEndedMs: number | null = null;
  #cancelTimer: () => void = () => {};

  constructor(options: CheckWatchOptions) {
    this.#options = options;
  }

  /** Not asked yet blocks nothing by itself: nothing is pressed before every check was asked once more. */
  start(): void {
    for (const name of this.#options.check.names) this.#keep(name, 'pending', 'not asked yet');
  }

  setPace(pace: InhibitorPace): void {
    const before = this.#pace;
    if (pace === before) return;
    this.#pace = pace;
    if (pace === 'resting') {
      this.#cancelTimer();
      // What a host says while it falls asleep counts for nothing, nor does its silence.
      this.#asking?.abort.abort(new Error('the platform does not run'));
      return;
    }
    const { clock } = this.#options;
    const isOld = this.#lastEndedMs === null || clock.nowMs() - this.#lastEndedMs > DROWSY_FRESH_MS;
    if (before === 'resting' || (pace === 'drowsy' && isOld)) this.#askSoon(0);
  }

  onPower(): void {
    // Watts are watts-watch.ts's.
  }

  checks(): readonly CheckStatus[] {
    return [...this.#results.values()];
  }

  /** A question that is under way may have seen the platform before what matters: it is asked anew behind it. */
  async ask(signal: AbortSignal): Promise<void> {
    await this.#asking?.ended;
    if (signal.aborted || this.#stopping.signal.aborted) return;
    await this.#askNow();
  }

  stop(): void {
    this.#cancelTimer();
    this.#stopping.abort();
    this.#asking?.abort.abort(new Error('Torpor stops'));
  }

  #askSoon(delayMs: number): void {
    this.#cancelTimer();
    if (this.#stopping.signal.aborted) return;
    this.#cancelTimer = this.#options.clock.schedule(delayMs, () => {
      if (this.#asking === null) void this.#askNow();
    });
  }

  #askNow(): Promise<void> {
    if (this.#asking !== null) return this.#asking.ended;
    this.#cancelTimer();
    const abort = new AbortController();
    const ended = this.#answerOf(abort).then((answer) => {
      this.#asking = null;
      if (this.#stopping.signal.aborted) return;
      const wasCalledOff = abort.signal.aborted && this.#pace === 'resting';
      this.#lastEndedMs = wasCalledOff ? null : this.#options.clock.nowMs();
      if (!wasCalledOff) this.#take(answer);
      if (this.#pace !== 'resting') this.#askSoon(this.#options.check.rule.everyMs);
    });
    this.#asking = { ended, abort };
    return ended;
  }

  /** Its answer, or that there was none within its time, whether the check heeds the signal or not. Does not reject. */
  #answerOf(abort: AbortController): Promise<Answer> {
    const { check, clock } = this.#options;
    if (this.#lingers) return Promise.resolve({ problem: 'the last question has not ended yet' });
    return new Promise((resolve) => {
      const problem = `no answer within ${formatDuration(check.rule.timeoutMs)}`;
      const cancelBound = clock.schedule(check.rule.timeoutMs, () => abort.abort(new Error(problem)));
      const callOff = () => {
        cancelBound();
        resolve({ problem: errorText(abort.signal.reason) });
      };
      abort.signal.addEventListener('abort', callOff, { once: true });
      this.#lingers = true;
      void askOf(check, abort.signal).then((answer) => {
        this.#lingers = false;
        cancelBound();
        resolve(answer);
        // Its own answer came too late; what it kept from being asked is asked now.
        if (abort.signal.aborted && this.#pace !== 'resting') this.#askSoon(0);
      });
    });
  }

  #take(answer: Answer): void {
    const { check } = this.#options;
    for (const name of check.names) {
      const verdict = 'verdicts' in answer ? answer.verdicts.find((each) => each.name === name) : undefined;
      if (verdict?.outcome === 'error') this.#takeProblem(name, verdict.why);
      else if (verdict !== undefined) this.#takeVerdict(verdict);
      else this.#takeProblem(name, 'problem' in answer ? answer.problem : 'it said nothing of that');
    }
  }

  #takeVerdict({ name, outcome, why }: CheckVerdict): void {
    const { check, onEvent } = this.#options;
    this.#keep(name, outcome, why);
    if (outcome === 'busy') this.#inhibit(check.by, name, why);
    else onEvent({ kind: 'lift', by: check.by, name, why: why === '' ? 'free' : why });
  }

  /** A failure is told once, not at every question. */
  #takeProblem(name: string, problem: string): void {
    const { check, onEvent, report } = this.#options;
    const isNew = this.#results.get(name)?.outcome !== 'error';
    this.#keep(name, 'error', problem);
    if (check.rule.onError === 'block') {
      this.#inhibit(check.by, name, `cannot be asked: ${problem}`);
      return;
    }
    onEvent({ kind: 'lift', by: check.by, name, why: 'it cannot be asked, which is ignored' });
    if (isNew) report('note', `${check.by} ${name} cannot be asked, which is ignored (onError): ${problem}`);
  }

  #inhibit(by: BusyCheck['by'], name: string, why: string): void {
    this.#options.onEvent({ kind: 'inhibit', by, name, why, untilMs: null });
  }

  #keep(name: string, outcome: CheckStatus['outcome'], why: string): void {
    const { check, clock } = this.#options;
    this.#results.set(name, {
      kind: check.by,
      name,
      outcome,
      why,
      atMs: clock.nowMs(),
      blocks: isBlocking(check, outcome),
    });
  }
}

function isBlocking({ rule }: BusyCheck, outcome: CheckStatus['outcome']): boolean {
  return outcome === 'busy' || (outcome === 'error' && rule.onError === 'block');
}

/** Does not reject. */
async function askOf(check: BusyCheck, signal: AbortSignal): Promise<Answer> {
  try {
    return { verdicts: await check.ask(signal) };
  } catch (thrown) {
    return { problem: errorText(thrown) };
  }
}
