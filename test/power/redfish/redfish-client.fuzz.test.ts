// Hostile answers: 100,000 for what reads them, 10,000 for the whole driver, 1,000 over real sockets. Nothing but TorporErrors, nothing without
// bound, never a second press, never another ResetType. TORPOR_FUZZ_REDFISH=1000000 is the long run, ten times as many of each.

import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { TorporError } from '../../../src/platform/errors.ts';
import { allowedInActionInfo, readComputerSystem } from '../../../src/power/redfish/computer-system.ts';
import { readMessages } from '../../../src/power/redfish/extended-info.ts';
import type { HttpAnswer, HttpQuestion } from '../../../src/power/redfish/http-port.ts';
import { HttpsPort } from '../../../src/power/redfish/https-port.ts';
import { type JsonObject, parseJsonObject, readingField } from '../../../src/power/redfish/json-document.ts';
import { RedfishClient } from '../../../src/power/redfish/redfish-client.ts';
import { RedfishDriver } from '../../../src/power/redfish/redfish-driver.ts';
import { statusError } from '../../../src/power/redfish/redfish-error.ts';
import { linkOf, toPath } from '../../../src/power/redfish/service-link.ts';
import { REDFISH_PROFILES, type RedfishProfile } from '../../../src/power/simulated/redfish-profiles.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { drawSeed, randomFrom } from '../../core/support/seed.ts';
import { mutateAnswer } from '../support/redfish-mutator.ts';
import { PATIENT, REDFISH_PASSWORD, type RedfishStage, redfishStage, withTime } from '../support/redfish-stage.ts';

const MUTATIONS = Number(process.env.TORPOR_FUZZ_REDFISH ?? 100_000);
/** The whole driver costs a hundred times what its readers of answers cost. */
const DRIVER_MUTATIONS = MUTATIONS / 10;
const SOCKET_ROUNDS = MUTATIONS / 100;
/** A proof asks most: root, login, system, ActionInfo, 32 accounts, a meter with eight supplies; pages of collections on top. */
const MAX_QUESTIONS = 400;
const ALLOWED = ['On', 'PushPowerButton', 'GracefulShutdown', 'Suspend'];
const PROFILES = Object.values(REDFISH_PROFILES);

type Dice = ReturnType<typeof randomFrom>;

/** What the driver is asked, and how many actions it may send for that. */
const DEEDS: ReadonlyArray<{
  readonly name: string;
  readonly run: (driver: RedfishDriver) => Promise<unknown>;
  readonly actions: number;
}> = [
  { name: 'read', run: (driver) => driver.readPower(PATIENT), actions: 0 },
  { name: 'prove', run: (driver) => driver.proveWake(PATIENT), actions: 0 },
  { name: 'sleep', run: (driver) => driver.requestSleep(PATIENT), actions: 1 },
  { name: 'wake', run: (driver) => driver.requestWake('power-on', PATIENT), actions: 6 },
  { name: 'push', run: (driver) => driver.requestWake('push-power-button', PATIENT), actions: 1 },
];

async function fuzzOnce(profile: RedfishProfile, seen: Uint8Array[], dice: Dice): Promise<number> {
  const sleepAction = (['PushPowerButton', 'GracefulShutdown', 'Suspend'] as const)[dice.below(3)];
  const login = dice.below(3) === 0 ? ('basic' as const) : ('session' as const);
  const stage = redfishStage({
    service: { profile },
    driver: { sleep: 'S5', sleepAction, login },
    host: { startsIn: dice.below(4) === 0 ? 'off' : 'running' },
  });
  let mutations = 0;
  const oneIn = 1 + dice.below(4);
  stage.http.tamper = (_, answer) => {
    if (seen.length < 500) seen.push(answer.body);
    if (dice.below(oneIn) !== 0) return answer;
    mutations += 1;
    return mutateAnswer(answer, seen, dice);
  };
  for (let calls = 1 + dice.below(3); calls > 0; calls -= 1) await oneCall(stage, dice);
  stage.http.tamper = (_, answer) => answer;
  await withTime(stage.clock, stage.driver.close());
  return mutations;
}

async function oneCall(stage: RedfishStage, dice: Dice): Promise<void> {
  const deed = DEEDS[dice.below(DEEDS.length)] as (typeof DEEDS)[number];
  const from = stage.http.asked.length;
  await withTime(stage.clock, deed.run(stage.driver)).catch((thrown: unknown) => {
    if (!(thrown instanceof TorporError)) throw thrown;
    if (thrown.message.includes(REDFISH_PASSWORD)) throw new Error('the password stands in an error');
  });
  const asked = stage.http.asked.slice(from);
  if (asked.length > MAX_QUESTIONS) throw new Error(`${deed.name}: ${asked.length} questions`);
  const actions = asked.filter(({ method, body }) => method === 'POST' && body?.includes('ResetType'));
  if (actions.length > deed.actions) throw new Error(`${deed.name}: sent ${actions.length} actions`);
  for (const question of asked) judge(question);
}

function judge({ path, method, body, delivery }: HttpQuestion): void {
  if (!/^\/[\x21-\x7e]{0,1100}$/.test(path)) throw new Error(`asked for ${JSON.stringify(path)}`);
  if (method !== 'POST' || body === null || !body.includes('ResetType')) return;
  const { ResetType: type } = JSON.parse(body) as { ResetType: string };
  if (!ALLOWED.includes(type)) throw new Error(`sent ${type}`);
  if (type !== 'On' && delivery !== 'once') throw new Error(`${type} could have been repeated`);
}

/** All that reads an answer, on any answer. */
function readAll(answer: HttpAnswer): void {
  const refusal = statusError('x', answer, (text) => text);
  if (refusal.message.length > 2_500) throw new Error(`a message of ${refusal.message.length} characters`);
  let resource: JsonObject;
  try {
    resource = parseJsonObject(answer.body, 'x');
  } catch (thrown) {
    if (thrown instanceof TorporError) return;
    throw thrown;
  }
  const system = readComputerSystem('/x', resource);
  const target = system.reset?.target ?? '/';
  for (const path of [
    target,
    ...system.chassisPaths,
    toPath(answer.headers.location) ?? '/',
    linkOf(resource) ?? '/',
  ]) {
    if (!/^\/[\x21-\x7e]*$/.test(path)) throw new Error(`would ask for ${JSON.stringify(path)}`);
  }
  allowedInActionInfo(resource);
  readingField(resource, 'PowerWatts');
  if (readMessages(resource, (text) => text).text.length > 2_500) throw new Error('endless words');
}

/** Every body that the simulated service has, of every profile. */
async function collectBodies(): Promise<HttpAnswer[]> {
  const answers: HttpAnswer[] = [];
  for (const profile of PROFILES) {
    const stage = redfishStage({ service: { profile }, driver: { sleep: 'S5', sleepAction: 'GracefulShutdown' } });
    stage.http.tamper = (_, answer) => {
      answers.push(answer);
      return answer;
    };
    await withTime(stage.clock, stage.driver.proveWake(PATIENT));
    await withTime(stage.clock, stage.driver.requestSleep(PATIENT));
    await withTime(stage.clock, stage.driver.requestWake('power-on', PATIENT));
    await stage.driver.requestWake('push-power-button', PATIENT);
    await withTime(stage.clock, stage.driver.close());
  }
  return answers;
}

describe('hostile answers', () => {
  it(`${MUTATIONS} mutated answers to all that reads one -> read, or refused as a TorporError`, {
    timeout: 3_600_000,
  }, async () => {
    const dice = randomFrom(drawSeed('Redfish answers'));
    const answers = await collectBodies();
    const bodies = answers.map(({ body }) => body);
    for (let done = 0; done < MUTATIONS; done += 1) {
      readAll(mutateAnswer(answers[dice.below(answers.length)] as HttpAnswer, bodies, dice));
    }
    expect(answers.length).toBeGreaterThan(60);
  });

  it(`${DRIVER_MUTATIONS} mutated answers to the driver -> TorporErrors only, bounded questions, no second press, no other ResetType`, {
    timeout: 3_600_000,
  }, async () => {
    const seed = drawSeed('Redfish driver');
    const dice = randomFrom(seed);
    const seen: Uint8Array[] = [];
    const heapBefore = process.memoryUsage().heapUsed;
    let done = 0;
    let rounds = 0;
    while (done < DRIVER_MUTATIONS) {
      done += await fuzzOnce(PROFILES[rounds % PROFILES.length] as RedfishProfile, seen, dice);
      rounds += 1;
    }
    const grownMiB = (process.memoryUsage().heapUsed - heapBefore) / 1024 ** 2;
    console.log(`Redfish driver: ${done} mutations in ${rounds} rounds, heap grown by ${grownMiB.toFixed(0)} MiB`);
    expect(done).toBeGreaterThanOrEqual(DRIVER_MUTATIONS);
    expect(grownMiB).toBeLessThan(600);
  });

  it(`${SOCKET_ROUNDS} broken exchanges over real sockets -> TorporErrors only; an action is on the wire once`, {
    timeout: 1_800_000,
  }, async () => {
    const seed = drawSeed('Redfish wire');
    const dice = randomFrom(seed);
    const wire = await WireServer.start(dice);
    const outcomes = new Map<string, number>();
    try {
      for (let round = 0; round < SOCKET_ROUNDS; round += 1) {
        const before = wire.actions;
        const outcome = await wireRound(wire, dice);
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        if (wire.actions - before > 1) throw new Error(`round ${round}: ${wire.actions - before} actions on the wire`);
      }
    } finally {
      await wire.stop();
    }
    console.log(`Redfish wire: ${JSON.stringify(Object.fromEntries(outcomes))}, ${wire.actions} actions`);
    expect(outcomes.get('unknown') ?? 0).toBeGreaterThan(0);
    expect(wire.actions).toBeGreaterThan(0);
  });
});

/** A press whose answers are broken bytes: its outcome, or the code of what was thrown. */
async function wireRound(wire: WireServer, dice: Dice): Promise<string> {
  const bounds = { connectMs: 10_000, answerMs: 10_000 };
  const access = {
    host: '127.0.0.1',
    port: wire.port,
    user: 'torpor',
    password: REDFISH_PASSWORD,
    login: 'basic' as const,
  };
  const options = {
    ...access,
    trust: { kind: 'none' } as const,
    sleep: 'S3' as const,
    clock: systemClock,
    bounds,
    system: '/redfish/v1/Systems/1',
  };
  const driver = new RedfishDriver({ ...options, taskBounds: { watchMs: 0 } });
  wire.breakDeedOnly = dice.below(3) !== 0;
  try {
    if (dice.below(8) === 0) {
      const reading = await driver.readPower(PATIENT).catch((thrown: unknown) => thrown);
      if (reading instanceof Error && !(reading instanceof TorporError)) throw reading;
      return 'read';
    }
    return (await driver.requestSleep(PATIENT)).outcome;
  } finally {
    await driver.close();
  }
}

/** Serves a system that is on, and answers broken bytes. Every connection ends: none hangs. */
class WireServer {
  actions = 0;
  breakDeedOnly = false;
  readonly #dice: Dice;
  readonly #server = createServer((socket) => this.#serve(socket));
  readonly #sockets = new Set<Socket>();

  private constructor(dice: Dice) {
    this.#dice = dice;
  }

  static async start(dice: Dice): Promise<WireServer> {
    const server = new WireServer(dice);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', () => resolve()));
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    let text = '';
    socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket));
    socket.on('data', (data) => {
      text += data.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      if (end < 0) return;
      const isDeed = text.startsWith('POST');
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
      if (text.length < end + 4 + length) return;
      if (isDeed) this.actions += 1;
      text = '';
      this.#answer(socket, isDeed);
    });
  }

  #answer(socket: Socket, isDeed: boolean): void {
    const dice = this.#dice;
    const good = isDeed ? 'HTTP/1.1 204 No Content\r\n\r\n' : systemAnswer();
    if (!isDeed && this.breakDeedOnly) {
      socket.write(good);
      // Kept connections are closed at random moments, too.
      if (dice.below(4) === 0) socket.end();
      return;
    }
    const broken = breakBytes(Buffer.from(good), dice);
    if (dice.below(5) === 0) socket.resetAndDestroy();
    else if (dice.below(3) === 0) {
      const at = dice.below(broken.length + 1);
      socket.write(broken.subarray(0, at), () => socket.end(broken.subarray(at)));
    } else socket.end(broken);
  }
}

function systemAnswer(): string {
  const target = '/redfish/v1/Systems/1/Actions/ComputerSystem.Reset';
  const system = {
    PowerState: 'On',
    Actions: { '#ComputerSystem.Reset': { target, 'ResetType@Redfish.AllowableValues': ['On', 'PushPowerButton'] } },
  };
  const body = JSON.stringify(system);
  return `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

const INSERTS = [
  '\r\n',
  '\r\n\r\n',
  'HTTP/1.1 100 Continue\r\n\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Content-Length: 5\r\n',
  'Location: http://127.0.0.2/\r\n',
  '\u0000',
  'HTTP/1.1 307 Go\r\n',
  '\u00ff'.repeat(100),
];

function breakBytes(bytes: Buffer, dice: Dice): Buffer {
  switch (dice.below(6)) {
    case 0:
      return bytes.subarray(0, dice.below(bytes.length + 1));
    case 1: {
      const copy = Buffer.from(bytes);
      for (let flips = 1 + dice.below(6); flips > 0; flips -= 1) copy[dice.below(copy.length)] = dice.below(256);
      return copy;
    }
    case 2: {
      const at = dice.below(bytes.length);
      const insert = Buffer.from(INSERTS[dice.below(INSERTS.length)] as string, 'latin1');
      return Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at)]);
    }
    case 3:
      return Buffer.from(`HTTP/1.1 ${100 + dice.below(500)} X\r\nContent-Length: 0\r\n\r\n`);
    case 4:
      return Buffer.concat([bytes, bytes]);
    default:
      return bytes;
  }
}

describe('a client alone', () => {
  it('a collection that links to itself, and one of a thousand members -> bounded', async () => {
    const stage = redfishStage();
    stage.http.tamper = ({ path }, answer): HttpAnswer => {
      if (!path.startsWith('/redfish/v1/Systems')) return answer;
      const Members = Array.from({ length: path.includes('many') ? 1000 : 1 }, (_, index) => ({
        '@odata.id': `/redfish/v1/Systems/${index}`,
      }));
      const body = Buffer.from(JSON.stringify({ Members, 'Members@odata.nextLink': '/redfish/v1/Systems?again' }));
      return { ...answer, status: 200, body };
    };
    const access = { user: 'torpor', password: REDFISH_PASSWORD, login: 'session' as const };
    const client = new RedfishClient({ port: stage.http, access, clock: stage.clock });
    expect(await client.members('/redfish/v1/Systems', PATIENT)).toHaveLength(8);
    expect(await client.members('/redfish/v1/Systems?many', PATIENT)).toHaveLength(64);
  });

  it('a port that was closed -> refuses, and opens nothing', async () => {
    const port = new HttpsPort({ host: '127.0.0.1', port: 9, trust: { kind: 'none' }, clock: systemClock });
    port.close();
    const question = { method: 'GET', path: '/', headers: {}, body: null, delivery: 'repeatable' } as const;
    await expect(port.ask(question, PATIENT)).rejects.toBeInstanceOf(TorporError);
  });
});
