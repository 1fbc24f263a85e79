// Asks the printers behind one listener what they say of themselves, once after each wake. Who is asked for is told by clients.
import { errorText } from '../../platform/errors.ts';
import { type DeliveryHome, SpoolDelivery } from '../spool/spool-delivery.ts';
import type { StreamRoute } from '../stream.ts';
import { IppAnswer } from './ipp-answer.ts';
import { type IppMemory, MAX_PRINTERS, type PrinterName, printerKey } from './ipp-memory.ts';
import { encodeIpp, GROUP, TAG, textAttribute } from './ipp-message.ts';
import { OPERATION } from './ipp-operations.ts';

/** A printer that does not answer yet is asked again after this, so often. */
export const ASK_AGAIN_MS = 30_000;
export const ASK_TIMES = 5;
/** Since the last wake: names are the clients', who may send any. */
export const MAX_ASKED = 64;

export interface IppLearnerOptions {
  readonly home: DeliveryHome & { readonly log: { debug(facts: object, text: string): void } };
  readonly route: StreamRoute;
  readonly memory: IppMemory;
}

export class IppLearner {
  readonly #options: IppLearnerOptions;
  /** Not asked since the last wake, and how often in vain. */
  readonly #wanted = new Map<string, { readonly name: PrinterName; failures: number }>();
  /** Asked since then: not again. */
  readonly #asked = new Set<string>();
  #delivery: SpoolDelivery | null = null;
  #isRunning = false;
  #isStopped = false;
  #cancelRetry = () => {};

  constructor(options: IppLearnerOptions) {
    this.#options = options;
  }

  /** A client asks for it. */
  want(name: PrinterName): void {
    const key = printerKey(name);
    if (this.#asked.has(key) || this.#wanted.has(key) || this.#wanted.size >= MAX_PRINTERS) return;
    if (this.#asked.size + this.#wanted.size >= MAX_ASKED) return;
    this.#wanted.set(key, { name, failures: 0 });
    void this.#run();
  }

  /** Since the last wake: of any printer there. True also when nobody is asked any more. */
  hasAsked(place: Pick<PrinterName, 'path' | 'host'>): boolean {
    const start = printerKey({ ...place, uri: '' });
    return this.#asked.size >= MAX_ASKED || [...this.#asked].some((key) => key.startsWith(start));
  }

  /** The VM is held, or is not any more. */
  heldChanged(): void {
    if (this.#isHeld) {
      this.#asked.clear();
      this.#cancelRetry();
      this.#delivery?.abort('its platform goes to sleep');
      return;
    }
    for (const { attributes: _, learnedAtMs: __, ...name } of this.#options.memory.printers) this.want(name);
    void this.#run();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelRetry();
    this.#delivery?.abort('its listener is closed');
  }

  get #isHeld(): boolean {
    return this.#options.home.isHeld(this.#options.route.vm);
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    const failed: string[] = [];
    for (;;) {
      const [key, wanted] = [...this.#wanted].find(([each]) => !failed.includes(each)) ?? [];
      if (key === undefined || wanted === undefined || this.#isHeld || this.#isStopped) break;
      if (await this.#ask(wanted.name)) {
        this.#asked.add(key);
        this.#wanted.delete(key);
        continue;
      }
      failed.push(key);
      wanted.failures += 1;
      if (wanted.failures >= ASK_TIMES) this.#wanted.delete(key);
    }
    this.#isRunning = false;
    this.#cancelRetry();
    if (failed.length === 0 || this.#isHeld || this.#isStopped) return;
    this.#cancelRetry = this.#options.home.clock.schedule(ASK_AGAIN_MS, () => void this.#run());
  }

  /** False: there was no answer. */
  async #ask(name: PrinterName): Promise<boolean> {
    const { home, route, memory } = this.#options;
    const answer = new IppAnswer();
    const content = oneRequest(name);
    const onNothing = { onReply: async () => {}, onSent: () => {} };
    this.#delivery = new SpoolDelivery({ home, route, ends: null, content, answer, ...onNothing });
    let problem = '';
    await this.#delivery.run().catch((thrown: unknown) => {
      problem = errorText(thrown);
    });
    this.#delivery = null;
    const { outcome } = answer;
    if (outcome?.kind === 'taken') await memory.learn(name, outcome.message, home.clock.nowMs());
    else if (outcome?.kind === 'refused') await memory.forget(name);
    if (problem !== '') home.log.debug({ listener: route.listener }, `${name.uri} does not say what it is: ${problem}`);
    return outcome !== null;
  }
}

async function* oneRequest({ path, host, uri, ippVersion }: PrinterName): AsyncGenerator<Uint8Array> {
  const operation = [
    textAttribute(TAG.charset, 'attributes-charset', 'utf-8'),
    textAttribute(TAG.language, 'attributes-natural-language', 'en'),
    textAttribute(TAG.uri, 'printer-uri', uri),
    textAttribute(TAG.keyword, 'requested-attributes', 'all', 'media-col-database'),
  ];
  const groups = [{ tag: GROUP.operation, attributes: operation }];
  const code = OPERATION.getPrinterAttributes;
  const body = encodeIpp({ version: ippVersion, code, requestId: 1, groups });
  yield Buffer.concat([requestHead(path, host, body.length), body]);
}

/** Of what is sent to a printer. null: in chunks. */
export function requestHead(path: string, host: string, bodyBytes: number | null): Uint8Array {
  const framing = bodyBytes === null ? 'Transfer-Encoding: chunked' : `Content-Length: ${bodyBytes}`;
  const lines = [`POST ${path} HTTP/1.1`, `Host: ${host}`, 'Content-Type: application/ipp', framing];
  return Buffer.from([...lines, 'Connection: close', '', ''].join('\r\n'), 'latin1');
}
