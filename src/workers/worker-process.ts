// One worker process as the main process sees it: its channel, its questions and answers, its end. Restarting is the pool's.
import { type ChildProcess, fork, type SendHandle } from 'node:child_process';
import type { Clock } from '../platform/ports.ts';
import type { ListeningHandle } from '../streams/inherited-sockets.ts';
import type { FromWorker, ToWorker } from './messages.ts';

/** Answers come that much later than the bound a worker was given, at most. */
const ANSWER_MARGIN_MS = 1000;
/** A worker that was asked to end has this long, then it is killed. */
export const END_BOUND_MS = 1500;

/** The program that a worker runs. */
export interface WorkerProgram {
  readonly path: string;
  /** Options of Node itself. */
  readonly execArgv: readonly string[];
}

type Answer = Extract<FromWorker, { question: number }>;

export interface WorkerProcessOptions {
  readonly program: WorkerProgram;
  readonly serial: number;
  /** Inherited as descriptors 4, 5, …, in this order. */
  readonly fds: readonly number[];
  readonly clock: Clock;
  /** Messages that answer no question, in their order. */
  readonly onMessage: (message: FromWorker, worker: WorkerProcess) => void;
  /** Runs once, when the process is gone and all that it had sent was handed out. */
  readonly onEnd: (why: string, worker: WorkerProcess) => void;
}

/** Descriptors before the inherited ones: input, output, errors, channel. */
export const FIRST_FD = 4;

export class WorkerProcess {
  readonly serial: number;
  readonly #options: WorkerProcessOptions;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: Answer | null) => void>();
  readonly #ended: Promise<void>;
  #lastQuestion = 0;
  #isGone = false;

  constructor(options: WorkerProcessOptions) {
    const { program, serial, fds } = options;
    this.serial = serial;
    this.#options = options;
    this.#child = fork(program.path, [], {
      execArgv: [...program.execArgv],
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc', ...fds],
    });
    this.#child.on('message', (packet) => {
      for (const message of packet as readonly FromWorker[]) this.#take(message);
    });
    this.#ended = new Promise((resolve) => {
      const end = (why: string) => {
        if (this.#isGone) return;
        this.#isGone = true;
        for (const answer of this.#waiting.values()) answer(null);
        this.#waiting.clear();
        options.onEnd(why, this);
        resolve();
      };
      this.#child.on('error', (error) => {
        if (this.#child.pid === undefined) end(error.message);
      });
      this.#child.on('exit', (code, signal) => {
        const why = signal === null ? `exit code ${code}` : signal;
        // Its last messages may still be in the channel: they come before its 'disconnect'.
        if (this.#child.connected) this.#child.once('disconnect', () => end(why));
        else end(why);
      });
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** With a handle: Node passes its socket on and keeps the order of messages. */
  send(message: ToWorker, handle?: ListeningHandle): void {
    // A channel that breaks is told by the end of its process.
    if (this.#isGone || !this.#child.connected) return;
    if (handle === undefined) this.#child.send(message, () => {});
    else this.#child.send(message, handle as unknown as SendHandle, () => {});
  }

  /** null: it did not answer in time, or is gone. `boundMs` is what it was given for the answer. */
  ask(
    make: (question: number) => Extract<ToWorker, { question: number }>,
    boundMs: number,
    signal?: AbortSignal,
  ): Promise<Answer | null> {
    if (this.#isGone) return Promise.resolve(null);
    this.#lastQuestion += 1;
    const question = this.#lastQuestion;
    return new Promise((resolve) => {
      const settle = (answer: Answer | null) => {
        cancel();
        signal?.removeEventListener('abort', giveUp);
        this.#waiting.delete(question);
        resolve(answer);
      };
      const giveUp = () => settle(null);
      const cancel = this.#options.clock.schedule(boundMs + ANSWER_MARGIN_MS, giveUp);
      signal?.addEventListener('abort', giveUp, { once: true });
      this.#waiting.set(question, settle);
      this.send(make(question));
    });
  }

  /** Asks it to close everything and end; resolves when it is gone. */
  async end(): Promise<void> {
    this.send({ kind: 'end' });
    const cancel = this.#options.clock.schedule(END_BOUND_MS, () => this.#child.kill('SIGKILL'));
    await this.#ended;
    cancel();
  }

  #take(message: FromWorker): void {
    if (!('question' in message)) this.#options.onMessage(message, this);
    else this.#waiting.get(message.question)?.(message);
  }
}
