// What operators ordered, on disk: one small file per platform, replaced whole. What orders mean is the machine's business.
import { join } from 'node:path';
import { errorText, TorporError } from '../platform/errors.ts';
import type { InhibitorStatus, KeptOrders, MaintenanceOrder } from '../platform/inhibitor.ts';
import type { OrderStore } from '../platform/ports.ts';
import { PlatformFolder } from './platform-folder.ts';

/** Version of the file's form. A file of another version is refused, not guessed at. */
const FORM_VERSION = 1;
/** More in one file are refused. Torpors of a farm that were apart may each have been given OPERATOR_INHIBITORS_MAX of them. */
export const KEPT_INHIBITORS_MAX = 1_024;

export class OrderBook implements OrderStore {
  readonly #files: PlatformFolder;

  /** `directory` is made at the first write. */
  constructor(directory: string) {
    this.#files = new PlatformFolder(join(directory, 'orders'));
  }

  async read(platform: string): Promise<KeptOrders | null> {
    const path = this.#files.pathOf(platform);
    const text = await this.#files.read(platform).catch((thrown: unknown) => {
      throw orderError(`cannot read the operators' orders in ${path}: ${errorText(thrown)}`, thrown);
    });
    if (text === null) return null;
    try {
      return parseOrders(JSON.parse(text));
    } catch (thrown) {
      throw orderError(`the operators' orders in ${path} are damaged (${errorText(thrown)})`, thrown);
    }
  }

  async write(platform: string, orders: KeptOrders): Promise<void> {
    try {
      await this.#files.write(platform, `${JSON.stringify({ form: FORM_VERSION, ...orders })}\n`);
    } catch (thrown) {
      const what = `cannot write the operators' orders to ${this.#files.pathOf(platform)}: ${errorText(thrown)}`;
      throw orderError(`${what}; they hold until Torpor ends`, thrown);
    }
  }
}

function orderError(message: string, cause: unknown): TorporError {
  return new TorporError('ERR_JOURNAL', message, { cause });
}

function parseOrders(value: unknown): KeptOrders {
  const { form, inhibitors, maintenance, pressesAtMs } = value as KeptOrders & { form: unknown };
  const fits =
    form === FORM_VERSION &&
    Array.isArray(inhibitors) &&
    inhibitors.length <= KEPT_INHIBITORS_MAX &&
    inhibitors.every(isInhibitor) &&
    (maintenance === null || isMaintenance(maintenance)) &&
    Array.isArray(pressesAtMs) &&
    pressesAtMs.every(Number.isFinite);
  if (!fits) throw new Error('not orders of this version');
  return { inhibitors, maintenance, pressesAtMs };
}

function isInhibitor(value: InhibitorStatus): boolean {
  return (
    value?.kind === 'operator' &&
    typeof value.name === 'string' &&
    typeof value.why === 'string' &&
    Number.isFinite(value.sinceMs) &&
    (value.untilMs === null || Number.isFinite(value.untilMs))
  );
}

function isMaintenance(value: MaintenanceOrder): boolean {
  return typeof value?.why === 'string' && Number.isFinite(value.sinceMs);
}
