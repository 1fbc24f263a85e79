// Where streams cannot wait on disk: rules across several keys about `defer`.
import { parseSizeBytes } from '../platform/units.ts';
import { parseEndpoint } from './endpoint.ts';
import type { Finding } from './finding.ts';
import { asMapping, hasEntries, isMapping, type Mapping, type Placed } from './raw-values.ts';

/** Its clients wait for answers that a sleeper does not give (RFC 1179). */
const LPD_PORT = 515;
/** RFC 8010 section 4. */
export const IPP_PORT = 631;

/** Of one listener. */
export function checkDefer({ path, value }: Placed<Mapping>): Finding[] {
  const { defer, device, protocol = 'auto', target, routes, webSocket } = value;
  if (!isMapping(defer)) return [];
  const at = (what: string, key: string | null = null) => [
    { path: [...path, 'defer', ...(key === null ? [] : [key])], what },
  ];
  if (device !== 'printer')
    return at('only what a printer is sent can wait on disk, a person cannot: write device: printer, or leave it out');
  const port = tryPort(target);
  const isIpp = (defer.as ?? (port === IPP_PORT ? 'ipp' : 'raw')) === 'ipp';
  if (protocol !== 'auto' && protocol !== (isIpp ? 'http' : 'raw'))
    return at(`a client of protocol ${protocol} waits for an answer: leave protocol out, or defer`);
  if (port === LPD_PORT)
    return at("a client of LPD waits for the printer's answer: only raw printing (9100) and IPP (631) can be deferred");
  if (port === IPP_PORT && !isIpp)
    return at("a client of port 631 waits for the printer's answer: write as: ipp, or leave it out", 'as');
  if (hasEntries(routes)) return at('a port with routes is shared by several VMs: give the printer a port of its own');
  // Left empty it has all its defaults.
  if (webSocket !== undefined)
    return at('a page waits for what the VM answers: jobs can be deferred of plain TCP clients only, leave it out');
  const job = trySize(defer.maxJobSize ?? '64MiB');
  const total = trySize(defer.maxTotal ?? '1GiB');
  if (job === null || total === null || job <= total) return [];
  return at('one job may be larger than all together: write less, or a larger maxTotal', 'maxJobSize');
}

/** The spool is kept by one process. */
export function checkDeferredWorkers(root: unknown, listeners: ReadonlyArray<Placed<Mapping>>): Finding[] {
  const { workers } = asMapping(root);
  if (typeof workers !== 'number' || workers <= 1) return [];
  const what =
    'with workers above 1 nothing can be deferred, one process keeps a spool: write workers: 1, or leave it out';
  return listeners
    .filter(({ value }) => isMapping(value.defer))
    .map(({ path }) => ({ path: [...path, 'defer'], what }));
}

function tryPort(target: unknown): number | null {
  try {
    return typeof target === 'string' ? parseEndpoint(target).port : null;
  } catch {
    return null;
  }
}

function trySize(value: unknown): number | null {
  try {
    return typeof value === 'string' ? parseSizeBytes(value) : null;
  } catch {
    return null;
  }
}
