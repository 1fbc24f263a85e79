// Which cipher suite a session speaks, what a refusal or a forged list can do to it, and logins with the BMC's own key (K_G).
import { describe, expect, it } from 'vitest';
import type { Logger } from '../../../src/platform/ports.ts';
import { suitesToPropose } from '../../../src/power/ipmi/cipher-suite.ts';
import { GET_CHASSIS_STATUS } from '../../../src/power/ipmi/commands/get-chassis-status.ts';
import { GET_SENSOR_READING } from '../../../src/power/ipmi/commands/get-sensor-reading.ts';
import { BmcCredentials } from '../../../src/power/ipmi/credentials.ts';
import { settleBy, setUpBench } from '../support/bmc-bench.ts';
import { hexOf } from '../support/hex.ts';

const KG = 'the BMC has a key';

function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error('expected a rejection');
    },
    (thrown: unknown) => thrown,
  );
}

function keptLog(): { lines: string[]; log: Logger } {
  const lines: string[] = [];
  const at = (level: string) => (_facts: object, message: string) => {
    lines.push(`${level}: ${message}`);
  };
  return { lines, log: { debug: () => {}, info: at('info'), warn: at('warn'), error: at('error') } };
}

describe('suites to propose', () => {
  it.each([
    ['auto', [3, 17], [17, 3]],
    ['auto', [0, 1, 2, 3], [3]],
    ['auto', [17], [17]],
    ['auto', [], [17, 3]],
    ['auto', null, [17, 3]],
    // None that is spoken unasked: the list may be wrong, and 3 is mandatory.
    ['auto', [0, 1, 2, 15, 16], [17, 3]],
    [3, [17], [3]],
    [2, null, [2]],
  ] as const)('%s of %o -> %o', (choice, offered, expected) => {
    expect(suitesToPropose(choice, offered).map(({ id }) => id)).toEqual(expected);
  });
});

describe('cipherSuite: auto', () => {
  it('the BMC offers both -> 17, said once in the log', async () => {
    const { clock, bmc, session } = setUpBench();
    const { lines, log } = keptLog();
    const one = session({ cipherSuite: 'auto', log });
    await settleBy(clock, 1000, one.open());
    bmc.restart();
    await settleBy(clock, 10_000, one.run(GET_CHASSIS_STATUS, undefined));
    expect([one.suite?.id, one.activations]).toEqual([17, 2]);
    expect(lines.filter((line) => /speaks/.test(line))).toEqual([
      expect.stringMatching(/^info: speaks cipher suite 17/),
    ]);
  });

  it('not said at all -> auto', async () => {
    const { clock, session } = setUpBench({ bmc: { cipherSuites: [3] } });
    const one = session({ cipherSuite: undefined });
    await settleBy(clock, 1000, one.open());
    expect(one.suite?.id).toBe(3);
  });

  it('the BMC offers 3 alone -> 3, and the log warns', async () => {
    const { clock, session } = setUpBench({ bmc: { cipherSuites: [3] } });
    const { lines, log } = keptLog();
    const one = session({ cipherSuite: 'auto', log });
    await settleBy(clock, 1000, one.open());
    expect(one.suite?.id).toBe(3);
    expect(lines).toContainEqual(expect.stringMatching(/^warn: speaks cipher suite 3 .*did not offer a better one/));
  });

  it('the list cannot be had: refused, or silence -> 17 is proposed, then 3', async () => {
    const refusing = setUpBench({ bmc: { cipherSuites: [3] } });
    refusing.bmc.faults.refuse.set('Get Channel Cipher Suites', 0xc1);
    const one = refusing.session({ cipherSuite: 'auto' });
    await settleBy(refusing.clock, 1000, one.open());
    expect(one.suite?.id).toBe(3);

    const silent = setUpBench({ bmc: { cipherSuites: [3] } });
    silent.network.toBmc = (packet) => (isSuitesRequest(packet) ? [] : [1]);
    const two = silent.session({ cipherSuite: 'auto' });
    await settleBy(silent.clock, 10_000, two.open());
    expect(two.suite?.id).toBe(3);
  });

  it('a BMC without a list that is silent to 17 -> 3 is proposed', async () => {
    const { clock, bmc, network, session } = setUpBench({ bmc: { cipherSuites: [3] } });
    bmc.faults.refuse.set('Get Channel Cipher Suites', 0xc1);
    network.toBmc = (packet) => (packet[5] === 0x10 && packet[28] === 0x03 ? [] : [1]);
    const one = session({ cipherSuite: 'auto' });
    await settleBy(clock, 20_000, one.open());
    expect(one.suite?.id).toBe(3);
  });

  it('the list has 17, and its answers get lost -> 17 all the same: loss alone brings no weaker suite', async () => {
    const { clock, network, session } = setUpBench();
    let lost = 0;
    network.toBmc = (packet) => {
      if (packet[5] !== 0x10 || lost >= 4) return [1];
      lost += 1;
      return [];
    };
    const one = session({ cipherSuite: 'auto' });
    await settleBy(clock, 20_000, one.open());
    expect([lost, one.suite?.id]).toEqual([4, 17]);
  });

  it('listed and refused all the same -> the next one, and the log warns', async () => {
    const { clock, bmc, session } = setUpBench();
    bmc.faults.refuseSuites.add(17);
    const { lines, log } = keptLog();
    const one = session({ cipherSuite: 'auto', log });
    await settleBy(clock, 1000, one.open());
    expect(one.suite?.id).toBe(3);
    expect(lines).toContainEqual(expect.stringMatching(/^warn: speaks cipher suite 3/));
  });

  it('17 was spoken, then the BMC refuses it -> an error that says so, never 3', async () => {
    const { clock, bmc, session } = setUpBench();
    const one = session({ cipherSuite: 'auto' });
    await settleBy(clock, 1000, one.open());
    bmc.faults.refuseSuites.add(17);
    bmc.restart();
    const failure = await settleBy(clock, 20_000, failureOf(one.run(GET_CHASSIS_STATUS, undefined)));
    expect(failure).toMatchObject({ code: 'ERR_IPMI_CIPHER_SUITE' });
    expect(String(failure)).toMatch(/spoke cipher suite 17 .* does not fall back to a weaker one by itself/);
    expect(bmc.sessionCount).toBe(0);
  });

  it('neither is taken -> ERR_IPMI_CIPHER_SUITE with what the BMC offers', async () => {
    const { clock, session } = setUpBench({ bmc: { cipherSuites: [2, 16] } });
    const failure = await settleBy(clock, 1000, failureOf(session({ cipherSuite: 'auto' }).open()));
    expect(failure).toMatchObject({ code: 'ERR_IPMI_CIPHER_SUITE' });
    expect(String(failure)).toMatch(/no cipher suite match .*; it offers: 2, 16$/);
  });
});

describe.each([2, 16] as const)('cipher suite %i, asked by name', (cipherSuite) => {
  it('a session -> authenticated, in the clear, and the log warns', async () => {
    const { clock, network, session } = setUpBench({ bmc: { cipherSuites: [cipherSuite] } });
    const { lines, log } = keptLog();
    const one = session({ cipherSuite, log });
    expect((await settleBy(clock, 1000, one.run(GET_SENSOR_READING, 2))).value).toBe(184);
    expect(lines).toContainEqual(expect.stringMatching(/^warn: cipher suite \d+ does not encrypt/));
    const last = network.fromConsole.at(-1)?.bytes ?? new Uint8Array(0);
    // Type byte: authenticated, not encrypted; the request can be read as it is.
    expect(last[5]).toBe(0x40);
    expect(hexOf(last)).toContain('2010d0');
    const changed = Uint8Array.from(network.fromBmc.at(-1)?.bytes ?? []);
    changed[20] = (changed[20] as number) ^ 1;
    network.inject(changed);
    expect(one.isOpen).toBe(true);
  });

  it('a suite that encrypts -> takes no packet in the clear', async () => {
    const { clock, bmc, session } = setUpBench({ bmc: { cipherSuites: [cipherSuite, 3] } });
    const failure = await settleBy(clock, 1000, failureOf(session({ cipherSuite: 17 }).open()));
    expect(String(failure)).toMatch(/it offers: /);
    expect(bmc.sessionCount).toBe(0);
  });
});

describe('K_G, the BMC key', () => {
  it.each([3, 17] as const)('suite %i, the right key -> a session', async (cipherSuite) => {
    const { clock, session } = setUpBench({ bmc: { kg: KG } });
    const one = session({ cipherSuite, kg: KG });
    expect((await settleBy(clock, 1000, one.run(GET_CHASSIS_STATUS, undefined))).powerOn).toBe(true);
  });

  it('as text and as hex -> the same key', async () => {
    const hex = Buffer.from(KG).toString('hex');
    const { clock, session } = setUpBench({ bmc: { kg: KG } });
    await settleBy(clock, 1000, session({ kg: `0x${hex}` }).open());
    await settleBy(clock, 1000, session({ kg: `0x${hex.padEnd(40, '0').toUpperCase()}` }).open());
    // 40 digits are longer than any text: hex without 0x, too.
    await settleBy(clock, 1000, session({ kg: hex.padEnd(40, '0') }).open());
  });

  it('the BMC has one and none is given -> ERR_IPMI_AUTHENTICATION that says what to give', async () => {
    const { clock, bmc, session } = setUpBench({ bmc: { kg: KG } });
    const failure = await settleBy(clock, 1000, failureOf(session().open()));
    expect(failure).toMatchObject({ code: 'ERR_IPMI_AUTHENTICATION' });
    expect(String(failure)).toMatch(/give it with kgFile or kgEnv.*it says that it has a BMC key \(K_G\) set/);
    await clock.advance(60_001);
    expect(bmc.sessionCount).toBe(0);
  });

  it('a wrong one, or one where the BMC has none -> ERR_IPMI_AUTHENTICATION, without the key', async () => {
    const withKey = setUpBench({ bmc: { kg: KG } });
    const wrong = await settleBy(withKey.clock, 1000, failureOf(withKey.session({ kg: 'another key' }).open()));
    expect(wrong).toMatchObject({ code: 'ERR_IPMI_AUTHENTICATION' });
    expect(String(wrong)).toMatch(/the key given \(kgFile or kgEnv\) is not the BMC's; it says that it has a BMC key/);
    expect(String(wrong)).not.toContain('another key');
    const without = setUpBench();
    const needless = await settleBy(without.clock, 1000, failureOf(without.session({ kg: KG }).open()));
    expect(String(needless)).toMatch(/is not the BMC's; it says that it has none set/);
  });

  it('a key of zeros -> none', () => {
    expect(new BmcCredentials('u', 'p', `0x${'0'.repeat(40)}`).hasKg).toBe(false);
    expect(new BmcCredentials('u', 'p', null).hasKg).toBe(false);
    expect(new BmcCredentials('u', 'p', KG).hasKg).toBe(true);
  });

  it.each([
    ['a text of 21 bytes!!!', /21 bytes, IPMI allows 20/],
    [`0x${'ab'.repeat(21)}`, /21 bytes, IPMI allows 20/],
    ['0xabc', /3 hex digits: write two for each byte/],
    ['0x', /0 hex digits/],
  ])('%s -> ERR_CONFIG_INVALID, lengths alone', (kg, words) => {
    expect(() => new BmcCredentials('u', 'p', kg)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_INVALID' }));
    expect(() => new BmcCredentials('u', 'p', kg)).toThrow(words);
  });
});

/** Get Channel Cipher Suites in a v1.5 packet without a session: command 54h. */
function isSuitesRequest(packet: Uint8Array): boolean {
  return packet[4] === 0x00 && packet[19] === 0x54;
}
