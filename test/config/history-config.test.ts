// `history` and `energy`: every default, what is read, and what is refused with what to write instead.
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load-config.ts';

const LEAST = `platforms:
  - name: lab
    power: { bmc: { driver: ipmi, host: 10.0.9.12, user: torpor, passwordEnv: P } }
    vms: [{ name: one, listeners: [{ listen: "127.0.0.1:0", target: "10.0.1.6:22" }] }]
`;

function read(text: string) {
  return parseConfig(`${text}\n${LEAST}`, 'torpor.yaml', '/etc/torpor').config;
}

describe('history and energy', () => {
  it('what is written -> with units in milliseconds and bytes', () => {
    const { history, energy } = read(
      'history: { keep: 30d, maxSize: 64MiB, powerEvery: 10s }\nenergy: { price: 0.25, currency: CHF, co2eKgPerKwh: 0.05, ownWatts: 4.5, timeZone: Europe/Zurich }',
    );
    expect(history).toEqual({ keepMs: 30 * 86_400_000, maxBytes: 64 * 1024 ** 2, sampleEveryMs: 10_000 });
    expect(energy).toEqual({
      price: 0.25,
      currency: 'CHF',
      co2eKgPerKwh: 0.05,
      ownWatts: 4.5,
      timeZone: 'Europe/Zurich',
    });
  });

  it.each(['off', 'false'])('history: %s -> none is kept', (word) => {
    expect(read(`history: ${word}`).history).toBeNull();
  });

  it.each([
    ['history: { keep: 1h }', /too short/],
    ['history: { keep: 40000d }', /too long/],
    ['history: { maxSize: 1MiB }', /too small/],
    ['history: { powerEvery: 10ms }', /too short/],
    ['history: { powerEvry: 10s }', /did you mean `powerEvery`|unknown key `powerEvry`/],
    ['history: on', /./],
    ['energy: { currency: euro }', /a currency of three letters/],
    ['energy: { price: -1 }', /a number from 0 to 1000/],
    ['energy: { timeZone: Mars/Olympus }', /no time zone/],
    ['energy: { ownWatts: "6" }', /a number from 0/],
  ])('%s -> refused', (text, problem) => {
    expect(() => read(text)).toThrow(problem);
  });
});
