// One platform's orders at several Torpors, one thing after the other: what reaches whom, and what happens where the store or a disk fails.
import { describe, expect, it } from 'vitest';
import { NO_ORDERS, type OrderChange } from '../../../src/farm/orders/farm-orders.ts';
import { OrdersScene, PLATFORM } from './support/orders-scene.ts';

const KEY = `orders.${PLATFORM}`;
const INHIBIT: OrderChange = { kind: 'inhibit', name: 'backup', why: 'nightly', untilMs: null };
const HELD = { inhibitors: ['backup: nightly until null'], maintenance: null, drained: false };
const NOTHING = { inhibitors: [], maintenance: null, drained: false };

function stored(scene: OrdersScene): unknown {
  return JSON.parse(scene.world.entry(KEY)?.value ?? 'null');
}

describe('platform orders', () => {
  it('nothing was ever ordered -> nothing is written', async () => {
    const scene = await OrdersScene.of('a', 'b');
    expect(scene.world.entry(KEY)).toBeNull();
    expect(scene.disks.size).toBe(0);
  });

  it('inhibited, in maintenance and drained at one, released at another -> it holds at all, and is over at all, with one write each', async () => {
    const scene = await OrdersScene.of('a', 'b', 'c');
    await scene.at('a').order(INHIBIT);
    await scene.clock.advance(100);
    await scene.at('b').order({ kind: 'maintenance', on: true, why: 'a fan' });
    await scene.clock.advance(100);
    await scene.at('c').order({ kind: 'drain', on: true });
    await scene.clock.advance(100);
    for (const { view } of scene.all) expect(view).toEqual({ ...HELD, maintenance: 'a fan', drained: true });
    const { revision } = scene.world.entry(KEY) as { revision: number };
    const before = scene.world.writes;
    await scene.at('c').order({ kind: 'release' });
    await scene.clock.advance(100);
    expect(scene.world.writes - before).toBe(1);
    expect(scene.world.entry(KEY)?.revision).toBe(revision + 1);
    for (const { view } of scene.all) expect(view).toEqual({ ...NOTHING, drained: true });
  });

  it('ordered while cut off, restarted meanwhile -> it holds here at once, and everywhere once the store is back', async () => {
    const scene = await OrdersScene.of('a', 'b');
    await scene.at('b').order({ ...INHIBIT, name: 'old', why: 'x' });
    await scene.clock.advance(100);
    scene.at('a').store.cut();
    await scene.at('a').order(INHIBIT);
    await scene.at('a').order({ kind: 'lift', name: 'old' });
    await scene.clock.advance(1_000);
    expect(scene.at('a').view).toEqual(HELD);
    expect(scene.at('b').view.inhibitors).toEqual(['old: x until null']);
    scene.world.answers = false;
    await scene.restart('a');
    await scene.clock.advance(1_000);
    expect(scene.at('a').view).toEqual(HELD);
    scene.world.answers = true;
    await scene.clock.advance(10_000);
    expect(scene.at('b').view).toEqual(HELD);
  });

  it('it takes no part for a while (a hand-over) -> writes nothing meanwhile, and all once it does again', async () => {
    const scene = await OrdersScene.of('a', 'b');
    const { member, orders } = scene.at('a');
    const stopped = member.stop();
    await scene.clock.advance(100);
    await stopped;
    await scene.at('a').order(INHIBIT);
    await scene.clock.advance(10_000);
    expect(scene.world.entry(KEY)).toBeNull();
    expect(orders.orders.inhibitors).toHaveLength(1);
    member.start();
    await scene.clock.advance(6_000);
    expect(scene.at('b').view).toEqual(HELD);
  });

  it('held before there was a farm -> told to the others', async () => {
    const scene = new OrdersScene();
    const backup = { kind: 'operator', name: 'backup', why: 'nightly', sinceMs: 1, untilMs: null } as const;
    await scene.run('a', { inhibitors: [backup], maintenance: null, drained: false });
    await scene.run('b');
    await scene.clock.advance(6_000);
    expect(scene.at('b').view).toEqual(HELD);
  });

  it('the store has lost all -> written anew from what each has kept', async () => {
    const scene = await OrdersScene.of('a', 'b');
    await scene.at('a').order(INHIBIT);
    await scene.clock.advance(100);
    const entry = scene.world.entry(KEY) as { revision: number };
    scene.world.write(KEY, null, entry.revision);
    await scene.clock.advance(5_000);
    expect(stored(scene)).toMatchObject({ inhibitors: [{ name: 'backup', by: 'a' }] });
    expect(scene.at('b').view).toEqual(HELD);
  });

  it('written by a newer Torpor that older ones must not touch -> left alone, not sure, and here all goes on', async () => {
    const scene = await OrdersScene.of('a', 'b');
    const newer = JSON.stringify({ ...NO_ORDERS, version: 2, needs: 2, inhibitors: 'of another kind' });
    scene.world.write(KEY, newer, 0);
    await scene.clock.advance(100);
    await scene.at('a').order(INHIBIT);
    await scene.clock.advance(5_000);
    expect(scene.world.entry(KEY)?.value).toBe(newer);
    expect(scene.at('a').view).toEqual(HELD);
    expect(scene.at('b').view).toEqual(NOTHING);
    const share = scene.at('a').member.share(PLATFORM);
    expect(share.uncertain()).toMatch(/orders in the store were written by a newer Torpor/);
  });

  it('its copy is damaged -> begun anew from the store, and said', async () => {
    const scene = await OrdersScene.of('a', 'b');
    await scene.at('a').order(INHIBIT);
    await scene.clock.advance(100);
    scene.disks.set('b', '{"inhib');
    await scene.restart('b');
    await scene.clock.advance(6_000);
    expect(scene.at('b').view).toEqual(HELD);
    expect(JSON.stringify(scene.log)).toContain('is damaged');
  });

  it('its disk refuses -> the caller is told, and the others are, too', async () => {
    const scene = await OrdersScene.of('a', 'b');
    scene.failingDisks.add('a');
    await expect(scene.at('a').order(INHIBIT)).rejects.toThrow('disk full');
    await scene.clock.advance(100);
    expect(scene.at('b').view).toEqual(HELD);
    scene.failingDisks.clear();
    await scene.at('a').order({ ...INHIBIT, why: 'again' });
    expect(scene.disks.get('a')).toContain('again');
  });
});
