// Decides what becomes of one IPP request to a listener that defers: it is answered here, is a job to keep, or has to go to the printer.
import { randomBytes } from 'node:crypto';
import { TorporError } from '../../platform/errors.ts';
import type { Clock } from '../../platform/ports.ts';
import type { IppJobFacts } from '../spool/job-file.ts';
import { JOB_NUMBER_BASE, jobNumber, type SpooledJob } from '../spool/spool-store.ts';
import type { IppLearner } from './ipp-learner.ts';
import type { IppMemory, KnownPrinter, PrinterName } from './ipp-memory.ts';
import {
  attributesOf,
  encodeIpp,
  GROUP,
  type IppAttribute,
  type IppMessage,
  isFalse,
  numberOf,
  textsOf,
} from './ipp-message.ts';
import { JOB_STATE, OPERATION, STATUS } from './ipp-operations.ts';
import { describeJob, type JobWords, jobGroup, reply, wordsOf } from './ipp-reply.ts';
import type { IppRequestHead } from './ipp-request-head.ts';
import { describePrinter, isReady, pick, takesFormat } from './printer-words.ts';

/** A job that was created waits so long for its document (multiple-operation-time-out). */
export const CREATED_MS = 5 * 60_000;
/** So many at once wait for theirs; the next goes to the printer. */
export const MAX_CREATED = 100;
/** Of numbers that were given to clients: they are told that a job is gone, rather than a printer is woken to say so. */
const MAX_ISSUED = 1000;
/** A job's head has room for so much of each, as JSON. A longer path is not spooled. */
export const PATH_MAX_BYTES = 64;
const NAME_MAX_BYTES = 48;
const USER_MAX_BYTES = 32;

/** A job that is to be kept. */
export interface JobToKeep {
  /** The request as it will be sent, up to the document. */
  readonly start: Uint8Array;
  readonly facts: IppJobFacts;
  /** Its name in the spool; null: any. */
  readonly name: string | null;
  /** It is safe: what its client is told. */
  readonly accepted: (job: SpooledJob) => IppMessage;
}

export type IppVerdict =
  | { readonly kind: 'pass' }
  | { readonly kind: 'answer'; readonly message: Promise<IppMessage> | IppMessage }
  | { readonly kind: 'job'; readonly job: JobToKeep };

const PASS: IppVerdict = { kind: 'pass' };

/** The spool, as far as it is asked here. */
export interface DeskSpool {
  /** Oldest first, those on their way included. */
  ippJobs(): ReadonlyArray<{ readonly job: SpooledJob; readonly isDelivering: boolean }>;
  /** Throws ERR_SPOOL where the job is on its way. */
  drop(id: string): Promise<boolean>;
}

export interface IppDeskOptions {
  readonly clock: Clock;
  readonly spool: DeskSpool;
  readonly memory: IppMemory;
  readonly learner: IppLearner;
  readonly isHeld: () => boolean;
}

interface CreatedJob {
  readonly request: IppMessage;
  readonly path: string;
  readonly printerUri: string;
  readonly expiresAtMs: number;
}

/** A request with what is asked of it all the time. */
interface Asked {
  readonly head: IppRequestHead;
  readonly message: IppMessage;
  readonly attributes: readonly IppAttribute[];
  readonly printerUri: string;
}

export class IppDesk {
  readonly #options: IppDeskOptions;
  readonly #created = new Map<number, CreatedJob>();
  readonly #issued = new Set<number>();

  constructor(options: IppDeskOptions) {
    this.#options = options;
  }

  /** False: whatever this request is, it goes to the printer, and nothing is learned of it. */
  wantsToSee(head: IppRequestHead): boolean {
    this.#expire();
    const { isHeld, spool, learner } = this.#options;
    return isHeld() || this.#created.size > 0 || spool.ippJobs().length > 0 || !learner.hasAsked(head);
  }

  judge(head: IppRequestHead, message: IppMessage): IppVerdict {
    const attributes = attributesOf(message, GROUP.operation);
    const major = message.version >> 8;
    // RFC 8011 section 4.1.4: these two come first.
    const isProper =
      attributes[0]?.name === 'attributes-charset' && attributes[1]?.name === 'attributes-natural-language';
    if (head.hasCredentials || !isProper || message.requestId <= 0 || (major !== 1 && major !== 2)) return PASS;
    const [jobUri = ''] = textsOf(attributes, 'job-uri');
    const [printerUri = jobUri.replace(/\/\d+$/, '')] = textsOf(attributes, 'printer-uri');
    if (printerUri === '') return PASS;
    const asked: Asked = { head, message, attributes, printerUri };
    const number = numberOf(attributes, 'job-id') ?? Number(/\/(\d+)$/.exec(jobUri)?.[1] ?? 0);
    return number >= JOB_NUMBER_BASE ? this.#judgeJob(asked, number) : this.#judgePrinter(asked);
  }

  /** Its printer is asked what it is, as soon as it is awake. */
  #want({ head: { path, host }, message, printerUri: uri }: Asked): void {
    const name: PrinterName = { path, host, uri, ippVersion: message.version };
    this.#options.learner.want(name);
  }

  // ------------------------------------------------------------------------------------------ of a printer

  #judgePrinter(asked: Asked): IppVerdict {
    const { head, message, attributes } = asked;
    this.#want(asked);
    const known = this.#options.memory.of({ ...head, uri: asked.printerUri });
    if (!this.#options.isHeld() || known === null || !isReady(known)) return PASS;
    switch (message.code) {
      case OPERATION.getPrinterAttributes:
        return answer(this.#tellPrinter(asked, known));
      case OPERATION.validateJob:
        return this.#judgeNewJob(asked, known) ?? answer(reply(message, STATUS.ok, ''));
      case OPERATION.printJob:
        return this.#judgeNewJob(asked, known) ?? { kind: 'job', job: this.#toKeep(asked, message, null) };
      case OPERATION.createJob:
        return this.#judgeNewJob(asked, known) ?? this.#create(asked);
      case OPERATION.getJobs:
        return (numberOf(known.attributes, 'queued-job-count') ?? 1) === 0 &&
          (textsOf(attributes, 'which-jobs')[0] ?? 'not-completed') === 'not-completed'
          ? answer(this.#tellJobs(asked))
          : PASS;
      default:
        return PASS;
    }
  }

  #tellPrinter({ message, attributes }: Asked, known: KnownPrinter): IppMessage {
    const queued = this.#options.spool.ippJobs().length;
    const all = describePrinter(known, queued, this.#options.clock.nowMs());
    const picked = pick(all, textsOf(attributes, 'requested-attributes'));
    return reply(message, STATUS.ok, '', { tag: GROUP.printer, attributes: picked });
  }

  #tellJobs({ message, attributes, printerUri, head }: Asked): IppMessage {
    const [user = ''] = textsOf(attributes, 'requesting-user-name');
    const isOnlyMine = attributes.find(({ name }) => name === 'my-jobs')?.values[0]?.bytes[0] === 1;
    const requested = textsOf(attributes, 'requested-attributes');
    const jobs = this.#options.spool
      .ippJobs()
      .filter(({ job }) => job.ipp?.path === head.path && (!isOnlyMine || job.ipp.user === cut(user, USER_MAX_BYTES)))
      .slice(0, numberOf(attributes, 'limit') ?? Number.POSITIVE_INFINITY)
      .map(({ job, isDelivering }) => describeJob(wordsOf(job, isDelivering), printerUri));
    const wanted = requested.length === 0 ? ['job-uri', 'job-id'] : requested;
    const groups = jobs.map((words) => ({ tag: GROUP.job, attributes: pick(words, wanted) }));
    return reply(message, STATUS.ok, '', ...groups);
  }

  // ------------------------------------------------------------------------------------------ new jobs

  /** null: it can be kept. What only the printer can say, or refuses more than its format, is left to it. */
  #judgeNewJob({ head, message, attributes }: Asked, known: KnownPrinter): IppVerdict | null {
    const fidelity = attributes.find(({ name }) => name === 'ipp-attribute-fidelity')?.values[0]?.bytes[0];
    const [compression = 'none'] = textsOf(attributes, 'compression');
    const takesCompression =
      compression === 'none' || textsOf(known.attributes, 'compression-supported').includes(compression);
    if (fidelity === 1 || !takesCompression || jsonBytes(head.path) > PATH_MAX_BYTES) return PASS;
    const [format] = textsOf(attributes, 'document-format');
    if (takesFormat(known, format)) return null;
    return answer(reply(message, STATUS.formatNotSupported, 'its printer does not list this document-format'));
  }

  #toKeep({ head, printerUri, message }: Asked, toSend: IppMessage, number: number | null): JobToKeep {
    const sent = attributesOf(toSend, GROUP.operation);
    const [user = '', name = ''] = ['requesting-user-name', 'job-name'].map((each) => textsOf(sent, each)[0] ?? '');
    return {
      start: encodeIpp(toSend),
      facts: { path: head.path, name: cut(name, NAME_MAX_BYTES), user: cut(user, USER_MAX_BYTES) },
      name: number === null ? null : (number - JOB_NUMBER_BASE).toString(16).padStart(8, '0'),
      accepted: (job) => {
        const words = wordsOf(job, false);
        this.#created.delete(words.number);
        this.#issue(words.number);
        return reply(message, STATUS.ok, '', jobGroup(words, printerUri));
      },
    };
  }

  #create({ head, message, printerUri }: Asked): IppVerdict {
    this.#expire();
    if (this.#created.size >= MAX_CREATED) return PASS;
    const number = this.#freshNumber();
    const expiresAtMs = this.#options.clock.nowMs() + CREATED_MS;
    this.#created.set(number, { request: message, path: head.path, printerUri, expiresAtMs });
    this.#issue(number);
    const words: JobWords = { number, name: '', user: '', state: JOB_STATE.pending, reason: 'job-incoming' };
    return answer(reply(message, STATUS.ok, '', jobGroup(words, printerUri)));
  }

  // ------------------------------------------------------------------------------------------ of a job

  #judgeJob(asked: Asked, number: number): IppVerdict {
    const { message, printerUri, attributes } = asked;
    this.#expire();
    const created = this.#created.get(number);
    const spooled = this.#options.spool.ippJobs().find(({ job }) => jobNumber(job.id) === number);
    if (created === undefined && spooled === undefined)
      return this.#issued.has(number)
        ? answer(reply(message, STATUS.notFound, 'it is not in the spool any more'))
        : PASS;
    const words =
      spooled === undefined
        ? { number, name: '', user: '', state: JOB_STATE.pending, reason: 'job-incoming' as const }
        : wordsOf(spooled.job, spooled.isDelivering);
    switch (message.code) {
      case OPERATION.getJobAttributes: {
        const picked = pick(describeJob(words, printerUri), textsOf(attributes, 'requested-attributes'));
        return answer(reply(message, STATUS.ok, '', { tag: GROUP.job, attributes: picked }));
      }
      case OPERATION.sendDocument:
        return created === undefined
          ? answer(reply(message, STATUS.notPossible, 'it has its document'))
          : this.#sendDocument(asked, created, number);
      case OPERATION.cancelJob:
        return answer(this.#cancel(asked, number, spooled?.job ?? null));
      default:
        return answer(reply(message, STATUS.notPossible, 'its printer does not have it yet'));
    }
  }

  /** RFC 8011 section 4.3.1: the two requests become the Print-Job that they stand for. */
  #sendDocument(asked: Asked, { request, path, printerUri: uri }: CreatedJob, number: number): IppVerdict {
    const { message, attributes, head } = asked;
    const isLast = attributes.some(({ name }) => name === 'last-document') && !isFalse(attributes, 'last-document');
    if (!isLast)
      return answer(
        reply(message, STATUS.multipleDocumentsNotSupported, 'a job for a sleeping printer has one document'),
      );
    const known = this.#options.memory.of({ path, host: head.host, uri });
    const [format] = textsOf(attributes, 'document-format');
    if (known !== null && !takesFormat(known, format))
      return answer(reply(message, STATUS.formatNotSupported, 'its printer does not list this document-format'));
    const ofCreate = attributesOf(request, GROUP.operation);
    const have = new Set(ofCreate.map(({ name }) => name));
    const ofDocument = attributes.filter(({ name }) => DOCUMENT_ATTRIBUTES.has(name) && !have.has(name));
    const groups = [
      { tag: GROUP.operation, attributes: [...ofCreate, ...ofDocument] },
      ...request.groups.filter(({ tag }) => tag !== GROUP.operation),
    ];
    const toSend = { version: request.version, code: OPERATION.printJob, requestId: message.requestId, groups };
    return { kind: 'job', job: this.#toKeep({ ...asked, head: { ...head, path } }, toSend, number) };
  }

  async #cancel({ message, attributes }: Asked, number: number, job: SpooledJob | null): Promise<IppMessage> {
    if (job === null) {
      this.#created.delete(number);
      return reply(message, STATUS.ok, '');
    }
    const [user = ''] = textsOf(attributes, 'requesting-user-name');
    if (cut(user, USER_MAX_BYTES) !== job.ipp?.user)
      return reply(message, STATUS.notAuthorized, 'it is the job of somebody else');
    try {
      const isDropped = await this.#options.spool.drop(job.id);
      return reply(message, isDropped ? STATUS.ok : STATUS.notFound, '');
    } catch (thrown) {
      if (!(thrown instanceof TorporError) || thrown.code !== 'ERR_SPOOL') throw thrown;
      return reply(message, STATUS.notPossible, 'it is on its way to the printer');
    }
  }

  // ------------------------------------------------------------------------------------------ numbers

  #freshNumber(): number {
    for (;;) {
      const number = jobNumber(randomBytes(4).toString('hex'));
      const isTaken = this.#options.spool.ippJobs().some(({ job }) => jobNumber(job.id) === number);
      if (!isTaken && !this.#created.has(number)) return number;
    }
  }

  #issue(number: number): void {
    this.#issued.add(number);
    const [oldest] = this.#issued;
    if (this.#issued.size > MAX_ISSUED && oldest !== undefined) this.#issued.delete(oldest);
  }

  #expire(): void {
    const nowMs = this.#options.clock.nowMs();
    for (const [number, { expiresAtMs }] of this.#created) if (expiresAtMs <= nowMs) this.#created.delete(number);
  }
}

/** Of Send-Document, which say what Print-Job's own would. */
const DOCUMENT_ATTRIBUTES: ReadonlySet<string> = new Set([
  'document-name',
  'document-format',
  'document-natural-language',
  'compression',
]);

function answer(message: IppMessage | Promise<IppMessage>): IppVerdict {
  return { kind: 'answer', message };
}

function jsonBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text)) - 2;
}

/** As much of it as has so many bytes in JSON. */
function cut(text: string, maxBytes: number): string {
  const signs = Array.from(text.slice(0, maxBytes));
  while (jsonBytes(signs.join('')) > maxBytes) signs.pop();
  return signs.join('');
}
