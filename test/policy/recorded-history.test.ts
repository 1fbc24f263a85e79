// Torpor's own history as activity: which openings of machines count, and a history of years.
import { describe, expect, it } from 'vitest';
import { RecordedHistory } from '../../src/policy/recorded-history.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

function event(kind: string, atMs: number, facts: object) {
  return { at_ms: atMs, platform: 'p', kind, facts };
}

function connect(history: RecordedHistory, stream: string, client: string, fromMs: number, toMs: number): void {
  history.push(event('stream-open', fromMs, { stream, client: `${client}:5000`, vm: 'vm' }));
  history.push(event('stream-closed', toMs, { stream }));
}

describe('RecordedHistory', () => {
  it('a machine opens while one of two connections lasts, at its end, before all, and of an address that never came -> only of who is not there', () => {
    const history = new RecordedHistory();
    connect(history, 's1', '10.0.0.7', 1000, 9000);
    connect(history, 's2', '10.0.0.7', 2000, 3000);
    connect(history, 's3', '10.0.0.77', 0, 20_000);
    for (const atMs of [500, 1000, 5000, 9000]) history.push(event('client-opened', atMs, { client: '10.0.0.7' }));
    history.push(event('client-opened', 500, { client: '10.0.0.8' }));
    const client = '10.0.0.7 vm';
    expect(history.read().openings).toEqual([
      { client, atMs: 500 },
      { client, atMs: 9000 },
    ]);
  });

  // Compared one by one this was five minutes.
  it('a year of twenty clients that connect ten times a day -> read, in seconds', { timeout: 60_000 }, () => {
    const history = new RecordedHistory();
    for (let index = 0; index < 365 * 20; index += 1) {
      const [day, client] = [Math.floor(index / 20) * DAY_MS, `10.0.0.${index % 20}`];
      history.push(event('client-opened', day, { client }));
      for (let hour = 0; hour < 10; hour += 1)
        connect(history, `${index}-${hour}`, client, day + hour * HOUR_MS + 1000, day + (hour + 0.5) * HOUR_MS);
    }
    const { openings, connections } = history.read();
    expect([openings.length, connections.length]).toEqual([365 * 20, 365 * 200]);
  });
});
