// What every shared store must do, as one suite for all of them.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SharedStore, StoreEntry, WatchListener } from '../../../src/farm/shared-store.ts';
import { eventually } from '../../support/eventually.ts';

export interface StoreStand {
  client(): SharedStore;
  close(): Promise<void>;
}

/** Keeps all that a watch tells, as text. */
export class KeptWatch implements WatchListener {
  readonly told: string[] = [];
  readonly values = new Map<string, string | null>();
  readonly revisions: number[] = [];
  isCaughtUp = false;

  onBegin(): void {
    this.told.push('begin');
    this.values.clear();
    this.revisions.length = 0;
    this.isCaughtUp = false;
  }

  onEntry({ key, value, revision }: StoreEntry): void {
    this.told.push(`${key}=${value}`);
    this.values.set(key, value);
    this.revisions.push(revision);
  }

  onCaughtUp(): void {
    this.told.push('caught up');
    this.isCaughtUp = true;
  }
}

/** How often several write at once. A cluster that does not compare as it applies fails within the first few. */
const RACE_ROUNDS = 20;

/** The keys of each test are its own: a stand is opened once. */
export function describeContract(title: string, open: () => Promise<StoreStand>): void {
  describe(title, () => {
    let stand: StoreStand;
    let keys = 0;
    beforeAll(async () => {
      stand = await open();
    });
    afterAll(() => stand.close());
    const key = () => {
      keys += 1;
      return `platform.vdi-${keys}`;
    };
    const connected = async () => {
      const store = stand.client();
      await eventually('a connection', () => store.status.connected, { context: () => store.status.why });
      return store;
    };
    const written = async (store: SharedStore, at: string, value: string) => {
      const answer = await store.create(at, value);
      if (answer.outcome !== 'written') throw new Error(`not created: ${JSON.stringify(answer)}`);
      return answer.revision;
    };

    it('create: nothing there -> written and read by another; something there -> conflict, left as it is', async () => {
      const [one, other, at] = [await connected(), await connected(), key()];
      expect(await one.get(at)).toBeNull();
      const revision = await written(one, at, 'first');
      expect(await other.get(at)).toEqual({ key: at, value: 'first', revision });
      expect(await other.create(at, 'second')).toEqual({ outcome: 'conflict' });
      expect(await one.get(at)).toEqual({ key: at, value: 'first', revision });
    });

    it('update: the revision that stands -> written; an older one -> conflict; a key that is not there -> conflict', async () => {
      const [store, at] = [await connected(), key()];
      const revision = await written(store, at, 'a');
      const answer = await store.update(at, 'b', revision);
      expect(answer.outcome).toBe('written');
      expect(await store.update(at, 'c', revision)).toEqual({ outcome: 'conflict' });
      expect((await store.get(at))?.value).toBe('b');
      expect(await store.update(key(), 'd', revision)).toEqual({ outcome: 'conflict' });
    });

    it('update and remove: many at one revision, over and over -> one of them happens each time', async () => {
      const clients = [await connected(), await connected(), await connected()];
      const at = key();
      let { revision } = { revision: await written(clients[0] as SharedStore, at, '0') };
      for (let round = 0; round < RACE_ROUNDS; round += 1) {
        const [last, next] = [revision, `round ${round}`];
        const answers = await Promise.all(
          clients.flatMap((each) => [each.update(at, next, last), each.remove(at, last), each.update(at, next, last)]),
        );
        const outcomes = answers.map(({ outcome }) => outcome);
        expect(outcomes.filter((outcome) => outcome === 'conflict')).toHaveLength(8);
        const entry = await (clients[round % 3] as SharedStore).get(at);
        expect(entry === null ? 'removed' : 'written').toBe(outcomes.find((outcome) => outcome !== 'conflict'));
        revision = entry?.revision ?? (await written(clients[0] as SharedStore, at, 'anew'));
      }
    });

    it('create: many at once, over and over -> one of them happens each time', async () => {
      const clients = [await connected(), await connected(), await connected()];
      for (let round = 0; round < RACE_ROUNDS; round += 1) {
        const at = key();
        const answers = await Promise.all(clients.flatMap((each) => [each.create(at, 'a'), each.create(at, 'b')]));
        expect(answers.filter(({ outcome }) => outcome === 'conflict')).toHaveLength(5);
      }
    });

    it('remove: an older revision -> conflict; the one that stands -> gone, and it can be created again', async () => {
      const [store, at] = [await connected(), key()];
      const first = await written(store, at, 'a');
      const second = await store.update(at, 'b', first);
      expect(await store.remove(at, first)).toEqual({ outcome: 'conflict' });
      if (second.outcome !== 'written') throw new Error(second.outcome);
      expect(await store.remove(at, second.revision)).toEqual({ outcome: 'removed' });
      expect(await store.get(at)).toBeNull();
      expect(await store.update(at, 'late', second.revision)).toEqual({ outcome: 'conflict' });
      expect(await written(store, at, 'anew')).toBeGreaterThan(second.revision);
    });

    it('watch: told what stands, caught up, then each change of anybody in the order of revisions', async () => {
      const [store, other, at] = [await connected(), await connected(), key()];
      const first = await written(store, at, '1');
      const watch = new KeptWatch();
      const watching = other.watch(watch);
      await eventually('all that stands', () => watch.isCaughtUp);
      expect(watch.values.get(at)).toBe('1');
      const second = await store.update(at, '2', first);
      const beside = key();
      await written(other, beside, 'x');
      if (second.outcome !== 'written') throw new Error(second.outcome);
      await store.remove(at, second.revision);
      await eventually('the removal', () => watch.values.get(at) === null);
      const since = watch.told.slice(watch.told.indexOf('caught up') + 1);
      expect(since).toEqual([`${at}=2`, `${beside}=x`, `${at}=null`]);
      expect(watch.revisions).toEqual([...watch.revisions].sort((a, b) => a - b));
      watching.stop();
      await written(store, key(), 'unseen');
      expect(watch.told.at(-1)).toBe(`${at}=null`);
    });

    it('watch again: begins anew, tells what stands, and goes on', async () => {
      const [store, at] = [await connected(), key()];
      const revision = await written(store, at, 'stays');
      const watch = new KeptWatch();
      const watching = store.watch(watch);
      await eventually('all that stands', () => watch.isCaughtUp);
      watching.again();
      await eventually('all of it again', () => watch.told.filter((each) => each === 'caught up').length === 2);
      expect(watch.values.get(at)).toBe('stays');
      await store.update(at, 'changed', revision);
      await eventually('the change', () => watch.values.get(at) === 'changed');
      watching.stop();
    });

    it('publish: everybody who subscribes hears it, also who sent it; nobody who no longer does', async () => {
      const [one, other] = [await connected(), await connected()];
      const heard: string[] = [];
      one.subscribe('wake', (text) => heard.push(`one ${text}`));
      const stop = other.subscribe('wake', (text) => heard.push(`other ${text}`));
      // Servers of a cluster tell each other of a subscription in their own time.
      await eventually('both', () => {
        one.publish('wake', 'a');
        return heard.includes('one a') && heard.includes('other a');
      });
      stop();
      one.publish('wake', 'b');
      await eventually('the one', () => heard.includes('one b'));
      expect(heard).not.toContain('other b');
    });

    it('ask: as many answers as there are; at the number that suffices it does not wait; nobody there -> none', async () => {
      const [one, other, third] = [await connected(), await connected(), await connected()];
      one.answer('view', async (text) => `one ${text}`);
      other.answer('view', async (text) => `other ${text}`);
      const far = { most: 2, boundMs: 60_000 };
      const asked = () => third.ask('view', '?', { most: 2, boundMs: 500 });
      await eventually('both to be known', async () => (await asked()).length === 2);
      expect((await third.ask('view', '?', far)).sort()).toEqual(['one ?', 'other ?']);
      const near = { most: 3, boundMs: 500 };
      await eventually('both answers', async () => (await third.ask('view', '?', near)).length === 2);
      expect(await third.ask('nobody', '?', { most: 1, boundMs: 50 })).toEqual([]);
    });

    it('close: what is asked afterwards is unknown, not an exception', async () => {
      const [store, at] = [await connected(), key()];
      await store.close();
      expect(store.status.connected).toBe(false);
      expect((await store.create(at, 'x')).outcome).toBe('unknown');
      await expect(store.get(at)).rejects.toMatchObject({ code: 'ERR_STORE_UNREACHABLE' });
    });
  });
}
