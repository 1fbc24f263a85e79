// Links of a Redfish service as paths on the one BMC that was asked: no answer leads to another host.
import { field, textField } from './json-document.ts';

const MAX_LINK_CHARS = 1024;
/** Stands for the BMC while a link is taken apart; nothing is ever sent there. */
const BASE = 'https://bmc.invalid';

/**
 * The path behind a link, query included, or null where it is none. Of an absolute address the host is left out: BMCs write names there
 * that only they know. What is asked goes to the BMC in any case.
 */
export function toPath(link: string | null | undefined): string | null {
  const url = parseLink(link);
  return url === null ? null : `${url.pathname}${url.search}`;
}

/** The path a redirect leads to, or null where it leads to another host than `host`, or to none. */
export function redirectPath(location: string | undefined, host: string): string | null {
  const url = parseLink(location);
  if (url === null) return null;
  const names = [new URL(BASE).hostname, host.toLowerCase(), `[${host.toLowerCase()}]`];
  return names.includes(url.hostname) ? `${url.pathname}${url.search}` : null;
}

function parseLink(link: string | null | undefined): URL | null {
  if (typeof link !== 'string' || link === '' || link.length > MAX_LINK_CHARS || !/^[\x21-\x7e]+$/.test(link))
    return null;
  try {
    const url = new URL(link, BASE);
    return url.protocol === 'https:' || url.protocol === 'http:' ? url : null;
  } catch {
    return null;
  }
}

/** The path in `{ "@odata.id": "/redfish/v1/…" }` under a key, or null. */
export function linkField(value: unknown, key: string): string | null {
  return linkOf(field(value, key));
}

/** The path in `{ "@odata.id": … }` itself, or null. */
export function linkOf(value: unknown): string | null {
  return toPath(textField(value, '@odata.id'));
}

/** Two paths to one resource: a slash at the end makes no difference. */
export function isSamePath(one: string, other: string): boolean {
  return one.replace(/\/+$/, '') === other.replace(/\/+$/, '');
}

/** The last part of a path: the resource's Id on most BMCs. */
export function lastSegment(path: string): string {
  return path.replace(/\/+$/, '').split('/').at(-1) ?? '';
}
