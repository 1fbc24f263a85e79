// The calendars of those who use a platform, in the words of the YAML; what of them contradicts itself.
import { isIPv6 } from 'node:net';
import { z } from 'zod';
import { absolute } from './absolute-path.ts';
import { durationField, hostField, textField, urlField } from './fields.ts';
import { mapping } from './mapping.ts';
import { children, isUnset, type Mapping, type Placed } from './raw-values.ts';
import type { ConfigPath } from './yaml-source.ts';

/** An iCalendar that says when a client, or everybody, is busy elsewhere. */
export interface CalendarConfig {
  readonly place: { readonly file: string } | { readonly url: string };
  /** Its address; null: everybody. */
  readonly client: string | null;
  /** Between two readings. */
  readonly everyMs: number;
}

const MAX_CALENDARS = 256;

export const calendarsSchema = z
  .array(
    mapping({
      file: textField('the path of a file', /^[^\0]{1,4096}$/).optional(),
      url: urlField.optional(),
      client: hostField.optional(),
      every: durationField(60_000).prefault('15m'),
    }),
  )
  .max(MAX_CALENDARS, `the list has more than ${MAX_CALENDARS} calendars: write fewer`)
  .default([]);

export function toCalendars(parsed: z.output<typeof calendarsSchema>, folder: string): CalendarConfig[] {
  return parsed.map(({ file, url, client, every }) => ({
    place: file === undefined ? { url: url as string } : { file: absolute(file, folder) },
    // As a client's address is told: IPv6 in brackets.
    client: client === undefined ? null : isIPv6(client) ? `[${client}]` : client,
    everyMs: every,
  }));
}

/** A calendar has one place; only `learned` reads any. */
export function checkCalendars(platform: Placed<Mapping>): Array<{ path: ConfigPath; what: string }> {
  const calendars = children(platform, 'calendars');
  const findings = calendars
    .filter(({ value }) => isUnset(value.file) === isUnset(value.url))
    .map(({ path }) => ({ path, what: 'a calendar has one place: write either file or url' }));
  if (calendars.length > 0 && platform.value.idlePolicy !== 'learned') {
    const what = 'calendars tell only the policy that learns something: write idlePolicy: learned, or leave them out';
    findings.push({ path: [...platform.path, 'calendars'], what });
  }
  return findings;
}
