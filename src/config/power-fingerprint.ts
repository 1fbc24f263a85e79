// Tells two power configurations apart by everything that a proof of the power path rests on. Secrets are not part of it.
import { createHash } from 'node:crypto';
import type { PowerConfig } from './power-config.ts';

/** Where a secret comes from, and the secret itself, change nothing about the path. */
const SECRET_KEYS = /^(password|passphrase|kg|token|secret)/i;

/** `sha256:` and 64 hexadecimal digits. Time-outs and watts do not change it. */
export function powerFingerprint({ sleep, bmc, host, wol, sleepBy, wakeBy, stateBy }: PowerConfig): string {
  const text = JSON.stringify({ sleep, bmc, host, wol, sleepBy, wakeBy, stateBy }, canonical);
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

/** Keys in one order, whoever built the object. */
function canonical(key: string, value: unknown): unknown {
  if (SECRET_KEYS.test(key)) return undefined;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
