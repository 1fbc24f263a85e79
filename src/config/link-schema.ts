// What stands under `link`, at the top and at a listener, in the words of the YAML, the rules across its keys, and what is made of it.
import { z } from 'zod';
import type { Endpoint } from '../platform/endpoint.ts';
import { absolute } from './absolute-path.ts';
import { durationField, endpointField, textField, yesNoField } from './fields.ts';
import type { Finding } from './finding.ts';
import { mapping } from './mapping.ts';
import { asMapping, isUnset, type Mapping, type Placed, scalarText } from './raw-values.ts';

/** The gate of a compressed link within `torpor run`. */
export interface LinkConfig {
  /** Where edges connect. */
  readonly listen: Endpoint;
  /** Absolute folder of the keys, and which of them are its own. */
  readonly keys: string;
  readonly name: string;
  readonly resumeMs: number;
}

/** What an edge calls a listener. */
export interface LinkedService {
  readonly service: string;
  /** Whether what goes to its clients may be compressed. */
  readonly compress: boolean;
}

/** As on the command line of `torpor link`. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

export const linkSchema = mapping({
  listen: endpointField(true),
  keys: textField('the path of a folder', /^[^\0]{1,4096}$/),
  name: textField('the name of keys, such as gate', NAME).default('gate'),
  resume: durationField(1000).prefault('60s'),
});

/** `link: desktop`, or with what else there is to say. */
export const listenerLinkSchema = z.preprocess(
  (value) => (typeof value === 'string' ? { service: value } : value),
  mapping({
    service: textField('a name of letters, digits, dots, hyphens or underscores, such as desktop', NAME),
    compress: yesNoField.default(true),
  }),
);

export function toLink(parsed: z.output<typeof linkSchema> | null, folder: string): LinkConfig | null {
  if (parsed === null) return null;
  const { listen, keys, name, resume } = parsed;
  return { listen, keys: absolute(keys, folder), name, resumeMs: resume };
}

/** Reads raw values, beside the schema's own problems. */
export function checkLink(root: unknown, listeners: ReadonlyArray<Placed<Mapping>>): Finding[] {
  const { link, workers } = asMapping(root);
  const findings: Finding[] = [];
  if (!isUnset(link) && typeof workers === 'number' && workers > 1) {
    const what = `the gate hands its clients to streams of its own process: write workers: 1, or run "torpor link gate" beside it`;
    findings.push({ path: ['link'], what });
  }
  const services = new Set<unknown>();
  for (const { path, value } of listeners) {
    if (isUnset(value.link)) continue;
    const service = serviceOf(value);
    const at = [...path, 'link'];
    if (isUnset(link))
      findings.push({ path: at, what: 'there is no gate: write link at the top, with listen and keys' });
    if (services.has(service))
      findings.push({ path: at, what: `another listener is "${scalarText(service)}" to edges: write another name` });
    services.add(service);
  }
  return findings;
}

export function doubtLink(root: unknown, listeners: ReadonlyArray<Placed<Mapping>>): Finding[] {
  const { link } = asMapping(root);
  if (isUnset(link) || listeners.some(({ value }) => !isUnset(value.link))) return [];
  return [{ path: ['link'], what: 'no listener has a name for edges (its key link), so they reach nothing' }];
}

function serviceOf({ link }: Mapping): unknown {
  return typeof link === 'string' ? link : asMapping(link).service;
}
