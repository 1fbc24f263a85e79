// One connection to a VM on behalf of a probe: opened, perhaps written to, read until the probe has seen enough, closed.
import { connect } from 'node:net';
import { names } from '../name-lookup.ts';
import { unixPathOf } from '../platform/endpoint.ts';
import type { Clock } from '../platform/ports.ts';
import { askBounded } from './question.ts';

/** Where a probe connects: as an Endpoint. */
export interface ProbeTarget {
  readonly host: string;
  readonly port: number;
  /** What its listener expects before anything else: a PROXY header. Default: nothing. */
  readonly preamble?: Uint8Array | null;
}

/** The most that is read of an answer in search of what is expected; a longer one without it is none. */
export const ANSWER_MAX_BYTES = 64 * 1024;

/** Connections of one probe that may be open at once: with a bound of 2 s, one question per 20 ms and some to spare. */
export const TCP_QUESTIONS_OPEN_MAX = 128;

export interface TcpQuestion {
  readonly target: ProbeTarget;
  readonly timeoutMs: number;
  /** Written as soon as the connection is up. */
  readonly send: Uint8Array | null;
  /** Whether the bytes so far are the answer; not called before the first one. null: being connected is. */
  readonly isAnswer: ((received: Buffer) => boolean) | null;
}

/**
 * Asks once. The socket is closed at once after the answer, by FIN as long as nothing unread has arrived. A connection
 * that is refused, ended or reset before the answer is none.
 */
export function askTcp(
  clock: Clock,
  question: TcpQuestion,
  signal: AbortSignal,
  onReached: () => void = () => {},
): Promise<boolean> {
  const { target, timeoutMs, send, isAnswer } = question;
  return askBounded(clock, timeoutMs, signal, (answer) => {
    const path = unixPathOf(target);
    const socket = connect(
      path === null ? { host: target.host, port: target.port, noDelay: true, lookup: names.lookup } : { path },
    );
    let received: Buffer = Buffer.alloc(0);
    socket.on('error', () => answer(false));
    socket.on('close', () => answer(false));
    socket.on('connect', () => {
      if (target.preamble) socket.write(target.preamble);
      if (isAnswer === null) {
        answer(true);
        return;
      }
      if (send !== null) socket.write(send);
      onReached();
    });
    if (isAnswer !== null) {
      socket.on('data', (chunk) => {
        received = Buffer.concat([received, chunk]);
        if (isAnswer(received)) answer(true);
        else if (received.length >= ANSWER_MAX_BYTES) answer(false);
      });
    }
    return () => socket.destroy();
  });
}
