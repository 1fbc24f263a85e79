// Answers of the simulated Redfish service as data: resources with their ETag, refusals in the profile's words. Who asks is simulated-redfish.ts's business.
import { createHash } from 'node:crypto';
import type { ProfileRefusal, RedfishProfile } from './redfish-profiles.ts';

export interface RedfishRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
}

export interface RedfishAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export type Resource = { readonly [key: string]: unknown };

const COMMON = { 'OData-Version': '4.0', 'Cache-Control': 'no-cache' };
const JSON_TYPE = { 'Content-Type': 'application/json; charset=utf-8' };

export function jsonAnswer(
  status: number,
  resource: Resource,
  headers: Readonly<Record<string, string>> = {},
): RedfishAnswer {
  return { status, headers: { ...COMMON, ...JSON_TYPE, ...headers }, body: JSON.stringify(resource) };
}

export function emptyAnswer(status: number, headers: Readonly<Record<string, string>> = {}): RedfishAnswer {
  return { status, headers: { ...COMMON, ...headers }, body: '' };
}

/** A resource, or 304 where the asker has it. Source: DSP0266 section "ETags". */
export function resourceAnswer(resource: Resource, ifNoneMatch: string | undefined): RedfishAnswer {
  const etag = etagOf(resource);
  if (ifNoneMatch === etag) return emptyAnswer(304, { ETag: etag });
  return jsonAnswer(200, { ...resource, '@odata.etag': etag }, { ETag: etag });
}

export function etagOf(resource: Resource): string {
  return `"${createHash('sha256').update(JSON.stringify(resource)).digest('hex').slice(0, 16)}"`;
}

/** Source: DSP0266 section "Error responses". */
export function refusalAnswer(
  profile: RedfishProfile,
  refusal: ProfileRefusal,
  headers: Readonly<Record<string, string>> = {},
): RedfishAnswer {
  const { status, messageId, message, args } = refusal;
  const info = {
    MessageId: messageId,
    MessageArgs: args,
    ...(message === null ? {} : { Message: message, Severity: 'Critical' }),
  };
  const error = {
    code: message === null ? 'iLO.0.10.ExtendedInfo' : 'Base.1.13.GeneralError',
    message: 'A general error has occurred. See ExtendedInfo for more information.',
    '@Message.ExtendedInfo': profile.extendedInfo === 'object' ? info : [info],
  };
  return jsonAnswer(status, { error }, headers);
}

/** Refusals of the Base registry that every profile has. */
export function baseRefusal(status: number, id: string, message: string, ...args: readonly string[]): ProfileRefusal {
  return { status, messageId: `Base.1.13.${id}`, message, args };
}
