// What a listener says about jobs that may wait on disk: defaults, values, refusals.
import { describe, expect, it } from 'vitest';
import { parseListeners } from './support/parse-listeners.ts';

const PRINTER = 'target: "10.0.0.7:9100", device: printer';

function load(options: string, top = '') {
  return parseListeners([`listen: "127.0.0.1:9100", ${options}`], top);
}

function ruleOf(options: string): object | null | undefined {
  return load(options).config.platforms[0]?.vms[0]?.listeners[0]?.defer;
}

describe('defer', () => {
  it('left out, empty, all of it -> nothing, the defaults, the values', () => {
    expect(ruleOf(PRINTER)).toBeNull();
    expect(ruleOf(`${PRINTER}, defer: {}`)).toEqual({
      as: 'raw',
      forMs: 4 * 3_600_000,
      maxJobBytes: 64 * 1024 ** 2,
      maxJobs: 1000,
      maxTotalBytes: 1024 ** 3,
    });
    expect(ruleOf(`${PRINTER}, defer: { for: 8h, maxJobSize: 1MiB, maxJobs: 5, maxTotal: 2MiB }`)).toEqual({
      as: 'raw',
      forMs: 8 * 3_600_000,
      maxJobBytes: 1024 ** 2,
      maxJobs: 5,
      maxTotalBytes: 2 * 1024 ** 2,
    });
  });

  it.each([
    ['target: "10.0.0.7:631", device: printer, defer: {}', 'ipp'],
    ['target: "10.0.0.7:631", device: printer, protocol: http, defer: {}', 'ipp'],
    ['target: "10.0.0.7:8631", device: printer, defer: { as: ipp }', 'ipp'],
    ['target: "10.0.0.7:8631", device: printer, defer: {}', 'raw'],
  ])('%s -> jobs are taken as %s', (options, expected) => {
    expect(ruleOf(options)).toMatchObject({ as: expected });
  });

  it.each([
    ['target: "10.0.0.7:3389", defer: {}', 'write device: printer'],
    [`${PRINTER}, protocol: http, defer: {}`, 'waits for an answer'],
    ['target: "10.0.0.7:631", device: printer, defer: { as: raw }', 'write as: ipp'],
    ['target: "10.0.0.7:631", device: printer, protocol: raw, defer: {}', 'leave protocol out'],
    ['target: "10.0.0.7:515", device: printer, defer: {}', 'a client of LPD waits'],
    [`${PRINTER}, defer: {}, webSocket: {}`, 'of plain TCP clients only'],
    [`${PRINTER}, defer: {}, webSocket: `, 'of plain TCP clients only'],
    [`${PRINTER}, defer: { maxJobSize: 2GiB }`, 'a larger maxTotal'],
    [`${PRINTER}, defer: { until: 4h }`, 'known here: as, for, maxJobSize, maxJobs, maxTotal'],
    [`${PRINTER}, defer: { for: never }`, 'defer.for'],
  ])('%s -> refused: %s', (options, expected) => {
    expect(() => load(options)).toThrow(expected);
  });

  it('several workers -> refused, since one process keeps a spool', () => {
    expect(() => load(`${PRINTER}, defer: {}`, 'workers: 2')).toThrow('write workers: 1');
    expect(load(`${PRINTER}, defer: {}`, 'workers: 1').config.workers).toBe(1);
  });
});
