// A reason that came from outside, as it may stand in a sentence: one line, no control characters, bounded.
const MAX_REASON_CHARS = 200;

export function reasonOf(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();
  return line.length > MAX_REASON_CHARS ? `${line.slice(0, MAX_REASON_CHARS)}…` : line;
}
