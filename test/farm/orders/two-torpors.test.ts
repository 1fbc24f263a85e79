// What an operator says at one of two Torpors, with the machines and the farms that are shipped: it holds at the other.
import { describe, expect, it } from 'vitest';
import { PLATFORM, SmallFarm } from '../support/small-farm.ts';

const BACKUP = { inhibitor: 'backup', forMs: null, why: 'nightly' };

describe('operators’ orders at two Torpors', () => {
  it('inhibited at one -> kept awake by the other, too, and released there', async () => {
    const small = await SmallFarm.of('a', 'b');
    expect(small.owner.status.state).toBe('drowsy');
    await small.at('a').farm.inhibit(PLATFORM, BACKUP);
    await small.clock.advance(100);
    for (const { status } of small.torpors)
      expect(status).toMatchObject({ state: 'awake', inhibitors: [{ name: 'backup', why: 'nightly' }] });
    await expect(small.at('b').farm.release(PLATFORM, 'another')).rejects.toThrow('there are: backup');
    await small.at('b').farm.release(PLATFORM, 'backup');
    await small.clock.advance(5_000);
    for (const { status } of small.torpors) expect(status.inhibitors).toEqual([]);
    expect(small.owner.status.state).toBe('drowsy');
    const said = small
      .at('a')
      .events.after(0)
      .map(({ message }) => message);
    expect(said).toContain('no longer inhibited by operator (backup): released by an operator at another Torpor');
  });

  it('in maintenance and drained at one -> at the other, too; a release there ends the maintenance at both', async () => {
    const small = await SmallFarm.of('a', 'b');
    await small.at('a').farm.maintenance(PLATFORM, true, 'a new fan');
    await small.at('b').farm.drain(PLATFORM, true);
    await small.clock.advance(100);
    for (const { status } of small.torpors)
      expect(status).toMatchObject({ maintenance: true, maintenanceWhy: 'a new fan', drained: true });
    await small.at('b').farm.release(PLATFORM, null);
    await small.at('a').farm.drain(PLATFORM, false);
    await small.clock.advance(100);
    for (const { status } of small.torpors) expect(status).toMatchObject({ maintenance: false, drained: false });
    const told = small
      .at('a')
      .events.after(0)
      .filter(({ kind }) => kind === 'maintenance');
    expect(told.map(({ facts }) => facts)).toEqual([{ on: true }, { on: false }]);
  });

  it('inhibited for a time -> over at both when that is over', async () => {
    const small = await SmallFarm.of('a', 'b');
    await small.at('a').farm.inhibit(PLATFORM, { ...BACKUP, forMs: 60_000 });
    await small.clock.advance(59_000);
    for (const { status } of small.torpors) expect(status.inhibitors).toHaveLength(1);
    await small.clock.advance(5_000);
    for (const { status } of small.torpors) expect(status.inhibitors).toEqual([]);
    expect(small.owner.status.state).toBe('drowsy');
  });
});
