// One platform shared by three Torpors in a memory world: who owns it, who agrees, who may press, and what happens when some of them die.
import { describe, expect, it } from 'vitest';
import { rankFor } from '../../src/farm/rendezvous.ts';
import { FarmScene, LEASE_MS, PLATFORM } from './support/farm-scene.ts';

const KEY = `platform.${PLATFORM}`;

async function committed(): Promise<FarmScene> {
  const scene = await FarmScene.of('a', 'b', 'c');
  scene.owner.controller.seek();
  await scene.clock.advance(1_000);
  expect(scene.owner.controller).toMatchObject({ agreed: true, why: 'a, b, c agreed' });
  return scene;
}

describe('platform member: agreement', () => {
  it('three idle Torpors -> one owner; its suspend is agreed to by all, and it alone may press', async () => {
    const scene = await committed();
    expect(scene.record).toMatchObject({ phase: 'committed', epoch: 1 });
    expect(scene.owner.mayPress).toBe(true);
    for (const guest of scene.guests) {
      expect(guest.mayPress).toBe(false);
      expect(guest.controller.isHeld).toBe(true);
      expect(guest.controller.kinds).toEqual(['suspendProposed', 'suspendCommitted']);
      expect(guest.controller.peers).toMatchObject({ owner: scene.owner.name, uncertain: null, others: [] });
    }
    expect(scene.owner.controller.kinds).toEqual([]);
  });

  it('somebody is active at another -> not agreed, nobody is asked', async () => {
    const scene = await FarmScene.of('a', 'b', 'c');
    const [guest] = scene.guests as [(typeof scene.guests)[0]];
    guest.controller.setActive(2);
    await scene.clock.advance(1_000);
    expect(scene.owner.controller.peers?.others).toEqual([
      { instance: guest.name, active: 2, newestDeadlineMs: 0, keeps: null },
    ]);
    scene.owner.controller.seek();
    await scene.clock.advance(1_000);
    expect(scene.owner.controller.why).toBe(`${guest.name} has 2 active`);
    expect(guest.controller.kinds).toEqual([]);
  });

  it('somebody becomes active at the moment of the commit -> one of the two wins, never both', async () => {
    for (let offset = 0; offset < 12; offset += 1) {
      const scene = await FarmScene.of('a', 'b', 'c');
      scene.world.faults.delayMs = [20, 20];
      const [guest] = scene.guests as [(typeof scene.guests)[0]];
      scene.owner.controller.seek();
      await scene.clock.advance(offset * 20);
      guest.controller.setActive(1);
      await scene.clock.advance(2_000);
      expect(scene.record).toMatchObject({ phase: 'awake', proposal: 1 });
      expect(scene.owner.mayPress).toBe(false);
      const wasCommitted = scene.owner.controller.agreed === true;
      expect(scene.owner.controller.kinds.includes('suspendCalledOff')).toBe(true);
      if (wasCommitted) expect(scene.guests[1]?.controller.kinds).toContain('suspendCommitted');
    }
  });

  it('one does not answer -> called off at the bound; all are told', async () => {
    const scene = await FarmScene.of('a', 'b', 'c');
    const [guest, other] = scene.guests as [(typeof scene.guests)[0], (typeof scene.guests)[0]];
    guest.controller.answersHeld = false;
    scene.owner.controller.seek();
    await scene.clock.advance(31_000);
    expect(scene.owner.controller.why).toBe(`${guest.name} did not answer`);
    expect(other.controller.kinds).toEqual(['suspendProposed', 'suspendCalledOff']);
    expect(scene.record.phase).toBe('awake');
  });

  it('the owner aborts -> called off', async () => {
    const scene = await FarmScene.of('a', 'b', 'c');
    for (const guest of scene.guests) guest.controller.answersHeld = false;
    const abort = new AbortController();
    scene.owner.controller.seek(false, abort.signal);
    await scene.clock.advance(500);
    expect(scene.record.phase).toBe('proposed');
    abort.abort();
    await scene.clock.advance(500);
    expect(scene.record.phase).toBe('awake');
    expect(scene.owner.controller).toMatchObject({ agreed: null, why: 'it is not wanted any more' });
  });

  it('an agreement taken back before the commit -> called off', async () => {
    const scene = await FarmScene.of('a', 'b', 'c');
    const [guest, other] = scene.guests as [(typeof scene.guests)[0], (typeof scene.guests)[0]];
    other.controller.answersHeld = false;
    scene.owner.controller.seek();
    await scene.clock.advance(500);
    guest.controller.share.answerProposal(1, false, 'a client came');
    await scene.clock.advance(500);
    expect(scene.owner.controller.why).toBe(`${guest.name}: a client came`);
  });

  it('forced -> active clients do not stand in the way; a wish to wake afterwards does', async () => {
    const scene = await FarmScene.of('a', 'b', 'c');
    const [guest] = scene.guests as [(typeof scene.guests)[0]];
    guest.controller.setActive(1);
    await scene.clock.advance(500);
    scene.owner.controller.seek(true);
    await scene.clock.advance(500);
    // The small controller refuses while somebody is active, whatever is forced.
    guest.controller.share.answerProposal(1, true, 'forced');
    expect(scene.record.proposal).toBe(1);
    guest.controller.active = 0;
    scene.owner.controller.seek(true);
    await scene.clock.advance(1_000);
    expect(scene.record).toMatchObject({ phase: 'committed', forced: true });
    expect(scene.record.members[`${guest.name}@${scene.record.members && bootOf(scene, guest.name)}`]?.active).toBe(1);
    guest.controller.share.wantWake('a client');
    await scene.clock.advance(500);
    expect(scene.record.phase).toBe('awake');
    expect(scene.owner.mayPress).toBe(false);
  });

  it('a commit is pressed soon or not at all', async () => {
    const scene = await committed();
    await scene.clock.advance(3_000);
    expect(scene.owner.mayPress).toBe(true);
    await scene.clock.advance(3_000);
    expect(scene.owner.mayPress).toBe(false);
  });

  it('a wake at another Torpor -> all are told, what was committed is called off', async () => {
    const scene = await committed();
    const [guest, other] = scene.guests as [(typeof scene.guests)[0], (typeof scene.guests)[0]];
    guest.controller.setActive(1);
    await scene.clock.advance(500);
    expect(other.controller.told).toContainEqual({ kind: 'peerWake', by: guest.name, why: 'a client' });
    expect(other.controller.kinds.at(-1)).toBe('suspendCalledOff');
    expect(scene.owner.mayPress).toBe(false);
  });

  it('a wish to wake while nothing is under way -> calls off nothing later', async () => {
    const scene = await FarmScene.of('a', 'b', 'c');
    scene.guests[0]?.controller.share.wantWake('a client');
    await scene.clock.advance(500);
    scene.owner.controller.seek();
    await scene.clock.advance(1_000);
    expect(scene.owner.controller.agreed).toBe(true);
  });

  it('bytes and deadlines cost no writes; what becomes active and idle costs one each', async () => {
    const scene = await FarmScene.of('a', 'b', 'c');
    const [guest] = scene.guests as [(typeof scene.guests)[0]];
    const platformWrites = () => scene.world.writes;
    await scene.clock.advance(10_000);
    const before = platformWrites();
    await scene.clock.advance(10_000);
    const beats = platformWrites() - before;
    const from = platformWrites();
    guest.controller.setActive(1);
    for (let each = 0; each < 100; each += 1) {
      guest.controller.setActive(1 + (each % 3));
      await scene.clock.advance(90);
    }
    guest.controller.setActive(0);
    await scene.clock.advance(1_000);
    expect(platformWrites() - from).toBe(beats + 2);
  });
});

describe('platform member: leases', () => {
  it('the owner dies -> held until its lease ends, then another owns it; its active clients count until then', async () => {
    const scene = await FarmScene.of('a', 'b', 'c');
    const { owner } = scene;
    owner.controller.setActive(1);
    await scene.clock.advance(1_000);
    owner.kill();
    await scene.clock.advance(0.6 * LEASE_MS);
    for (const guest of scene.guests) {
      expect(guest.controller.peers?.others).toMatchObject([{ instance: owner.name, active: 1 }]);
      expect(guest.controller.peers?.uncertain).toContain(`${owner.name} has fallen silent`);
    }
    await scene.clock.advance(LEASE_MS);
    const next = scene.owner;
    expect(next.name).not.toBe(owner.name);
    expect(scene.record.epoch).toBe(2);
    expect(next.controller.peers).toMatchObject({ owner: next.name, uncertain: null, others: [] });
    next.controller.seek();
    await scene.clock.advance(1_000);
    expect(next.controller.agreed).toBe(true);
  });

  it('the owner is stopped after its commit, for longer than its lease -> it may not press when it goes on', async () => {
    const scene = await committed();
    const { owner } = scene;
    owner.clock.pause();
    await scene.clock.advance(2 * LEASE_MS);
    expect(scene.owner).not.toBe(owner);
    expect(scene.record.phase).toBe('committed');
    expect(owner.mayPress).toBe(false);
    owner.clock.resume();
    expect(owner.mayPress).toBe(false);
    await scene.clock.advance(10_000);
    expect(owner.mayPress).toBe(false);
    // It takes part again, as another run of itself.
    expect(owner.controller.peers).toMatchObject({ uncertain: null, owner: scene.owner.name });
  });

  it('a new owner of what was committed -> may not press for it; it ends it when it knows that it runs', async () => {
    const scene = await committed();
    scene.owner.kill();
    await scene.clock.advance(2 * LEASE_MS);
    const next = scene.owner;
    expect(next.mayPress).toBe(false);
    next.controller.seek();
    await scene.clock.advance(500);
    expect(next.controller.why).toBe('a suspend is under way');
    next.controller.end();
    await scene.clock.advance(500);
    expect(scene.record.phase).toBe('awake');
    next.controller.seek();
    await scene.clock.advance(500);
    expect(next.mayPress).toBe(true);
  });

  it('a new owner of what was committed sees it run, woken by nobody of the farm -> the suspend is over, the next one may come', async () => {
    const scene = await committed();
    scene.owner.kill();
    await scene.clock.advance(2 * LEASE_MS);
    const next = scene.owner;
    expect(scene.record.phase).toBe('committed');
    next.controller.seeItRun();
    await scene.clock.advance(500);
    expect(scene.record).toMatchObject({ phase: 'awake', why: `${next.name} owns it now, and sees it run` });
    next.controller.seek();
    await scene.clock.advance(500);
    expect(next.mayPress).toBe(true);
  });

  it('who committed it is killed and begins anew -> sees it run: the suspend is over', async () => {
    const scene = await FarmScene.of('a');
    scene.owner.controller.seek();
    await scene.clock.advance(500);
    scene.owner.kill();
    const next = scene.run('a');
    await scene.clock.advance(3 * LEASE_MS);
    expect(scene.record.phase).toBe('committed');
    next.controller.seeItRun();
    await scene.clock.advance(500);
    expect(scene.record.phase).toBe('awake');
  });

  it('one that does not own it sees it run -> it stands: the owner knows whether it has pressed', async () => {
    const scene = await committed();
    for (const guest of scene.guests) guest.controller.seeItRun();
    await scene.clock.advance(5_000);
    expect(scene.record.phase).toBe('committed');
  });

  it('the owner dies while it asks -> whoever takes over calls it off', async () => {
    const scene = await FarmScene.of('a', 'b', 'c');
    for (const guest of scene.guests) guest.controller.answersHeld = false;
    scene.owner.controller.seek();
    await scene.clock.advance(500);
    expect(scene.record.phase).toBe('proposed');
    const { owner } = scene;
    owner.kill();
    await scene.clock.advance(2 * LEASE_MS);
    expect(scene.record.phase).toBe('awake');
    for (const each of scene.instances.values())
      if (each !== owner) expect(each.controller.kinds).toEqual(['suspendProposed', 'suspendCalledOff']);
  });

  it('a Torpor that stops -> nobody waits for its lease', async () => {
    const scene = await FarmScene.of('a', 'b', 'c');
    const { owner } = scene;
    await Promise.all([owner.member.stop(), scene.clock.advance(500)]);
    await scene.clock.advance(2_000);
    expect(scene.owner).not.toBe(owner);
    expect(scene.owner.controller.peers?.uncertain).toBeNull();
  });

  it('killed and started anew under the same name -> waits for the lease of its former run, then takes part', async () => {
    const scene = await FarmScene.of('a', 'b', 'c');
    const { name } = scene.owner;
    scene.owner.kill();
    const anew = scene.run(name);
    await scene.clock.advance(5_000);
    expect(anew.controller.peers?.uncertain).toContain(`another Torpor is called ${name}`);
    await scene.clock.advance(LEASE_MS);
    expect(anew.controller.peers?.uncertain).toBeNull();
  });

  it('two processes of one name -> the second never takes part while the first lives', async () => {
    const scene = await FarmScene.of('a', 'b');
    const first = scene.at('a');
    const second = scene.run('a');
    await scene.clock.advance(10 * LEASE_MS);
    expect(second.controller.peers?.uncertain).toContain('another Torpor is called a');
    expect(first.controller.peers?.uncertain).toBeNull();
    expect(second.mayPress).toBe(false);
  });

  it('a platform goes to the Torpor that it belongs to, once that has been there for a while; back to it after a restart', async () => {
    const scene = await FarmScene.of('a', 'b', 'c');
    const [best] = rankFor(PLATFORM, ['a', 'b', 'c']) as [string];
    expect(scene.owner.name).not.toBe(best);
    await scene.clock.advance(70_000);
    expect(scene.owner.name).toBe(best);
    await Promise.all([scene.owner.member.stop(), scene.clock.advance(5_000)]);
    const back = scene.run(best);
    await scene.clock.advance(30_000);
    expect(scene.owner).not.toBe(back);
    await scene.clock.advance(60_000);
    expect(scene.owner).toBe(back);
  });
});

describe('platform member: the store', () => {
  it('no quorum -> uncertain, nothing is agreed to and nobody may press; wakes are told; afterwards all goes on, nobody is declared dead', async () => {
    const scene = await committed();
    scene.world.answers = false;
    await scene.clock.advance(2 * LEASE_MS);
    for (const { controller, mayPress } of scene.instances.values()) {
      expect(controller.peers?.uncertain).toBe('the store has not confirmed this Torpor’s lease');
      expect(mayPress).toBe(false);
    }
    scene.world.answers = true;
    await scene.clock.advance(8_000);
    for (const { controller } of scene.instances.values()) expect(controller.peers?.uncertain).toBeNull();
    expect(scene.record.epoch).toBe(1);
  });

  it('cut off -> uncertain at once; the others go on without it after its lease; mended -> it takes part again', async () => {
    const scene = await FarmScene.of('a', 'b', 'c');
    const [guest] = scene.guests as [(typeof scene.guests)[0]];
    guest.store.cut();
    await scene.clock.advance(0);
    expect(guest.controller.peers?.uncertain).toBe('the shared store: cut off');
    await scene.clock.advance(2 * LEASE_MS);
    expect(scene.owner.controller.peers?.uncertain).toBeNull();
    guest.store.mend();
    await scene.clock.advance(8_000);
    expect(guest.controller.peers?.uncertain).toBeNull();
  });

  it('an answer that was lost -> what was written is found, nothing is left proposed', async () => {
    const scene = await FarmScene.of('a', 'b', 'c');
    scene.world.faults.lostAnswers = 1;
    scene.world.faults.delayMs = [1, 1];
    // The dice of this world always fall on 0: every answer is lost.
    scene.owner.controller.seek();
    await scene.clock.advance(7_000);
    scene.world.faults.lostAnswers = 0;
    await scene.clock.advance(LEASE_MS);
    expect(scene.record.phase).toBe('awake');
    scene.owner.controller.seek();
    await scene.clock.advance(1_000);
    expect(scene.owner.controller.agreed).toBe(true);
  });

  it('a record that a newer Torpor says not to touch -> uncertain, and it stays as it is', async () => {
    const scene = await FarmScene.of('a', 'b', 'c');
    const entry = scene.world.entry(KEY);
    const newer = JSON.stringify({ ...scene.record, needs: 2 });
    scene.world.write(KEY, newer, entry?.revision ?? 0);
    await scene.clock.advance(5_000);
    for (const { controller } of scene.instances.values())
      expect(controller.peers?.uncertain).toContain('written by a newer Torpor');
    expect(scene.world.entry(KEY)?.value).toBe(newer);
  });

  it('fields of a newer Torpor -> are kept, also those of members', async () => {
    const scene = await FarmScene.of('a', 'b', 'c');
    const entry = scene.world.entry(KEY);
    const members = Object.fromEntries(
      Object.entries(scene.record.members).map(([id, member]) => [id, { ...member, weight: 7 }]),
    );
    scene.world.write(KEY, JSON.stringify({ ...scene.record, version: 3, hue: 'blue', members }), entry?.revision ?? 0);
    await scene.clock.advance(500);
    scene.guests[0]?.controller.setActive(1);
    await scene.clock.advance(500);
    expect(scene.record).toMatchObject({ version: 3, hue: 'blue' });
    for (const member of Object.values(scene.record.members)) expect(member).toMatchObject({ weight: 7 });
  });

  it('one that joins while it is committed -> is told so after what it knows of the others', async () => {
    const scene = await committed();
    const late = scene.run('d');
    await scene.clock.advance(5_000);
    expect(late.controller.told[0]).toMatchObject({ kind: 'peers' });
    expect(late.controller.kinds).toEqual(['suspendCommitted']);
  });
});

function bootOf(scene: FarmScene, name: string): string {
  const id = Object.keys(scene.record.members).find((each) => each.startsWith(`${name}@`)) as string;
  return id.slice(name.length + 1);
}
