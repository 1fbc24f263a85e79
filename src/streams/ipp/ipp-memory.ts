// What the printers behind one listener were last seen to say of themselves, in memory and beside the spool, so that it can be told while they sleep.
import { join } from 'node:path';
import { errorText } from '../../platform/errors.ts';
import type { Logger } from '../../platform/ports.ts';
import type { SpoolDisk } from '../spool/spool-disk.ts';
import { attributesOf, decodeIpp, encodeIpp, GROUP, type IppAttribute, type IppMessage } from './ipp-message.ts';

/** One port rarely serves more queues; the one that was learned longest ago is forgotten for another. */
export const MAX_PRINTERS = 16;
const FILE = 'printers.json';
const VERSION = 1;

/** How a printer is asked: as its clients do. */
export interface PrinterName {
  /** Of the HTTP request. */
  readonly path: string;
  readonly host: string;
  readonly uri: string;
  readonly ippVersion: number;
}

/**
 * Which printer a request is for: its URI says so, and the server may tell more of it at one path than at another (CUPS' clients ask at `/`). The host is
 * part of it: servers name themselves by it in what they answer, and no client is told what another one wrote there.
 */
export function printerKey({ path, host, uri }: Pick<PrinterName, 'path' | 'host' | 'uri'>): string {
  return `${path} ${host.toLowerCase()} ${uri.replace(/^[\w+.-]+:\/\/[^/]*/, '')}`;
}

export interface KnownPrinter extends PrinterName {
  readonly learnedAtMs: number;
  readonly attributes: readonly IppAttribute[];
}

interface StoredPrinter extends PrinterName {
  readonly learnedAtMs: number;
  /** Its answer, in base64. */
  readonly answer: string;
}

export interface IppMemoryOptions {
  readonly disk: SpoolDisk;
  readonly folder: string;
  readonly log: Logger;
}

export class IppMemory {
  readonly #options: IppMemoryOptions;
  /** The one that was learned last is the last. */
  readonly #printers = new Map<string, KnownPrinter>();
  #saving: Promise<void> = Promise.resolve();

  constructor(options: IppMemoryOptions) {
    this.#options = options;
  }

  get printers(): Iterable<KnownPrinter> {
    return this.#printers.values();
  }

  of(name: Pick<PrinterName, 'path' | 'host' | 'uri'>): KnownPrinter | null {
    return this.#printers.get(printerKey(name)) ?? null;
  }

  /** Reads what is on disk. Does not reject: what cannot be read is learned again. */
  async load(): Promise<void> {
    const { disk, folder, log } = this.#options;
    const path = join(folder, FILE);
    try {
      if (!(await disk.list(folder)).includes(FILE)) return;
      const text = new TextDecoder().decode(await disk.read(path, 0, await disk.size(path)));
      const { version, printers } = JSON.parse(text) as { version: unknown; printers: StoredPrinter[] };
      if (version !== VERSION) return;
      for (const { answer, ...printer } of printers) {
        const decoded = decodeIpp(Buffer.from(answer, 'base64'));
        if (decoded.kind === 'whole')
          this.#printers.set(printerKey(printer), {
            ...printer,
            attributes: attributesOf(decoded.message, GROUP.printer),
          });
      }
    } catch (thrown) {
      log.warn({ file: path }, `what printers said cannot be read, and is asked again: ${errorText(thrown)}`);
    }
  }

  learn(name: PrinterName, answer: IppMessage, nowMs: number): Promise<void> {
    const key = printerKey(name);
    this.#printers.delete(key);
    const attributes = attributesOf(answer, GROUP.printer);
    this.#printers.set(key, { ...name, learnedAtMs: nowMs, attributes });
    const [oldest] = this.#printers.keys();
    if (this.#printers.size > MAX_PRINTERS && oldest !== undefined) this.#printers.delete(oldest);
    return this.#saveLater();
  }

  /** It does not say so any more. */
  forget(name: PrinterName): Promise<void> {
    return this.#printers.delete(printerKey(name)) ? this.#saveLater() : Promise.resolve();
  }

  /** One after the other. Does not reject: it is known in memory all the same. */
  #saveLater(): Promise<void> {
    this.#saving = this.#saving.then(() =>
      this.#save().catch((thrown: unknown) =>
        this.#options.log.warn({}, `what a printer says cannot be kept on disk: ${errorText(thrown)}`),
      ),
    );
    return this.#saving;
  }

  async #save(): Promise<void> {
    const { disk, folder } = this.#options;
    const printers: StoredPrinter[] = [...this.#printers.values()].map(({ attributes, ...printer }) => {
      const groups = [{ tag: GROUP.printer, attributes }];
      const answer = Buffer.from(encodeIpp({ version: printer.ippVersion, code: 0, requestId: 1, groups }));
      return { ...printer, answer: answer.toString('base64') };
    });
    const fresh = join(folder, `${FILE}.new`);
    if ((await disk.list(folder)).includes(`${FILE}.new`)) await disk.remove(fresh);
    const file = await disk.create(fresh);
    try {
      await file.write(Buffer.from(JSON.stringify({ version: VERSION, printers })), 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await disk.rename(fresh, join(folder, FILE));
    await disk.syncFolder(folder);
  }
}
