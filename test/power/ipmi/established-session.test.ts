// A session that gets packets with the right integrity code under every kind of number: each number once, none too far off.
import { describe, expect, it } from 'vitest';
import { CIPHER_SUITES } from '../../../src/power/ipmi/cipher-suite.ts';
import { EstablishedSession } from '../../../src/power/ipmi/established-session.ts';
import { decodeRmcp } from '../../../src/power/ipmi/rmcp.ts';
import { decodeSessionPacket } from '../../../src/power/ipmi/rmcp-plus.ts';
import { SessionKeys } from '../../../src/power/ipmi/session-keys.ts';

const SIK = Uint8Array.from({ length: 32 }, (_, index) => 7 * index);

/** Both ends of one session: they share keys, and each chose the other's id. */
function pair(): { bmc: EstablishedSession; take: (packet: Uint8Array) => string } {
  const keys = new SessionKeys(CIPHER_SUITES[17], SIK);
  const bmc = new EstablishedSession({ keys, localSessionId: 2, remoteSessionId: 1 });
  const console = new EstablishedSession({ keys, localSessionId: 1, remoteSessionId: 2 });
  const take = (packet: Uint8Array) => {
    const { body } = decodeRmcp(packet);
    const opened = console.open(decodeSessionPacket(body), body);
    return opened.kind === 'message' ? Buffer.from(opened.message).toString() : opened.why;
  };
  return { bmc, take };
}

const bytes = (text: string) => new TextEncoder().encode(text);

describe('established session: numbers with the right integrity code', () => {
  it.each([
    [0, 'sequence number outside the window'],
    [20, 'duplicate sequence number'],
    [4, 'duplicate sequence number'],
    [3, 'sequence number outside the window'],
    [0xffff_ffff, 'sequence number outside the window'],
    [36, 'sequence number outside the window'],
    [35, 'false'],
    [21, 'false'],
  ])('after 1 to 20 comes %i -> %s', (sequence, outcome) => {
    const { bmc, take } = pair();
    for (let number = 1; number <= 20; number += 1) expect(take(bmc.seal(bytes('true')))).toBe('true');
    expect(bmc.lastSent).toBe(20);
    expect(take(bmc.sealAs(sequence, bytes('false')))).toBe(outcome);
  });

  it('a number far off -> the window has not moved: the next one is taken', () => {
    const { bmc, take } = pair();
    expect(take(bmc.seal(bytes('one')))).toBe('one');
    expect(take(bmc.sealAs(1000, bytes('false')))).toBe('sequence number outside the window');
    expect(take(bmc.seal(bytes('two')))).toBe('two');
  });
});
