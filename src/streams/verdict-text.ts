// A stream's verdict in words: what it speaks, and why its client's last bytes counted or did not. Judges nothing.
import type { ReasonName, StreamVerdict } from '../core/stream-core.ts';

/** One line for people: "52 B every 15.0 s: keepalive, 40 seen". */
export function describeVerdict(verdict: StreamVerdict): string {
  return REASON_TEXTS[verdict.reason](verdict);
}

const size = (verdict: StreamVerdict) => `${verdict.packetBytes} B`;
const period = (verdict: StreamVerdict) => `every ${(verdict.periodTicks / 1000).toFixed(1)} s`;

/** The core counts no further. */
const SEEN_MOST = 255;
const seen = (verdict: StreamVerdict) =>
  verdict.seen < SEEN_MOST ? `${verdict.seen} seen` : `${SEEN_MOST} or more seen`;

const REASON_TEXTS: Readonly<Record<ReasonName, (verdict: StreamVerdict) => string>> = {
  none: () => 'no bytes judged yet',
  bytes: () => 'client bytes: every byte counts',
  handshake: () => 'handshake',
  input: (verdict) => `input, ${size(verdict)}`,
  'unknown-message': (verdict) => `a message of unknown kind, ${size(verdict)}`,
  lost: (verdict) => `not the messages of ${verdict.protocol}: every byte counts`,
  unexplained: (verdict) => `${size(verdict)}: neither a reply nor on a period`,
  learning: (verdict) => `${size(verdict)}: perhaps a reply, too few seen to be sure`,
  surplus: (verdict) => `${size(verdict)}: more packets than the server called for`,
  echo: (verdict) => `${size(verdict)}: answered by an echo`,
  work: (verdict) => `work: ${size(verdict)} of a transfer`,
  protocol: (verdict) => `${size(verdict)}: chatter of the protocol`,
  timer: (verdict) =>
    verdict.periodTicks === 0
      ? `${size(verdict)}: may be a keepalive, its period is not known yet`
      : `${size(verdict)} ${period(verdict)}: keepalive, ${seen(verdict)}`,
  reply: (verdict) => `${size(verdict)} after server bytes: reply, ${seen(verdict)}`,
  poll: (verdict) =>
    verdict.periodTicks === 0
      ? `${size(verdict)}: a long poll, asked again as its answer came`
      : `${size(verdict)} ${period(verdict)}: poll, ${seen(verdict)}`,
};
