// Durations and byte sizes as people write them, both ways. Units end every name: Ms, Bytes.
import { TorporError } from './errors.ts';

const MS_PER_UNIT: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const BYTES_PER_UNIT: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/**
 * Reads a duration such as `250ms`, `30s`, `10m`, `1.5h`, `2d`, or several joined: `1h30m`. Result in milliseconds.
 * Throws ERR_CONFIG_INVALID where the text is none.
 */
export function parseDurationMs(text: string): number {
  const compact = text.trim();
  let totalMs = 0;
  let read = 0;
  for (const part of compact.matchAll(/(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*/gy)) {
    totalMs += Number(part[1]) * (MS_PER_UNIT[part[2] as string] as number);
    read += part[0].length;
  }
  if (read === 0 || read !== compact.length || !Number.isSafeInteger(Math.round(totalMs))) {
    throw new TorporError(
      'ERR_CONFIG_INVALID',
      `"${text}" is no duration: write a number and a unit, such as 250ms, 30s, 10m or 2h`,
    );
  }
  return Math.round(totalMs);
}

/** Reads a size such as `64KiB`, `1MiB` or `512B`. Result in bytes. Throws ERR_CONFIG_INVALID where the text is none. */
export function parseSizeBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(B|KiB|MiB|GiB)$/.exec(text.trim());
  const bytes = match === null ? Number.NaN : Number(match[1]) * (BYTES_PER_UNIT[match[2] as string] as number);
  if (!Number.isSafeInteger(Math.round(bytes))) {
    throw new TorporError(
      'ERR_CONFIG_INVALID',
      `"${text}" is no size: write a number and a unit, such as 64KiB, 1MiB or 2GiB`,
    );
  }
  return Math.round(bytes);
}

/** A duration for people, at most two units: `4m 10s`, `350ms`, `2h`, `1d 3h`. Negative durations read as zero. */
export function formatDuration(durationMs: number): string {
  const clampedMs = Math.round(Math.max(0, durationMs));
  if (clampedMs < 1000) return `${clampedMs}ms`;
  if (clampedMs < 10_000) return `${(clampedMs / 1000).toFixed(1).replace(/\.0$/, '')}s`;
  const seconds = Math.round(clampedMs / 1000);
  const parts: Array<[number, string]> = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count}${unit}`)
    .join(' ');
}

/** A size for people: `512 B`, `1.5 KiB`, `64 MiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  // What would round up to 1024 of one unit is 1 of the next.
  while (value >= (unit === 0 ? 1024 : 1023.5) && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 1 : 0).replace(/\.0$/, '')} ${units[unit]}`;
}

/** With so many digits after the point; what rounds to zero has no sign. */
export function formatFixed(value: number, digits: number): string {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace('-', '') : text;
}

/** Less than a hundredth of a kilowatt-hour, as in the first minutes, is told in watt-hours. */
export function formatKwh(value: number): string {
  const size = Math.abs(value);
  if (size < 0.01) return `${formatFixed(value * 1000, 2)} Wh`;
  return `${formatFixed(value, size < 1 ? 3 : 1)} kWh`;
}
