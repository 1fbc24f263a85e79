// Makes the answers to IPP requests: what every answer has, and what is said of one job.
import { jobNumber, type SpooledJob } from '../spool/spool-store.ts';
import {
  attributesOf,
  GROUP,
  type IppAttribute,
  type IppGroup,
  type IppMessage,
  numberAttribute,
  TAG,
  textAttribute,
  textsOf,
} from './ipp-message.ts';
import { JOB_STATE } from './ipp-operations.ts';

/** Charset and language are the request's own: what is added is ASCII. */
export function reply(request: IppMessage, code: number, said: string, ...groups: readonly IppGroup[]): IppMessage {
  const asked = attributesOf(request, GROUP.operation);
  const operation = [
    textAttribute(TAG.charset, 'attributes-charset', ...textsOf(asked, 'attributes-charset')),
    textAttribute(TAG.language, 'attributes-natural-language', ...textsOf(asked, 'attributes-natural-language')),
    ...(said === '' ? [] : [textAttribute(TAG.text, 'status-message', said)]),
  ];
  const { version, requestId } = request;
  return { version, code, requestId, groups: [{ tag: GROUP.operation, attributes: operation }, ...groups] };
}

export interface JobWords {
  readonly number: number;
  readonly name: string;
  readonly user: string;
  readonly state: number;
  readonly reason: 'job-incoming' | 'job-queued' | 'job-outgoing';
}

export function wordsOf(job: SpooledJob, isDelivering: boolean): JobWords {
  const { name = '', user = '' } = job.ipp ?? {};
  const number = jobNumber(job.id);
  return isDelivering
    ? { number, name, user, state: JOB_STATE.processing, reason: 'job-outgoing' }
    : { number, name, user, state: JOB_STATE.pending, reason: 'job-queued' };
}

/** RFC 8011 section 5.3, of a job that the printer does not have yet. */
export function describeJob({ number, name, user, state, reason }: JobWords, printerUri: string): IppAttribute[] {
  return [
    numberAttribute(TAG.integer, 'job-id', number),
    textAttribute(TAG.uri, 'job-uri', `${printerUri}/${number}`),
    numberAttribute(TAG.enum, 'job-state', state),
    textAttribute(TAG.keyword, 'job-state-reasons', reason),
    textAttribute(TAG.uri, 'job-printer-uri', printerUri),
    ...(name === '' ? [] : [textAttribute(TAG.name, 'job-name', name)]),
    ...(user === '' ? [] : [textAttribute(TAG.name, 'job-originating-user-name', user)]),
  ];
}

/** What a client learns that brings one: RFC 8011 section 4.2.1.2. */
export function jobGroup(words: JobWords, printerUri: string): IppGroup {
  return { tag: GROUP.job, attributes: describeJob(words, printerUri).slice(0, 4) };
}
