// Passwords and keys reach no text: not by toString, inspect, JSON, errors or logs.
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Logger } from '../../../src/platform/ports.ts';
import { BmcSession } from '../../../src/power/ipmi/bmc-session.ts';
import { CIPHER_SUITES } from '../../../src/power/ipmi/cipher-suite.ts';
import { BmcCredentials } from '../../../src/power/ipmi/credentials.ts';
import { EstablishedSession } from '../../../src/power/ipmi/established-session.ts';
import { Handshake } from '../../../src/power/ipmi/handshake.ts';
import { IpmiDriver } from '../../../src/power/ipmi/ipmi-driver.ts';
import { readSel } from '../../../src/power/ipmi/sel-reader.ts';
import { SessionKeys } from '../../../src/power/ipmi/session-keys.ts';
import { partOfIpmi } from '../../../src/power/power-part.ts';
import { SimulatedBmc } from '../../../src/power/simulated/simulated-bmc.ts';
import { SimulatedHost } from '../../../src/power/simulated/simulated-host.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { hexOf } from '../support/hex.ts';

const PASSWORD = 'correct horse bat';
const KG = 'battery staple key';
const SIK = Uint8Array.from({ length: 20 }, (_, index) => 0xa0 + index);

/** Everything an object lets out as text. */
function textsOf(thing: object): string {
  const texts = [String(thing), JSON.stringify(thing), inspect(thing, { depth: 10, showHidden: true, getters: true })];
  return texts.join('\n');
}

function expectSilent(thing: object): void {
  const text = textsOf(thing);
  expect(text).not.toContain(PASSWORD);
  expect(text).not.toContain(hexOf(Buffer.from(PASSWORD)));
  expect(text).not.toContain(KG);
  expect(text).not.toContain(hexOf(Buffer.from(KG)));
  expect(text).not.toContain('62 61 74 74 65 72 79');
  expect(text).not.toMatch(/98,\s*97,\s*116,\s*116/);
  // As inspect prints buffers, and as arrays print.
  expect(text).not.toContain('63 6f 72 72 65 63 74');
  expect(text).not.toMatch(/99,\s*111,\s*114,\s*114/);
  expect(text).not.toMatch(/a0 a1 a2 a3/);
  expect(text).not.toMatch(/160,\s*161,\s*162/);
}

describe('secrets', () => {
  const access = { host: '127.0.0.1', port: 9, user: 'torpor', password: PASSWORD, kg: KG, cipherSuite: 17 as const };
  const clock = new FakeClock();

  it('credentials, keys, sessions, handshake, driver, simulated BMC -> no text of them holds a secret', () => {
    const credentials = new BmcCredentials('torpor', PASSWORD, KG);
    const keys = new SessionKeys(CIPHER_SUITES[3], SIK);
    const machine = new SimulatedHost({ clock });
    expectSilent(credentials);
    expectSilent(keys);
    expectSilent(new EstablishedSession({ keys, localSessionId: 1, remoteSessionId: 2 }));
    expectSilent(new Handshake({ peer: 'a:1', credentials, suite: CIPHER_SUITES[3], privilege: 'operator' }));
    expectSilent(new BmcSession({ ...access, clock }));
    expectSilent(new IpmiDriver({ ...access, clock, sleep: 'S3' }));
    const users = [{ name: 'torpor', password: PASSWORD, privilege: 'operator' as const }];
    expectSilent(new SimulatedBmc({ machine, clock, users, kg: KG }));
    expectSilent(partOfIpmi(new IpmiDriver({ ...access, clock, sleep: 'S3' })));
  });

  it('credentials too long -> the error names lengths, not texts', () => {
    const long = 'this password has more than twenty bytes';
    let thrown: unknown = null;
    try {
      new BmcCredentials('torpor', long);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: 'ERR_CONFIG_INVALID' });
    expect(inspect(thrown)).toMatch(/40 bytes, IPMI v2\.0 allows 20/);
    expect(inspect(thrown)).not.toContain(long);
    expect(() => new BmcCredentials('a user of 17 byte', 'x')).toThrow(/17 bytes, IPMI allows 16/);
    expect(() => new BmcCredentials('sixteen-bytes-xx', 'twenty-bytes-long-xx')).not.toThrow();
  });

  it('a failing and a working session -> nothing of the password in errors or logs', async () => {
    const lines: string[] = [];
    const note = (facts: object, message: string) => {
      lines.push(`${message} ${inspect(facts, { depth: 10 })}`);
    };
    const log: Logger = { debug: note, info: note, warn: note, error: note };
    const machine = new SimulatedHost({ clock });
    const users = [{ name: 'torpor', password: PASSWORD, privilege: 'operator' as const }];
    const bmc = new SimulatedBmc({ machine, clock, users, log, kg: KG });
    await bmc.start();
    try {
      const wrong = new BmcSession({ ...access, port: bmc.port, password: 'wrong horse', clock, log });
      const failure: unknown = await wrong.open().catch((thrown: unknown) => thrown);
      expect(failure).toMatchObject({ code: 'ERR_IPMI_AUTHENTICATION' });
      await wrong.close();
      const wrongKey = new BmcSession({ ...access, port: bmc.port, kg: 'another staple', clock, log });
      const second: unknown = await wrongKey.open().catch((thrown: unknown) => thrown);
      expect(second).toMatchObject({ code: 'ERR_IPMI_AUTHENTICATION' });
      await wrongKey.close();
      const right = new BmcSession({ ...access, port: bmc.port, clock, log });
      await right.open();
      await right.close();
      const driver = new IpmiDriver({ ...access, port: bmc.port, clock, log, sleep: 'S3' });
      const told = [
        await driver.proveWake(AbortSignal.timeout(20_000)),
        await driver.readProfile(AbortSignal.timeout(20_000)),
        await driver.readWatchdog(AbortSignal.timeout(20_000)),
        await readSel(driver.runner, AbortSignal.timeout(20_000)),
      ];
      await driver.close();
      const errors = inspect([failure, second, told], { depth: 10 });
      const everything = `${errors}\n${JSON.stringify(told)}\n${lines.join('\n')}`;
      expect(everything).not.toContain('another staple');
      expect(everything).not.toContain(KG);
      expect(everything).not.toContain('wrong horse');
      expect(everything).not.toContain(PASSWORD);
      expect(lines.length).toBeGreaterThan(0);
    } finally {
      await bmc.stop();
    }
  });
});
