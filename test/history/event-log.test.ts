import { describe, expect, it } from 'vitest';
import { EVENT_LOG_BOUND, EventLog } from '../../src/history/event-log.ts';
import type { FarmEvent } from '../../src/platform/status.ts';
import { FakeClock } from '../support/fake-clock.ts';

describe('EventLog', () => {
  it('after: an id -> the later events, oldest first, numbered without a gap', () => {
    const log = new EventLog(new FakeClock(5));
    for (const message of ['a', 'b', 'c']) log.append('vdi-01', 'note', message, {});
    expect(log.after(1).map((event) => [event.id, event.message, event.atMs])).toEqual([
      [2, 'b', 5],
      [3, 'c', 5],
    ]);
    expect(log.after(3)).toEqual([]);
  });

  it('append: far past the bound -> at least the bound and at most twice it is kept', () => {
    const log = new EventLog(new FakeClock());
    const total = 3 * EVENT_LOG_BOUND;
    for (let i = 0; i < total; i += 1) log.append('vdi-01', 'note', '', {});
    const kept = log.after(0);
    expect(kept.length).toBeGreaterThanOrEqual(EVENT_LOG_BOUND);
    expect(kept.length).toBeLessThanOrEqual(2 * EVENT_LOG_BOUND);
    expect(kept.at(-1)?.id).toBe(total);
  });

  it('subscribe: until it is ended -> each event once', () => {
    const log = new EventLog(new FakeClock());
    const seen: FarmEvent[] = [];
    const end = log.subscribe((event) => seen.push(event));
    log.append('vdi-01', 'note', 'first', {});
    end();
    log.append('vdi-01', 'note', 'second', {});
    expect(seen.map((event) => event.message)).toEqual(['first']);
  });
});
