// Passwords and tokens reach no text: not by toString, inspect, JSON, errors, answers or logs, not even where the BMC quotes them.
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { HttpsPort } from '../../../src/power/redfish/https-port.ts';
import { RedfishClient } from '../../../src/power/redfish/redfish-client.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { PATIENT, REDFISH_PASSWORD, type RedfishStage, redfishStage, withTime } from '../support/redfish-stage.ts';

const PAIR = Buffer.from(`torpor:${REDFISH_PASSWORD}`).toString('base64');

function textOf(thing: unknown): string {
  return `${String(thing)} ${JSON.stringify(thing)} ${inspect(thing, { depth: 12, showHidden: true, getters: true })}`;
}

/** Every token that was ever sent. */
function tokensOf({ http }: RedfishStage): string[] {
  return http.asked.map(({ headers }) => headers['X-Auth-Token'] ?? '').filter((token) => token !== '');
}

function expectSilent(stage: RedfishStage, ...things: unknown[]): void {
  const text = [...things, ...stage.log.lines].map(textOf).join('\n');
  for (const secret of [REDFISH_PASSWORD, PAIR, ...tokensOf(stage)]) expect(text).not.toContain(secret);
}

describe('secrets', () => {
  it('driver, client and port -> no text of them holds one, before and after a login', async () => {
    for (const login of ['session', 'basic'] as const) {
      const stage = redfishStage({ driver: { login } });
      await stage.driver.readPower(PATIENT);
      expectSilent(stage, stage.driver);
    }
    const stage = redfishStage();
    const port = new HttpsPort({ host: 'bmc', port: 443, trust: { kind: 'none' }, clock: new FakeClock() });
    const access = { user: 'torpor', password: REDFISH_PASSWORD, login: 'basic' as const };
    expectSilent(stage, port, new RedfishClient({ port, access, clock: new FakeClock() }));
  });

  it('a BMC that quotes what it was sent, in every refusal -> *** in errors, answers and proofs', async () => {
    for (const login of ['session', 'basic'] as const) {
      for (const status of [400, 401, 403, 500]) {
        const stage = redfishStage({ driver: { login } });
        await stage.driver.readPower(PATIENT);
        stage.http.tamper = ({ headers, body, path }, answer) => {
          const said = `you sent ${headers['X-Auth-Token']} ${headers.Authorization} ${body} ${REDFISH_PASSWORD}`;
          const error = {
            message: said,
            '@Message.ExtendedInfo': [
              { Message: said, MessageId: said },
              { MessageId: 'x', MessageArgs: [said] },
            ],
          };
          // The session stays good, so that its token is the one in use.
          const refused = path.includes('Systems') ? status : answer.status;
          return { ...answer, status: refused, body: Buffer.from(JSON.stringify({ error })) };
        };
        const thrown: unknown = await stage.driver.readPower(PATIENT).catch((error: unknown) => error);
        const sleep = await withTime(stage.clock, stage.driver.requestSleep(PATIENT));
        const wake = await withTime(stage.clock, stage.driver.requestWake('power-on', PATIENT));
        const proof = await stage.driver.proveWake(PATIENT);
        expect(textOf(thrown)).toContain('***');
        expectSilent(stage, thrown, sleep, wake, proof);
      }
    }
  });

  it('a quotation that is cut off, or written as JSON has it -> not even half of it', async () => {
    for (const password of ['correct horse battery staple', 'with "quotes" and \\ in it']) {
      const stage = redfishStage({ driver: { password } });
      stage.http.tamper = ({ body, method }, answer) =>
        method === 'POST'
          ? {
              ...answer,
              status: 400,
              body: Buffer.from(JSON.stringify({ error: { message: `${'x'.repeat(190)}${body}${password}` } })),
            }
          : answer;
      const thrown = (await stage.driver.readPower(PATIENT).catch((error: unknown) => error)) as Error;
      expect(thrown.message).not.toContain(password.slice(0, 6));
    }
  });

  it('a login that is refused with a quotation -> no password in the error', async () => {
    const stage = redfishStage({ driver: { password: 'wrong horse bat' } });
    stage.http.tamper = ({ body, method }, answer) =>
      method === 'POST'
        ? { ...answer, status: 400, body: Buffer.from(JSON.stringify({ error: { message: `bad: ${body}` } })) }
        : answer;
    const thrown: unknown = await stage.driver.readPower(PATIENT).catch((error: unknown) => error);
    expect(thrown).toMatchObject({ code: 'ERR_REDFISH_AUTHENTICATION' });
    expect(textOf(thrown)).not.toContain('wrong horse bat');
  });
});

describe('login', () => {
  it('a wrong password -> not tried again for ten seconds, then twenty, so that the account is not locked', async () => {
    const stage = redfishStage({ driver: { password: 'wrong' } });
    const logins = () => stage.http.trail.filter((line) => line.startsWith('POST')).length;
    const tryIt = () => stage.driver.readPower(PATIENT).catch((error: Error) => error.message);
    await tryIt();
    expect(logins()).toBe(1);
    expect(await tryIt()).toContain('not tried again for 10 s, so that the BMC does not lock the account');
    await stage.clock.advance(10_000);
    await tryIt();
    expect(logins()).toBe(2);
    await stage.clock.advance(10_000);
    expect(await tryIt()).toContain('not tried again for 10 s');
    await stage.clock.advance(10_000);
    await tryIt();
    expect(logins()).toBe(3);
    for (let minutes = 0; minutes < 60; minutes += 1) {
      await stage.clock.advance(60_000);
      await tryIt();
    }
    expect(logins()).toBeLessThan(20);
  });

  it('basic authentication that is refused -> the same back-off', async () => {
    const stage = redfishStage({ driver: { password: 'wrong', login: 'basic' } });
    const tryIt = () => stage.driver.readPower(PATIENT).catch((error: Error) => error.message);
    await tryIt();
    const asked = stage.http.asked.length;
    await tryIt();
    expect(stage.http.asked.length).toBe(asked);
  });

  it('a password that was changed and set back -> logged in again, and the back-off begins anew', async () => {
    const stage = redfishStage();
    await stage.driver.readPower(PATIENT);
    stage.service.restart();
    stage.http.tamper = (question, answer) => (question.method === 'POST' ? { ...answer, status: 401 } : answer);
    await expect(stage.driver.readPower(PATIENT)).rejects.toMatchObject({ code: 'ERR_REDFISH_AUTHENTICATION' });
    stage.http.tamper = (_, answer) => answer;
    await stage.clock.advance(10_000);
    expect((await stage.driver.readPower(PATIENT)).powerBit).toBe(true);
  });

  it('a BMC that lets in and then refuses its own token -> no session is left behind, none made again and again', async () => {
    const stage = redfishStage();
    stage.http.tamper = (question, answer) =>
      question.method === 'GET' && question.path.startsWith('/redfish/v1/Systems')
        ? { ...answer, status: 401 }
        : answer;
    for (let round = 0; round < 5; round += 1) await stage.driver.readPower(PATIENT).catch(() => {});
    expect(stage.service.sessionsMade).toBe(2);
    expect(stage.http.trail.filter((line) => line.startsWith('DELETE'))).toEqual([
      'DELETE /redfish/v1/SessionService/Sessions/2',
    ]);
  });

  it('a BMC without a token in its answer -> told to use basic', async () => {
    const stage = redfishStage();
    stage.http.tamper = (question, answer) => (question.method === 'POST' ? { ...answer, headers: {} } : answer);
    await expect(stage.driver.readPower(PATIENT)).rejects.toThrow('the BMC gives no session token: write login: basic');
  });

  it('no Location -> the link in the body; neither -> a warning, and no logout', async () => {
    const linked = redfishStage();
    linked.http.tamper = (question, answer) =>
      question.method === 'POST' ? { ...answer, headers: { ...answer.headers, location: undefined } } : answer;
    await linked.driver.readPower(PATIENT);
    await linked.driver.close();
    expect(linked.service.sessionCount).toBe(0);
    const bare = redfishStage();
    bare.http.tamper = (question, answer) =>
      question.method === 'POST'
        ? { ...answer, headers: { ...answer.headers, location: undefined }, body: Buffer.from('{}') }
        : answer;
    await bare.driver.readPower(PATIENT);
    await bare.driver.close();
    expect(
      bare.log.lines.some(({ level, message }) => level === 'warn' && message.includes('does not say how to log out')),
    ).toBe(true);
  });
});
