// `torpor sleep` at a Torpor that does not own the platform: the owner's answer is the answer.
import { describe, expect, it } from 'vitest';
import { PLATFORM, SmallFarm, streamOf } from './support/small-farm.ts';

type Outcome = { readonly code: string | null; readonly message: string };

/** What the guest's caller is told, in virtual time. */
async function sleepAtGuest(small: SmallFarm, force = false): Promise<Outcome> {
  const [guest] = small.guests;
  const asked: Promise<Outcome> = (guest as (typeof small.guests)[0]).farm.sleep(PLATFORM, force).then(
    () => ({ code: null, message: '' }),
    (thrown) => ({ code: thrown.code, message: thrown.message }),
  );
  await small.clock.advance(3_000);
  return asked;
}

describe('sleep, asked for at a Torpor that does not own the platform', () => {
  it('nothing speaks against it -> the owner puts it to sleep, and says who asked', async () => {
    const small = await SmallFarm.of('a', 'b');
    expect(await sleepAtGuest(small)).toEqual({ code: null, message: '' });
    await small.clock.advance(20_000);
    for (const { status } of small.torpors) expect(status.state).toBe('asleep');
    expect(small.host.acpi).toBe('S3');
    const [guest] = small.guests;
    const notes = small.owner.events.after(0).map(({ message }) => message);
    expect(notes).toContain(`asked to sleep by an operator at ${guest?.name}`);
    expect(await sleepAtGuest(small)).toEqual({ code: null, message: '' });
  });

  it('a client is active at the owner -> refused as there; forced -> asleep all the same', async () => {
    const small = await SmallFarm.of('a', 'b');
    const { owner } = small;
    owner.enter(streamOf('s1', true));
    const refused = await sleepAtGuest(small);
    expect(refused.code).toBe('ERR_PLATFORM_BUSY');
    expect(refused.message).toContain('is in use by');
    expect(refused.message).toContain(`${owner.name} says so`);
    expect(await sleepAtGuest(small, true)).toEqual({ code: null, message: '' });
    await small.clock.advance(20_000);
    expect(small.host.acpi).toBe('S3');
  });

  it('a client is active at a Torpor that neither was asked nor owns it -> refused as busy, and says where; forced -> asleep', async () => {
    const small = await SmallFarm.of('a', 'b', 'c');
    const [, third] = small.guests;
    third?.enter(streamOf('s1', true));
    await small.clock.advance(100);
    const refused = await sleepAtGuest(small);
    expect(refused.code).toBe('ERR_PLATFORM_BUSY');
    expect(refused.message).toContain(
      `is in use by 1 active client at ${third?.name}: wait until they are idle, or force`,
    );
    expect(await sleepAtGuest(small, true)).toEqual({ code: null, message: '' });
    await small.clock.advance(20_000);
    expect(small.host.acpi).toBe('S3');
  });

  it('an operator inhibits it -> refused with why', async () => {
    const small = await SmallFarm.of('a', 'b');
    await small.at('a').farm.inhibit(PLATFORM, { inhibitor: 'backup', forMs: null, why: 'nightly' });
    await small.clock.advance(100);
    const refused = await sleepAtGuest(small, true);
    expect(refused).toMatchObject({ code: 'ERR_PLATFORM_STATE', message: expect.stringContaining('nightly') });
  });

  it('the owner does not answer, or the store is away -> told that it was not asked, and why', async () => {
    const small = await SmallFarm.of('a', 'b');
    small.owner.store.cut({ silent: true });
    const silent = await sleepAtGuest(small);
    expect(silent.code).toBe('ERR_STORE_UNREACHABLE');
    expect(silent.message).toContain('owns it, and it did not answer within 2 s');
    small.owner.store.mend();
    await small.clock.advance(30_000);
    small.guests[0]?.store.cut();
    const away = await sleepAtGuest(small);
    expect(away.message).toContain('the shared store: cut off');
    expect(small.host.acpi).toBe('S0');
  });
});
