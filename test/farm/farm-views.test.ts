// Who is connected where, seen from one of several Torpors: all that answered are shown, who did not is named.
import { describe, expect, it } from 'vitest';
import { FarmViews, formatView, NOTHING_CARRIED, readView, VIEW_BYTES_MAX } from '../../src/farm/farm-views.ts';
import { farmSums } from '../../src/platform/farm-sums.ts';
import type { CarriedSums } from '../../src/platform/status.ts';
import { SmallFarm, type SmallTorpor, streamOf } from './support/small-farm.ts';

/** In virtual time: the bound on who does not answer is over then. */
async function refresh(small: SmallFarm, { farm }: SmallTorpor, detail: 'own' | 'sums' | 'streams'): Promise<void> {
  const done = farm.refresh(detail);
  await small.clock.advance(1_000);
  await done;
}

async function busyFarm(): Promise<SmallFarm> {
  const small = await SmallFarm.of('a', 'b', 'c');
  small.at('a').enter(streamOf('s1', true));
  small.at('b').enter(streamOf('s1', true));
  small.at('b').streams.push(streamOf('s2', false));
  await small.clock.advance(100);
  return small;
}

const carried = (streams: number, pool: number): CarriedSums => {
  return { ...NOTHING_CARRIED, streams, pool, bytesFromClients: 10 * streams, bytesToClients: 20 * streams };
};

describe('views of a farm', () => {
  it('streams at two of three Torpors -> all from any of them, each with its Torpor', async () => {
    const small = await busyFarm();
    for (const torpor of small.torpors) {
      await refresh(small, torpor, 'streams');
      const all = torpor.farm.streams().map(({ instance, id, active }) => `${instance} ${id} ${active}`);
      expect(all.sort()).toEqual(['a s1 true', 'b s1 true', 'b s2 false']);
      expect(torpor.farm.streams()[0]?.instance).toBe(torpor.name === 'c' ? 'a' : torpor.name);
      expect(farmSums(torpor.status)).toEqual({ pool: 2, streams: 3, heldBytes: 0, heldStoredBytes: 0, untold: [] });
    }
    expect(small.at('c').status).toMatchObject({ pool: 0, streams: 0 });
    expect(small.at('c').status.instances).toEqual([
      { instance: 'c', version: '0.1.0', carried: carried(0, 0) },
      { instance: 'a', version: '0.1.0', carried: carried(1, 1) },
      { instance: 'b', version: '0.1.0', carried: carried(2, 1) },
    ]);
    expect(small.at('a').farm.instances()).toMatchObject([
      { name: 'a', self: true, answered: true, streams: 1 },
      { name: 'b', self: false, answered: true, streams: 2 },
      { name: 'c', self: false, answered: true, streams: 0 },
    ]);
  });

  it('one does not answer -> named, after a second; gone for its whole lease -> not there any more', async () => {
    const small = await busyFarm();
    expect(small.at('a').farm.instances()[1]).toMatchObject({ name: 'b', answered: null, streams: null });
    small.at('b').store.cut({ silent: true });
    await refresh(small, small.at('a'), 'streams');
    const { status, farm } = small.at('a');
    expect(farmSums(status)).toMatchObject({ streams: 1, untold: ['b'] });
    expect(farm.instances()).toMatchObject([
      { name: 'a' },
      { name: 'b', answered: false, streams: null },
      { name: 'c' },
    ]);
    expect(farm.streams().map(({ instance }) => instance)).toEqual(['a']);
    await small.clock.advance(40_000);
    await refresh(small, small.at('a'), 'sums');
    expect(farm.instances().map(({ name }) => name)).toEqual(['a', 'c']);
  });

  it('metrics look at this Torpor alone; two who ask at once wait for the same answers', async () => {
    const small = await busyFarm();
    const asked = () => small.at('b').looks.length;
    const before = asked();
    await refresh(small, small.at('a'), 'own');
    expect(asked()).toBe(before);
    await Promise.all([refresh(small, small.at('a'), 'sums'), small.at('a').farm.refresh('sums')]);
    expect(asked()).toBe(before + 1);
  });
});

describe('a view as text', () => {
  it('more streams and platforms than one message takes -> active ones first, the rest counted; sums of the rest are not made up', async () => {
    const streams = Array.from({ length: 5_000 }, (_, at) => ({
      ...streamOf(`s${at}`, at >= 4_900),
      lastActiveAtMs: at,
    }));
    const platforms = Array.from({ length: 10_000 }, (_, at) => [`vdi-${at}`, carried(at % 2, 0)] as const);
    const text = formatView(platforms, streams);
    expect(Buffer.byteLength(text)).toBeLessThan(VIEW_BYTES_MAX + 1_000);
    const view = readView(text);
    expect(view?.streams.slice(0, 100).every(({ active }) => active)).toBe(true);
    expect(view?.streams[0]?.id).toBe('s4999');
    expect((view?.streams.length ?? 0) + (view?.unlistedStreams ?? 0)).toBe(5_000);
    expect(Object.keys(view?.platforms ?? {}).length + (view?.unlistedPlatforms ?? 0)).toBe(5_000);
    expect(view?.openStreams).toBe(5_000);
    const instances = ['a', 'b'].map((name) => ({ name, version: '1', silentMs: 0 }));
    const views = new FarmViews(
      () => instances,
      async () => view,
    );
    await views.look('sums');
    expect(views.platform('vdi-1', NOTHING_CARRIED)[1]?.carried).toEqual(carried(1, 0));
    expect(views.platform('vdi-9999', NOTHING_CARRIED)[1]?.carried).toBeNull();
  });

  it('of another version, or none -> what is known of it, or nothing', () => {
    const other = { platforms: { x: { streams: 3, colour: 'red' } }, streams: [{ id: 's1', vm: 7, idleAtMs: 5 }] };
    expect(
      readView(JSON.stringify({ ...other, unlistedPlatforms: 0, openStreams: 3, unlistedStreams: 0 })),
    ).toMatchObject({
      platforms: { x: { ...NOTHING_CARRIED, streams: 3 } },
      streams: [{ id: 's1', vm: '', idleAtMs: 5, mode: 'flowing' }],
    });
    expect(readView('{}')).toBeNull();
    expect(readView('[')).toBeNull();
  });
});
