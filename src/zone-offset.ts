// Local time minus UTC for a time zone, summer time included, as the pure policies want it: a number per moment.
import { TorporError } from './platform/errors.ts';

const HOUR_MS = 3_600_000;

/** The offset of a zone by its IANA name, of this machine where none is given. Throws ERR_CLI_USAGE where there is no such zone. */
export function zoneOffset(timeZone?: string): (atMs: number) => number {
  if (timeZone === 'UTC') return () => 0;
  const read = timeZone === undefined ? readOwnOffset : offsetReader(timeZone);
  // Offsets change on whole quarters of hours at most twice a year: the last hour's answer nearly always holds.
  let knownHour = Number.NaN;
  let knownMs = 0;
  return (atMs) => {
    const hour = Math.floor(atMs / HOUR_MS);
    if (hour !== knownHour) {
      knownHour = hour;
      knownMs = read(hour * HOUR_MS);
    }
    return knownMs;
  };
}

function readOwnOffset(atMs: number): number {
  return -new Date(atMs).getTimezoneOffset() * 60_000;
}

function offsetReader(timeZone: string): (atMs: number) => number {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
    });
  } catch (cause) {
    throw new TorporError('ERR_CLI_USAGE', `"${timeZone}" is no time zone: write one such as Europe/Vienna`, { cause });
  }
  return (atMs) => {
    const parts = new Map(format.formatToParts(atMs).map(({ type, value }) => [type, Number(value)]));
    const part = (name: Intl.DateTimeFormatPartTypes) => parts.get(name) as number;
    return Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute')) - atMs;
  };
}
