// The log of a running Torpor: JSON lines for programs, short lines for a person at a terminal, secrets masked in both.
import { pino } from 'pino';
import type { LogLevel } from '../config/torpor-config.ts';
import type { Logger } from '../platform/ports.ts';
import type { CliIo } from './cli-io.ts';
import { maskSecrets, maskText } from './mask-secrets.ts';
import { plainText, type Style, styleFor } from './style.ts';

/** What pino adds by itself, and is not shown again among a line's facts. */
const OWN_KEYS = new Set(['level', 'time', 'msg']);

/** Its level may be changed while it is in use. */
export interface LeveledLog extends Logger {
  level: string;
}

/** A logger that writes to stdout. */
export function createLog(io: Pick<CliIo, 'env' | 'logOut' | 'outIsTerminal'>, level: LogLevel): LeveledLog {
  const style = styleFor(io);
  const write = io.outIsTerminal
    ? (line: string) => io.logOut(`${formatLogLine(line, style)}\n`)
    : (line: string) => io.logOut(line);
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: maskSecrets },
      hooks: { logMethod: maskMessage },
    },
    { write },
  );
}

/** The message is the last of the arguments. */
function maskMessage(this: unknown, args: unknown[], method: (this: unknown, ...args: never[]) => void): void {
  method.apply(this, args.map((each) => (typeof each === 'string' ? maskText(each) : each)) as never[]);
}

/** One JSON log line for people: time, level, message, then the facts. */
export function formatLogLine(line: string, style: Style): string {
  let entry: Readonly<Record<string, unknown>>;
  try {
    entry = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return plainText(line);
  }
  const facts = Object.entries(entry)
    .filter(([key]) => !OWN_KEYS.has(key))
    .map(([key, value]) => style.faint(`${key}=${formatFact(value)}`));
  const time = style.faint(formatTime(String(entry.time)));
  return [time, formatLevel(String(entry.level), style), plainText(String(entry.msg ?? '')), ...facts].join(' ');
}

function formatFact(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return /[\s"]/.test(text) && typeof value === 'string' ? JSON.stringify(plainText(text)) : plainText(text);
}

function formatLevel(level: string, style: Style): string {
  const label = level.toUpperCase().padEnd(5);
  if (level === 'error') return style.bad(label);
  if (level === 'warn') return style.warn(label);
  return level === 'debug' ? style.faint(label) : label;
}

/** Local time of day with milliseconds. */
function formatTime(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return iso;
  const two = (value: number) => String(value).padStart(2, '0');
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${clock}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}
