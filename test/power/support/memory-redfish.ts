// HTTP in memory between the Redfish client and a simulated service: what becomes of each question is the test's to say.
import { TorporError } from '../../../src/platform/errors.ts';
import type { HttpAnswer, HttpPort, HttpQuestion } from '../../../src/power/redfish/http-port.ts';
import type { SimulatedRedfish } from '../../../src/power/simulated/simulated-redfish.ts';

/** Replaces what the service answered; the request has arrived then. */
export type Tamper = (question: HttpQuestion, answer: HttpAnswer) => HttpAnswer;

export class MemoryRedfish implements HttpPort {
  readonly peer = 'bmc:443';
  readonly host = 'bmc';
  readonly security = 'memory';
  /** Every question that was sent, in order. */
  readonly asked: HttpQuestion[] = [];
  tamper: Tamper = (_, answer) => answer;
  /** True for a question that never reaches the BMC. */
  cuts: (question: HttpQuestion) => boolean = () => false;
  closed = false;
  readonly #service: SimulatedRedfish;

  constructor(service: SimulatedRedfish) {
    this.#service = service;
  }

  async ask(question: HttpQuestion, signal: AbortSignal): Promise<HttpAnswer> {
    if (signal.aborted) throw lost('given up');
    if (this.cuts(question))
      throw new TorporError('ERR_REDFISH_UNREACHABLE', 'connection refused', { retryable: true });
    this.asked.push(question);
    question.onSent?.();
    const headers = Object.fromEntries(
      Object.entries(question.headers).map(([name, value]) => [name.toLowerCase(), value]),
    );
    const body = Buffer.from(question.body ?? '');
    const answer = this.#service.answerRequest({ method: question.method, path: question.path, headers, body });
    if (answer === null) throw lost('the connection was reset');
    if (answer === 'never') return await untilGivenUp(signal);
    const plain = Object.fromEntries(
      Object.entries(answer.headers).map(([name, value]) => [name.toLowerCase(), value]),
    );
    return this.tamper(question, {
      status: answer.status,
      headers: plain,
      body: Buffer.from(answer.body),
      bodyProblem: null,
    });
  }

  close(): void {
    this.closed = true;
  }

  /** `METHOD path` of all that was sent. */
  get trail(): string[] {
    return this.asked.map(({ method, path }) => `${method} ${path}`);
  }
}

function lost(why: string): TorporError {
  return new TorporError('ERR_REDFISH_UNREACHABLE', why, { retryable: true });
}

function untilGivenUp(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new TorporError('ERR_REDFISH_TIMEOUT', 'no answer')), { once: true });
  });
}
