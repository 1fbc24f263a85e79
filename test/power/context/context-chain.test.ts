import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ContextChain, type ContextPart } from '../../../src/power/context/context-chain.ts';
import { IdentityWatch } from '../../../src/power/context/identity-watch.ts';
import { systemClock } from '../../../src/system-clock.ts';

const NEVER = new AbortController().signal;

/** A part that notes what is asked of it. */
class FakePart implements ContextPart {
  readonly name: string;
  veto: string | null = null;
  problem: string | null = null;
  readonly #deeds: string[];

  constructor(name: string, deeds: string[]) {
    this.name = name;
    this.#deeds = deeds;
  }

  async save(): Promise<string | null> {
    this.#deeds.push(`save ${this.name}`);
    return this.veto;
  }

  async restore(): Promise<string | null> {
    this.#deeds.push(`restore ${this.name}`);
    return this.problem;
  }
}

describe('ContextChain', () => {
  let directory: string;
  let deeds: string[];
  let told: string[];
  let saver: FakePart;
  let hooks: FakePart;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'torpor-chain-'));
    deeds = [];
    told = [];
    saver = new FakePart('saver', deeds);
    hooks = new FakePart('hooks', deeds);
    for (const who of ['host', 'alice', 'bob']) await setIdentity(who, 'one');
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  async function setIdentity(who: string, value: string | null): Promise<void> {
    if (value === null) await rm(join(directory, who), { force: true });
    else await writeFile(join(directory, who), value);
  }

  function chainOf(options: { readonly host?: boolean; readonly vms?: readonly string[] } = {}): ContextChain {
    const source = (who: string) => ({ kind: 'command' as const, command: `cat ${join(directory, who)}`, match: null });
    const withIdentity = options.vms ?? ['alice', 'bob'];
    const identities = new IdentityWatch({
      host: options.host === true ? source('host') : null,
      vms: ['alice', 'bob'].map((vm) => ({ vm, source: withIdentity.includes(vm) ? source(vm) : null })),
      clock: systemClock,
      tell: (_kind, message) => told.push(message),
    });
    return new ContextChain([saver, hooks], identities);
  }

  it('save, restore: parts in their order, then in the opposite one', async () => {
    const chain = chainOf();
    expect(await chain.save(NEVER)).toEqual({ veto: null });
    expect(await chain.restore(NEVER)).toEqual({ identity: 'same', lostVms: [], problem: null });
    expect(deeds).toEqual(['save saver', 'save hooks', 'restore hooks', 'restore saver']);
  });

  it('a save whose suspend was called off, then somebody else’s sleep: forgotten -> nothing is compared, all parts are restored', async () => {
    saver.veto = 'VM gpu cannot be saved';
    const chain = chainOf();
    await chain.save(NEVER);
    await setIdentity('alice', 'booted anew meanwhile');
    chain.forget();
    expect(await chain.restore(NEVER)).toEqual({ identity: 'unknown', lostVms: [], problem: null });
    expect(deeds).toEqual(['save saver', 'restore hooks', 'restore saver']);
  });

  it('forget while a save is under way -> forgotten after it, before what follows', async () => {
    const chain = chainOf();
    const saved = chain.save(NEVER);
    chain.forget();
    await saved;
    await setIdentity('alice', 'booted anew meanwhile');
    expect(await chain.restore(NEVER)).toMatchObject({ identity: 'unknown', lostVms: [] });
  });

  it('save: the saver vetoes -> the hooks are not run, neither before nor after', async () => {
    saver.veto = 'VM gpu cannot be saved';
    const chain = chainOf();
    expect(await chain.save(NEVER)).toEqual({ veto: 'VM gpu cannot be saved' });
    await chain.restore(NEVER);
    expect(deeds).toEqual(['save saver', 'restore saver']);
  });

  it('restore without a save: somebody else’s sleep, or a start of Torpor -> all parts', async () => {
    expect(await chainOf().restore(NEVER)).toEqual({ identity: 'unknown', lostVms: [], problem: null });
    expect(deeds).toEqual(['restore hooks', 'restore saver']);
  });

  it('restore: a part has a problem, or fails in a way nobody foresaw -> the other is restored all the same, and once more', async () => {
    hooks.problem = 'afterWake failed: exit code 3';
    saver.restore = () => Promise.reject(new Error('the disk is gone'));
    const chain = chainOf();
    await chain.save(NEVER);
    const problem = 'afterWake failed: exit code 3; the disk is gone';
    expect(await chain.restore(NEVER)).toEqual({ identity: 'same', lostVms: [], problem });
    await chain.restore(NEVER);
    expect(deeds.filter((deed) => deed === 'restore hooks')).toHaveLength(2);
  });

  it('restore while one is under way -> waits for it', async () => {
    let end: () => void = () => {};
    saver.restore = () => new Promise((resolve) => (end = () => resolve(null)));
    const chain = chainOf();
    await chain.save(NEVER);
    const first = chain.restore(NEVER);
    const second = chain.restore(NEVER);
    while (!deeds.includes('restore hooks')) await new Promise(setImmediate);
    expect(deeds.filter((deed) => deed === 'restore hooks')).toHaveLength(1);
    end();
    saver.restore = async () => null;
    expect([await first, await second]).toHaveLength(2);
  });

  it('identities: one VM changed -> it alone is lost; nothing changed -> nothing', async () => {
    const chain = chainOf();
    await chain.save(NEVER);
    await setIdentity('bob', 'two');
    expect(await chain.restore(NEVER)).toMatchObject({ identity: 'changed', lostVms: ['bob'] });
    await chain.save(NEVER);
    expect((await chain.restore(NEVER)).lostVms).toEqual([]);
  });

  it('identities: the host changed -> all VMs, but for those whose own identity shows that they outlived it', async () => {
    const bare = chainOf({ host: true, vms: [] });
    await bare.save(NEVER);
    await setIdentity('host', 'two');
    expect((await bare.restore(NEVER)).lostVms).toBe('all');
    const mixed = chainOf({ host: true, vms: ['alice'] });
    await mixed.save(NEVER);
    await setIdentity('host', 'three');
    expect((await mixed.restore(NEVER)).lostVms).toEqual(['bob']);
  });

  it('identities: the host is the same, a VM booted anew -> that VM', async () => {
    const chain = chainOf({ host: true });
    await chain.save(NEVER);
    await setIdentity('alice', 'two');
    expect((await chain.restore(NEVER)).lostVms).toEqual(['alice']);
  });

  it('identities: cannot be read before or after -> unknown, told, and nothing is lost by a guess', async () => {
    await setIdentity('alice', null);
    const chain = chainOf();
    await chain.save(NEVER);
    expect(told).toEqual([
      'the identity of VM alice cannot be read before the sleep (exit code 1): it is not known whether sessions were lost',
    ]);
    await setIdentity('alice', 'two');
    await setIdentity('bob', null);
    hooks.problem = 'not yet';
    expect(await chain.restore(NEVER)).toMatchObject({ identity: 'unknown', lostVms: [] });
    expect(told[1]).toContain('the identity of VM bob cannot be read after the wake');
  });

  it('identities: a restored VM answers a little later -> it is asked until it does', async () => {
    const chain = chainOf({ vms: ['alice'] });
    await chain.save(NEVER);
    await setIdentity('alice', null);
    const restoring = chain.restore(NEVER);
    setTimeout(() => void setIdentity('alice', 'two'), 100);
    expect((await restoring).lostVms).toEqual(['alice']);
    expect(told).toEqual([]);
  });

  it('identities: restored again after a problem -> compared again; after a good end they are forgotten: VMs may boot as they like', async () => {
    const chain = chainOf();
    await chain.save(NEVER);
    await setIdentity('bob', 'two');
    saver.problem = 'the hypervisor does not answer';
    expect((await chain.restore(NEVER)).lostVms).toEqual(['bob']);
    saver.problem = null;
    expect((await chain.restore(NEVER)).lostVms).toEqual(['bob']);
    expect((await chain.restore(NEVER)).lostVms).toEqual([]);
  });

  it('save: called off while identities are read -> no part begins', async () => {
    const abort = new AbortController();
    const chain = chainOf();
    abort.abort();
    expect(await chain.save(abort.signal)).toEqual({ veto: 'called off' });
    expect(deeds).toEqual([]);
  });
});
