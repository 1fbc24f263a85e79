import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KEPT_INHIBITORS_MAX, OrderBook } from '../../src/history/order-book.ts';
import type { KeptOrders } from '../../src/platform/inhibitor.ts';
import { TempFolder } from '../support/temp-folder.ts';

const ORDERS: KeptOrders = {
  inhibitors: [{ kind: 'operator', name: 'fan', why: 'a new fan', sinceMs: 1, untilMs: null }],
  maintenance: { why: 'a new fan', sinceMs: 2 },
  pressesAtMs: [3, 4],
};

let folder: TempFolder;
let book: OrderBook;
beforeEach(() => {
  folder = new TempFolder('orders');
  book = new OrderBook(folder.file('state'));
});
afterEach(() => folder.remove());

function damage(text: string): void {
  const path = folder.file('state/orders/vdi-01.json');
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

describe('OrderBook', () => {
  it('read: nothing was ever written -> null, and nothing is made', async () => {
    expect(await book.read('vdi-01')).toBeNull();
    expect(existsSync(folder.file('state'))).toBe(false);
  });

  it('write, then read by another process’s eyes -> the same, for its owner only, no leftover', async () => {
    await book.write('vdi-01', ORDERS);
    expect(await new OrderBook(folder.file('state')).read('vdi-01')).toEqual(ORDERS);
    const path = folder.file('state/orders/vdi-01.json');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(existsSync(`${path}.new`)).toBe(false);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ form: 1 });
  });

  it('write: an unfinished one of before lies there -> replaced whole', async () => {
    damage('');
    writeFileSync(folder.file('state/orders/vdi-01.json.new'), '{"form":1,"inhib');
    await book.write('vdi-01', ORDERS);
    expect(await book.read('vdi-01')).toEqual(ORDERS);
  });

  it.each([
    ['empty', ''],
    ['cut', '{"form":1,"inhib'],
    ['of another form', JSON.stringify({ form: 2, ...ORDERS })],
    ['an inhibitor without a name', JSON.stringify({ form: 1, ...ORDERS, inhibitors: [{ kind: 'operator' }] })],
    [
      'a check’s inhibitor',
      JSON.stringify({ form: 1, ...ORDERS, inhibitors: [{ ...ORDERS.inhibitors[0], kind: 'check' }] }),
    ],
    [
      'too many',
      JSON.stringify({ form: 1, ...ORDERS, inhibitors: Array(KEPT_INHIBITORS_MAX + 1).fill(ORDERS.inhibitors[0]) }),
    ],
    ['maintenance as a word', JSON.stringify({ form: 1, ...ORDERS, maintenance: true })],
    ['presses as words', JSON.stringify({ form: 1, ...ORDERS, pressesAtMs: ['now'] })],
  ])('read: %s -> ERR_JOURNAL with the path, never a guess', async (_title, text) => {
    damage(text);
    await expect(book.read('vdi-01')).rejects.toMatchObject({ code: 'ERR_JOURNAL' });
    await expect(book.read('vdi-01')).rejects.toThrow(folder.file('state/orders/vdi-01.json'));
  });

  it('write: its folder’s place is taken by a file -> ERR_JOURNAL that says how long they hold', async () => {
    mkdirSync(folder.file('state'));
    writeFileSync(folder.file('state/orders'), '');
    chmodSync(folder.file('state/orders'), 0o600);
    await expect(book.write('vdi-01', ORDERS)).rejects.toThrow('they hold until Torpor ends');
  });
});
