// Where streams cannot wait on disk: rules across several keys about `defer`.
import { parseSizeBytes } from '../platform/units.ts';
import type { Finding } from './cross-checks.ts';
import { parseEndpoint } from './endpoint.ts';
import { asMapping, hasEntries, isMapping, type Mapping, type Placed } from './raw-values.ts';

/** Their clients wait for answers that a sleeper does not give: RFC 1179 (LPD), RFC 8011 (IPP). */
const ANSWERING_PORTS: ReadonlyMap<number, string> = new Map([
  [515, 'LPD'],
  [631, 'IPP'],
]);

/** Of one listener. */
export function checkDefer({ path, value }: Placed<Mapping>): Finding[] {
  const { defer, device, protocol = 'auto', target, routes, webSocket } = value;
  if (!isMapping(defer)) return [];
  const at = (what: string, key: string | null = null) => [
    { path: [...path, 'defer', ...(key === null ? [] : [key])], what },
  ];
  if (device !== 'printer')
    return at('only what a printer is sent can wait on disk, a person cannot: write device: printer, or leave it out');
  if (protocol !== 'auto' && protocol !== 'raw')
    return at(`a client of protocol ${protocol} waits for an answer: only raw printing can be deferred, leave it out`);
  const answering = ANSWERING_PORTS.get(tryPort(target) ?? 0);
  if (answering !== undefined)
    return at(`a client of ${answering} waits for the printer's answer: only raw printing (port 9100) can be deferred`);
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
