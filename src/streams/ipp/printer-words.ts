// What is told of a sleeping printer: what it last said of itself, brought up to now, as far as the client asked.
import type { KnownPrinter } from './ipp-memory.ts';
import { type IppAttribute, isFalse, numberAttribute, numberOf, TAG, textAttribute, textsOf } from './ipp-message.ts';
import { PRINTER_STATE } from './ipp-operations.ts';

/** RFC 8011 section 4.2.5.1: names of groups. A client that asks for one gets all; it has to ignore what it does not know. */
const GROUP_NAMES: ReadonlySet<string> = new Set(['all', 'printer-description', 'job-template', 'printer-defaults']);
/** Large: only told to who names it (PWG 5100.7 section 6.1.1). */
const ONLY_BY_NAME = 'media-col-database';
/** What is kept for a sleeper becomes one Print-Job. */
const ONE_DOCUMENT: IppAttribute = {
  name: 'multiple-document-jobs-supported',
  values: [{ tag: TAG.boolean, bytes: Uint8Array.of(0) }],
};
/** Of the moment: nothing true is known of it. */
const NOT_KEPT: ReadonlySet<string> = new Set(['printer-current-time', 'printer-state-message']);

/** Whether it can be told what a sleeper would do: one that was stopped, or took no jobs, is asked anew. */
export function isReady({ attributes }: KnownPrinter): boolean {
  const state = numberOf(attributes, 'printer-state');
  if (state !== PRINTER_STATE.idle && state !== PRINTER_STATE.processing) return false;
  return !isFalse(attributes, 'printer-is-accepting-jobs');
}

/** `queued`: jobs in the spool. */
export function describePrinter(printer: KnownPrinter, queued: number, nowMs: number): IppAttribute[] {
  const sinceS = Math.max(0, Math.floor((nowMs - printer.learnedAtMs) / 1000));
  const upS = numberOf(printer.attributes, 'printer-up-time') ?? 1;
  const now = [
    numberAttribute(TAG.enum, 'printer-state', PRINTER_STATE.idle),
    textAttribute(TAG.text, 'printer-state-message', 'It sleeps: jobs are kept, and printed later.'),
    numberAttribute(TAG.integer, 'printer-up-time', upS + sinceS),
    numberAttribute(TAG.integer, 'queued-job-count', queued + (numberOf(printer.attributes, 'queued-job-count') ?? 0)),
  ];
  const replaced = new Set(now.map(({ name }) => name));
  const kept = printer.attributes.filter(({ name }) => !NOT_KEPT.has(name) && !replaced.has(name));
  return [...kept, ...now].map((attribute) => (attribute.name === ONE_DOCUMENT.name ? ONE_DOCUMENT : attribute));
}

/** Those that were asked for; null: by default, all of them. */
export function pick(attributes: readonly IppAttribute[], requested: readonly string[] | null): IppAttribute[] {
  const names = requested === null || requested.length === 0 ? ['all'] : requested;
  const hasGroup = names.some((name) => GROUP_NAMES.has(name));
  return attributes.filter(({ name }) => names.includes(name) || (hasGroup && name !== ONLY_BY_NAME));
}

/** RFC 8011 section 4.2.1.1, as far as it is known without the printer. */
export function takesFormat({ attributes }: KnownPrinter, format: string | undefined): boolean {
  return format === undefined || textsOf(attributes, 'document-format-supported').includes(format);
}
