// BMC sessions over a network that loses, doubles, reorders and delays, on a clock in hand.
import { describe, expect, it } from 'vitest';
import { TorporError } from '../../../src/platform/errors.ts';
import { openBmcSession } from '../../../src/power/ipmi/bmc-session.ts';
import { CHASSIS_CONTROL } from '../../../src/power/ipmi/commands/chassis-control.ts';
import { GET_CHASSIS_STATUS } from '../../../src/power/ipmi/commands/get-chassis-status.ts';
import { GET_DEVICE_ID } from '../../../src/power/ipmi/commands/get-device-id.ts';
import { GET_SENSOR_READING } from '../../../src/power/ipmi/commands/get-sensor-reading.ts';
import { MAX_SESSIONS } from '../../../src/power/simulated/managed-session-table.ts';
import { type BmcBench, settleBy, setUpBench } from '../support/bmc-bench.ts';
import { DELIVERED, LOST } from '../support/memory-network.ts';

/** A bench with an open session. */
async function openBench(options: Parameters<typeof setUpBench>[0] = {}) {
  const bench = setUpBench(options);
  const session = bench.session();
  await settleBy(bench.clock, 1000, session.open());
  return { ...bench, session };
}

/** The error that a promise rejects with. */
function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error('expected a rejection');
    },
    (thrown: unknown) => thrown,
  );
}

/** Milliseconds after `startMs` at which the console sent its packets from the `from`th on. */
function sentAtMs({ network }: Pick<BmcBench, 'network'>, startMs: number, from: number): number[] {
  return network.fromConsole.slice(from).map(({ atMs }) => atMs - startMs);
}

describe('opening a session', () => {
  it('all goes well -> five packets each way, operator privilege, one session at the BMC', async () => {
    const { bmc, network, session } = await openBench();
    expect(network.fromConsole).toHaveLength(5);
    expect([bmc.sessionCount, session.isOpen, session.activations]).toEqual([1, true, 1]);
    expect(bmc.executed('Set Session Privilege Level')).toBe(1);
  });

  it.each([0, 1, 2, 3, 4])('packet %i of the console lost -> sent again, the session opens', async (lost) => {
    const { clock, bmc, network, session } = setUpBench();
    network.toBmc = (_packet, index) => (index === lost ? [] : [1]);
    const opened = session();
    await settleBy(clock, 5000, opened.open());
    expect([opened.isOpen, bmc.sessionCount]).toEqual([true, 1]);
    expect(network.fromConsole).toHaveLength(6);
  });

  it.each([0, 1, 2, 3, 4])('answer %i of the BMC lost -> asked again, the session opens', async (lost) => {
    const { clock, bmc, network, session } = setUpBench();
    network.toConsole = (_packet, index) => (index === lost ? [] : [1]);
    const opened = session();
    await settleBy(clock, 5000, opened.open());
    expect([opened.isOpen, bmc.sessionCount]).toEqual([true, 1]);
  });

  it('the BMC is silent -> four packets with back-off, then ERR_IPMI_TIMEOUT that says where to look', async () => {
    const bench = setUpBench();
    bench.bmc.faults.silent = true;
    const startMs = bench.clock.nowMs();
    const failure = await settleBy(bench.clock, 10_000, failureOf(bench.session().open()));
    expect(failure).toMatchObject({ code: 'ERR_IPMI_TIMEOUT', retryable: true });
    expect(String(failure)).toMatch(
      /no answer from BMC bmc\.test:623 to Get Channel Authentication Capabilities \(4 packets in 3500 ms\); check host and port/,
    );
    expect(sentAtMs(bench, startMs, 0)).toEqual([0, 500, 1200, 2200]);
  });

  it('the BMC falls silent after RAKP began -> three activations, then ERR_IPMI_TIMEOUT naming the message', async () => {
    const bench = setUpBench();
    bench.network.toBmc = (packet) => (packet[5] === 0x12 ? [] : [1]);
    const failure = await settleBy(bench.clock, 30_000, failureOf(bench.session().open()));
    expect(failure).toMatchObject({ code: 'ERR_IPMI_TIMEOUT' });
    expect(String(failure)).toMatch(/to RAKP message 1 .* unknown user/);
    // Three times: capabilities, open session, and RAKP message 1 four times.
    expect(bench.network.fromConsole).toHaveLength(18);
  });

  it('wrong password -> ERR_IPMI_AUTHENTICATION; asked again at once -> the same without a packet; later -> asked', async () => {
    const bench = setUpBench();
    const session = bench.session({ password: 'close sesame' });
    const failure = await settleBy(bench.clock, 1000, failureOf(session.open()));
    expect(failure).toMatchObject({ code: 'ERR_IPMI_AUTHENTICATION', retryable: false });
    expect(String(failure)).toMatch(/another password for user "torpor"/);
    const packets = bench.network.fromConsole.length;
    expect(await settleBy(bench.clock, 1000, failureOf(session.run(GET_DEVICE_ID, undefined)))).toBe(failure);
    expect(bench.network.fromConsole).toHaveLength(packets);
    await bench.clock.advance(10_000);
    await settleBy(bench.clock, 1000, failureOf(session.open()));
    expect(bench.network.fromConsole.length).toBeGreaterThan(packets);
  });

  it('wrong password, asked again every second for five minutes -> seven tries, fewer than lock a user out', async () => {
    const bench = setUpBench();
    const session = bench.session({ password: 'close sesame' });
    for (let second = 0; second < 300; second += 1) {
      expect(await settleBy(bench.clock, 1000, failureOf(session.open()))).toMatchObject({
        code: 'ERR_IPMI_AUTHENTICATION',
      });
      await bench.clock.advance(1000);
    }
    const tries = bench.network.fromConsole.filter(({ bytes }) => bytes[5] === 0x12);
    expect(tries.length).toBe(7);
  });

  it('wrong password -> the BMC is told, and keeps no half-open session', async () => {
    const bench = setUpBench();
    for (let attempt = 0; attempt < MAX_SESSIONS + 1; attempt += 1) {
      const session = bench.session({ password: 'close sesame' });
      const failure = await settleBy(bench.clock, 1000, failureOf(session.open()));
      expect(failure).toMatchObject({ code: 'ERR_IPMI_AUTHENTICATION' });
      await bench.clock.advance(5);
    }
  });

  it('unknown user -> ERR_IPMI_AUTHENTICATION, "unauthorized name"', async () => {
    const { clock, session } = setUpBench();
    const failure = await settleBy(clock, 1000, failureOf(session({ user: 'nobody' }).open()));
    expect(failure).toMatchObject({ code: 'ERR_IPMI_AUTHENTICATION' });
    expect(String(failure)).toMatch(/user "nobody".*unauthorized name \(0Dh\)/);
  });

  it('user with a lower limit -> ERR_IPMI_PRIVILEGE that says what to raise', async () => {
    const { clock, session } = setUpBench();
    const failure = await settleBy(clock, 1000, failureOf(session({ user: 'reader' }).open()));
    expect(failure).toMatchObject({ code: 'ERR_IPMI_PRIVILEGE' });
    expect(String(failure)).toMatch(/unauthorized role or privilege level \(0Ah\); raise this user's privilege limit/);
  });

  it('Set Session Privilege Level refused -> ERR_IPMI_PRIVILEGE, the session is closed again', async () => {
    const { clock, bmc, session } = setUpBench();
    bmc.faults.refuse.set('Set Session Privilege Level', 0x81);
    const opening = session();
    const failure = await settleBy(clock, 1000, failureOf(opening.open()));
    expect(failure).toMatchObject({ code: 'ERR_IPMI_PRIVILEGE' });
    expect(String(failure)).toMatch(/exceeds the user's or the channel's limit \(81h\)/);
    await clock.advance(10);
    expect([bmc.sessionCount, opening.isOpen]).toEqual([0, false]);
  });

  it('no common cipher suite -> ERR_IPMI_CIPHER_SUITE with what the BMC offers', async () => {
    const { clock, session } = setUpBench({ bmc: { cipherSuites: [3] } });
    const failure = await settleBy(clock, 1000, failureOf(session({ cipherSuite: 17 }).open()));
    expect(failure).toMatchObject({ code: 'ERR_IPMI_CIPHER_SUITE' });
    expect(String(failure)).toMatch(/no cipher suite match .*\(11h\).*; it offers: 3$/);
  });

  it('the BMC has no session left -> asked again with growing waits, then ERR_IPMI_SESSION that says what to do', async () => {
    const { clock, bmc, session } = setUpBench({ bmc: { maxSessions: 2 } });
    const others = [session(), session()];
    for (const other of others) await settleBy(clock, 1000, other.open());
    const startMs = clock.nowMs();
    const failure = await settleBy(clock, 10_000, failureOf(session().open()));
    expect(failure).toMatchObject({ code: 'ERR_IPMI_SESSION', retryable: true });
    expect(String(failure)).toMatch(/insufficient resources .*other programs hold its few session places/);
    expect(clock.nowMs() - startMs).toBeGreaterThanOrEqual(5000);
    expect(bmc.sessionCount).toBe(2);
  });

  it('a place becomes free meanwhile -> the session opens', async () => {
    const { clock, bmc, session } = setUpBench({ bmc: { maxSessions: 1 } });
    const first = session();
    await settleBy(clock, 1000, first.open());
    const second = session();
    const opening = second.open();
    await clock.advance(100);
    await settleBy(clock, 400, first.close());
    await settleBy(clock, 3000, opening);
    expect([second.isOpen, bmc.sessionCount]).toEqual([true, 1]);
  });

  it('closed while it waits for a place -> rejected at once, nothing runs on', async () => {
    const { clock, session } = setUpBench({ bmc: { maxSessions: 0 } });
    const waiting = session();
    const failing = failureOf(waiting.open());
    await clock.advance(300);
    await settleBy(clock, 10, waiting.close());
    expect(await settleBy(clock, 10, failing)).toMatchObject({ code: 'ERR_IPMI_SESSION' });
    expect(clock.pending).toBe(0);
  });

  it('seven controllers at a BMC with four places, each coming and going -> all are served', async () => {
    const { clock, bmc, session } = setUpBench({ bmc: { maxSessions: 4 } });
    const served = Array.from({ length: 7 }, async () => {
      const one = session();
      const { powerOn } = await one.run(GET_CHASSIS_STATUS, undefined);
      await one.close();
      return powerOn;
    });
    expect(await settleBy(clock, 20_000, Promise.all(served))).toEqual(new Array(7).fill(true));
    expect(bmc.sessionCount).toBe(0);
  });

  it('a path that led nowhere -> the next opening takes another, where the name may have another address', async () => {
    const { clock, bmc, network, access, session } = setUpBench();
    let paths = 0;
    let open = 0;
    const openTransport: typeof access.openTransport = async (listener) => {
      paths += 1;
      open += 1;
      const reached = await network.openTransport(listener);
      const nowhere = paths === 1;
      const close = async () => {
        open -= 1;
        await reached.close();
      };
      return { send: (bytes) => (nowhere ? undefined : reached.send(bytes)), close };
    };
    const moved = session({ openTransport });
    const failure = await settleBy(clock, 10_000, failureOf(moved.open()));
    expect([failure, open]).toEqual([expect.objectContaining({ code: 'ERR_IPMI_TIMEOUT' }), 0]);
    await settleBy(clock, 1000, moved.open());
    expect([paths, open, bmc.sessionCount]).toEqual([2, 1, 1]);
    await settleBy(clock, 1000, moved.close());
    expect([open, bmc.sessionCount]).toEqual([0, 0]);
  });

  it('several commands before it is open -> one session for all', async () => {
    const { clock, bmc, session } = setUpBench();
    const shared = session();
    const commands = [1, 2, 3].map(() => shared.run(GET_CHASSIS_STATUS, undefined));
    await settleBy(clock, 1000, Promise.all(commands));
    expect(bmc.sessionCount).toBe(1);
  });

  it('a command while the privilege is being raised -> waits for it', async () => {
    const { clock, network, session } = setUpBench();
    network.toBmc = () => [20];
    network.toConsole = () => [20];
    const raising = session();
    const opening = raising.open();
    // Four round trips of 40 ms: Set Session Privilege Level is on its way.
    await clock.advance(170);
    expect(raising.isOpen).toBe(false);
    await settleBy(clock, 1000, raising.run(CHASSIS_CONTROL, 'power-on'));
    await opening;
  });

  it('openBmcSession fails -> nothing stays open', async () => {
    const { clock, network, access } = setUpBench();
    const failure = await settleBy(clock, 1000, failureOf(openBmcSession({ ...access, password: 'no' })));
    expect(failure).toMatchObject({ code: 'ERR_IPMI_AUTHENTICATION' });
    expect(network.isOpen).toBe(false);
  });

  it('the network reports that the host is unreachable -> that error, at once', async () => {
    const { clock, network, session } = setUpBench();
    network.toBmc = LOST;
    const opening = failureOf(session().open());
    await clock.advance(100);
    network.fail(new TorporError('ERR_IPMI_UNREACHABLE', 'BMC cannot be reached: refused'));
    expect(await settleBy(clock, 10, opening)).toMatchObject({ code: 'ERR_IPMI_UNREACHABLE' });
  });
});

describe('commands in a session', () => {
  it('requests lost -> repeated after 250, 350 and 450 ms, answered', async () => {
    const bench = await openBench();
    const startMs = bench.clock.nowMs();
    const first = bench.network.fromConsole.length;
    bench.network.toBmc = (_packet, index) => (index < first + 3 ? [] : [1]);
    const status = await settleBy(bench.clock, 5000, bench.session.run(GET_CHASSIS_STATUS, undefined));
    expect(status.powerOn).toBe(true);
    expect(sentAtMs(bench, startMs, first)).toEqual([0, 250, 600, 1050]);
    expect(bench.session.activations).toBe(1);
  });

  it('repeats -> the same rqSeq under a new session sequence number', async () => {
    const bench = await openBench();
    const first = bench.network.fromConsole.length;
    bench.network.toConsole = (_packet, index) => (index === first ? [] : [1]);
    await settleBy(bench.clock, 5000, bench.session.run(GET_CHASSIS_STATUS, undefined));
    const [one, two] = bench.network.fromConsole.slice(first).map(({ bytes }) => Buffer.from(bytes).readUInt32LE(10));
    expect(two).toBe((one as number) + 1);
  });

  it('the answer to a deed lost -> repeated, answered, done once', async () => {
    const { clock, host, bmc, network, session } = await openBench({ host: { button: 'ignore' } });
    const first = network.fromBmc.length;
    network.toConsole = (_packet, index) => (index === first ? [] : [1]);
    await settleBy(clock, 5000, session.run(CHASSIS_CONTROL, 'soft'));
    expect(network.fromBmc.length - first).toBe(2);
    expect([host.buttonPresses, bmc.executed('Chassis Control')]).toEqual([1, 1]);
  });

  it('two deeds in flight, the first repeated after the second -> each done once', async () => {
    const { clock, host, network, session } = await openBench({ host: { button: 'ignore' } });
    const first = network.fromBmc.length;
    network.toConsole = (_packet, index) => (index === first ? [600] : [1]);
    const presses = [1, 2].map(() => session.run(CHASSIS_CONTROL, 'soft'));
    await settleBy(clock, 5000, Promise.all(presses));
    expect(host.buttonPresses).toBe(2);
  });

  it('every datagram doubled -> each command answered, each deed done once', async () => {
    const { clock, host, network, session } = await openBench({ host: { button: 'ignore' } });
    network.toBmc = () => [1, 3];
    network.toConsole = () => [1, 2];
    for (let round = 0; round < 20; round += 1) {
      await settleBy(clock, 1000, session.run(GET_CHASSIS_STATUS, undefined));
      await settleBy(clock, 1000, session.run(CHASSIS_CONTROL, 'soft'));
    }
    expect([host.buttonPresses, session.activations]).toEqual([20, 1]);
  });

  it('answers overtake each other -> each command gets its own', async () => {
    const { clock, network, session } = await openBench();
    const first = network.fromBmc.length;
    network.toConsole = (_packet, index) => [40 - (index - first) * 10];
    const answers = await settleBy(
      clock,
      1000,
      Promise.all([
        session.run(GET_DEVICE_ID, undefined),
        session.run(GET_SENSOR_READING, 1),
        session.run(GET_SENSOR_READING, 2),
        session.run(GET_CHASSIS_STATUS, undefined),
      ]),
    );
    expect(answers[0].ipmiVersion).toBe('2.0');
    expect([answers[1].stateBits, answers[2].value, answers[3].powerOn]).toEqual([1, 184, true]);
  });

  it('an answer after its repeat was answered -> dropped, and never taken for a later command', async () => {
    const { clock, host, network, session } = await openBench();
    const first = network.fromBmc.length;
    // "Power is on" arrives 3 s late, when the platform is off and other commands wait.
    network.toConsole = (_packet, index) => (index === first ? [3000] : [20]);
    expect((await settleBy(clock, 1000, session.run(GET_CHASSIS_STATUS, undefined))).powerOn).toBe(true);
    host.powerOff();
    for (let round = 0; round < 140; round += 1) {
      expect((await settleBy(clock, 1000, session.run(GET_CHASSIS_STATUS, undefined))).powerOn).toBe(false);
    }
    expect(session.activations).toBe(1);
  });

  it('once, lost -> exactly one packet, ERR_IPMI_TIMEOUT, outcome unknown, not to be retried', async () => {
    const bench = await openBench();
    const first = bench.network.fromConsole.length;
    bench.network.toBmc = LOST;
    let sent = 0;
    const options = {
      once: true,
      onSent: () => {
        sent += 1;
      },
    };
    const failure = await settleBy(bench.clock, 20_000, failureOf(bench.session.run(CHASSIS_CONTROL, 'soft', options)));
    expect(failure).toMatchObject({ code: 'ERR_IPMI_TIMEOUT', retryable: false });
    expect(String(failure)).toMatch(/\(1 packet in 5000 ms\); whether it acted is unknown/);
    expect([bench.network.fromConsole.length - first, sent]).toEqual([1, 1]);
  });

  it('completion codes -> ERR_IPMI_COMPLETION in words, ERR_IPMI_PRIVILEGE for D4h', async () => {
    const { clock, bmc, session } = await openBench();
    bmc.faults.refuse.set('Chassis Control', 0xd5);
    const refused = await settleBy(clock, 1000, failureOf(session.run(CHASSIS_CONTROL, 'power-on')));
    expect(refused).toMatchObject({ code: 'ERR_IPMI_COMPLETION', completionCode: 0xd5, retryable: false });
    expect(String(refused)).toMatch(
      /Chassis Control on BMC bmc\.test:623 .* not supported in the present state \(D5h\)/,
    );
    bmc.faults.refuse.set('Chassis Control', 0xd4);
    const denied = await settleBy(clock, 1000, failureOf(session.run(CHASSIS_CONTROL, 'power-on')));
    expect(denied).toMatchObject({ code: 'ERR_IPMI_PRIVILEGE' });
  });

  it('busy (C0h) for a while -> asked again until it is done', async () => {
    const { clock, bmc, session } = await openBench();
    bmc.faults.refuse.set('Get Chassis Status', 0xc0);
    const status = session.run(GET_CHASSIS_STATUS, undefined);
    await clock.advance(350);
    bmc.faults.refuse.clear();
    expect((await settleBy(clock, 5000, status)).powerOn).toBe(true);
  });

  it('busy (C0h) for good -> ERR_IPMI_COMPLETION, retryable, after four requests', async () => {
    const { clock, bmc, network, session } = await openBench();
    const first = network.fromConsole.length;
    bmc.faults.refuse.set('Get Chassis Status', 0xc0);
    const failure = await settleBy(clock, 5000, failureOf(session.run(GET_CHASSIS_STATUS, undefined)));
    expect(failure).toMatchObject({ code: 'ERR_IPMI_COMPLETION', retryable: true });
    expect(network.fromConsole.length - first).toBe(4);
  });

  it.each([
    [0xc0, 'Get Chassis Status'],
    [0xc3, 'Get Chassis Status'],
    [0xce, 'Get Chassis Status'],
    [0xd0, 'Get Chassis Status'],
    [0xd1, 'Get Chassis Status'],
    [0xd2, 'Get Chassis Status'],
    [0xd3, 'Get Chassis Status'],
    [0xd5, 'Get Chassis Status'],
  ])('completion code %i to a question, twice -> asked again, answered', async (completionCode, name) => {
    const { clock, bmc, session } = await openBench();
    bmc.faults.refuseTimes.set(name, { completionCode, times: 2 });
    expect((await settleBy(clock, 1000, session.run(GET_CHASSIS_STATUS, undefined))).powerOn).toBe(true);
    expect(session.activations).toBe(1);
  });

  it.each([
    [0xc0, true],
    [0xd2, true],
    [0xc3, false],
    [0xce, false],
    [0xd5, false],
    [0xff, false],
  ])('completion code %i to a command that acts -> asked again: %s', async (completionCode, again) => {
    const { clock, bmc, session } = await openBench({ host: { button: 'ignore' } });
    bmc.faults.refuseTimes.set('Chassis Control', { completionCode, times: 1 });
    const outcome = session.run(CHASSIS_CONTROL, 'soft').then(
      () => true,
      () => false,
    );
    expect(await settleBy(clock, 3000, outcome)).toBe(again);
  });

  it('a deed that is harmless to repeat, timed out in the BMC -> asked again', async () => {
    const { clock, bmc, session } = await openBench();
    bmc.faults.refuseTimes.set('Chassis Control', { completionCode: 0xc3, times: 3 });
    await settleBy(clock, 3000, session.run(CHASSIS_CONTROL, 'power-on', { harmless: true }));
    expect(bmc.executed('Chassis Control')).toBe(1);
  });

  it('once, and the BMC is busy -> not asked again', async () => {
    const { clock, bmc, host, session } = await openBench({ host: { button: 'ignore' } });
    bmc.faults.refuseTimes.set('Chassis Control', { completionCode: 0xc0, times: 1 });
    const failure = await settleBy(clock, 3000, failureOf(session.run(CHASSIS_CONTROL, 'soft', { once: true })));
    expect(failure).toMatchObject({ completionCode: 0xc0 });
    expect(host.buttonPresses).toBe(0);
  });

  it('100 commands at once -> 4 in flight, 64 wait, the rest is refused with ERR_IPMI_SESSION', async () => {
    const { clock, network, session } = await openBench();
    const first = network.fromConsole.length;
    const all = Promise.allSettled(Array.from({ length: 100 }, () => session.run(GET_CHASSIS_STATUS, undefined)));
    await clock.advance(0);
    expect(network.fromConsole.length - first).toBe(4);
    const results = await settleBy(clock, 5000, all);
    const refused = results.filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(100 - 4 - 64);
    expect(refused[0]).toMatchObject({ reason: { code: 'ERR_IPMI_SESSION', retryable: true } });
  });

  it('a lost packet of one command -> others are answered meanwhile', async () => {
    const { clock, network, session } = await openBench();
    const first = network.fromConsole.length;
    network.toBmc = (_packet, index) => (index === first ? [] : [1]);
    const slow = session.run(GET_DEVICE_ID, undefined);
    const startMs = clock.nowMs();
    await settleBy(clock, 1000, session.run(CHASSIS_CONTROL, 'power-on'));
    expect(clock.nowMs() - startMs).toBeLessThan(10);
    await settleBy(clock, 1000, slow);
  });

  it('the signal aborts -> ERR_IPMI_TIMEOUT at once, nothing more is sent for it', async () => {
    const { clock, network, session } = await openBench();
    network.toBmc = LOST;
    const abort = new AbortController();
    const failure = failureOf(session.run(GET_CHASSIS_STATUS, undefined, { signal: abort.signal }));
    await clock.advance(100);
    abort.abort();
    expect(await settleBy(clock, 5, failure)).toMatchObject({ code: 'ERR_IPMI_TIMEOUT' });
    const sent = network.fromConsole.length;
    await clock.advance(5000);
    expect(network.fromConsole).toHaveLength(sent);
    const late = failureOf(session.run(GET_CHASSIS_STATUS, undefined, { signal: abort.signal }));
    expect(await settleBy(clock, 5, late)).toMatchObject({ code: 'ERR_IPMI_TIMEOUT' });
    expect(network.fromConsole).toHaveLength(sent);
  });
});

describe('what does not belong to the session', () => {
  it('changed, foreign and empty packets -> dropped; a time-out tells how many and why', async () => {
    const { clock, network, session } = await openBench();
    const answers: Uint8Array[] = [];
    network.toConsole = (packet) => {
      answers.push(packet);
      return [];
    };
    const failing = failureOf(session.run(CHASSIS_CONTROL, 'power-on', { once: true }));
    await clock.advance(10);
    const answer = answers[0] as Uint8Array;
    for (let index = 16; index < answer.length; index += 1) {
      const changed = Uint8Array.from(answer);
      changed[index] = (changed[index] as number) ^ 0x01;
      network.inject(changed);
    }
    const foreign = Uint8Array.from(answer);
    foreign.set([1, 2, 3, 4], 6);
    network.inject(foreign);
    network.inject(new Uint8Array(0));
    const failure = await settleBy(clock, 10_000, failing);
    expect(String(failure)).toMatch(/dropped: .* × wrong integrity code/);
    expect(String(failure)).toMatch(/1 × another session id/);
  });

  it('15 answers in a row lost -> the next are outside the window, the session is given up and opened anew', async () => {
    const { clock, network, session } = await openBench();
    let answers = 0;
    // 15 answers are lost on the way: the BMC's next number is 16 above the last that came.
    network.toConsole = () => {
      answers += 1;
      return answers <= 15 ? [] : [1];
    };
    for (let round = 0; round < 15; round += 1) {
      const abort = new AbortController();
      const lost = failureOf(session.run(GET_CHASSIS_STATUS, undefined, { signal: abort.signal }));
      await clock.advance(10);
      abort.abort();
      await lost;
    }
    const startMs = clock.nowMs();
    const failing = session.run(GET_CHASSIS_STATUS, undefined);
    await settleBy(clock, 20_000, failing);
    expect(clock.nowMs() - startMs).toBeGreaterThan(3000);
    expect(session.activations).toBe(2);
  });
});

describe('a session that is lost', () => {
  it('the BMC restarts -> the next command notices, opens a new session and is answered', async () => {
    const { clock, bmc, session } = await openBench();
    bmc.restart();
    const startMs = clock.nowMs();
    const status = await settleBy(clock, 10_000, session.run(GET_CHASSIS_STATUS, undefined));
    expect(status.powerOn).toBe(true);
    expect([session.activations, bmc.sessionCount]).toEqual([2, 1]);
    // Seven packets' waits, then the activation.
    expect(clock.nowMs() - startMs).toBeLessThan(3600);
  });

  it('the BMC restarts while four commands are in flight -> all are answered in the new session', async () => {
    const { clock, bmc, session } = await openBench();
    bmc.restart();
    const commands = Array.from({ length: 8 }, () => session.run(GET_CHASSIS_STATUS, undefined));
    const answers = await settleBy(clock, 10_000, Promise.all(commands));
    expect(answers.every(({ powerOn }) => powerOn)).toBe(true);
    expect(session.activations).toBe(2);
  });

  it('the BMC restarts under a command that may be sent once -> it is not repeated in the new session', async () => {
    const { clock, host, bmc, session } = await openBench();
    bmc.restart();
    const pressing = failureOf(session.run(CHASSIS_CONTROL, 'soft', { once: true }));
    await settleBy(clock, 10_000, session.run(GET_CHASSIS_STATUS, undefined));
    expect(await settleBy(clock, 10_000, pressing)).toMatchObject({ code: 'ERR_IPMI_TIMEOUT' });
    expect(host.buttonPresses).toBe(0);
  });

  it('the BMC stays silent -> ERR_IPMI_TIMEOUT after both bounds; it comes back -> works again', async () => {
    const { clock, bmc, session } = await openBench();
    bmc.faults.silent = true;
    const startMs = clock.nowMs();
    const failure = await settleBy(clock, 20_000, failureOf(session.run(GET_CHASSIS_STATUS, undefined)));
    expect(failure).toMatchObject({ code: 'ERR_IPMI_TIMEOUT', retryable: true });
    expect(clock.nowMs() - startMs).toBeLessThanOrEqual(3500 + 3500 + 10);
    bmc.faults.silent = false;
    expect((await settleBy(clock, 5000, session.run(GET_CHASSIS_STATUS, undefined))).powerOn).toBe(true);
  });

  it('the network reports an error -> pending commands are asked again in a new session, at once', async () => {
    const { clock, network, session } = await openBench();
    network.toBmc = LOST;
    const asking = session.run(GET_CHASSIS_STATUS, undefined);
    await clock.advance(50);
    network.toBmc = DELIVERED;
    network.fail(new TorporError('ERR_IPMI_UNREACHABLE', 'refused', { retryable: true }));
    expect((await settleBy(clock, 50, asking)).powerOn).toBe(true);
    expect(session.activations).toBe(2);
  });

  it('the network goes on reporting errors -> ERR_IPMI_UNREACHABLE at once; a command once -> never sent again', async () => {
    const { clock, network, session } = await openBench();
    const first = network.fromConsole.length;
    network.toBmc = () => {
      clock.schedule(1, () => network.fail(new TorporError('ERR_IPMI_UNREACHABLE', 'refused', { retryable: true })));
      return [];
    };
    const pressing = failureOf(session.run(CHASSIS_CONTROL, 'soft', { once: true }));
    expect(await settleBy(clock, 50, pressing)).toMatchObject({ code: 'ERR_IPMI_UNREACHABLE' });
    expect(network.fromConsole.length - first).toBe(1);
    const asking = failureOf(session.run(GET_CHASSIS_STATUS, undefined));
    expect(await settleBy(clock, 50, asking)).toMatchObject({ code: 'ERR_IPMI_UNREACHABLE' });
  });

  it('idle for ten minutes -> kept alive with Get Device ID, still the first session', async () => {
    const { clock, bmc, session } = await openBench();
    await clock.advance(600_000);
    expect(bmc.executed('Get Device ID')).toBeGreaterThanOrEqual(25);
    expect(bmc.executed('Get Device ID')).toBeLessThanOrEqual(31);
    await settleBy(clock, 1000, session.run(GET_CHASSIS_STATUS, undefined));
    expect([session.activations, bmc.sessionCount]).toEqual([1, 1]);
  });

  it('the BMC is busy (C0h) when it is kept alive -> kept alive all the same, and from then on', async () => {
    const { clock, bmc, session } = await openBench();
    bmc.faults.refuse.set('Get Device ID', 0xc0);
    await clock.advance(30_000);
    bmc.faults.refuse.delete('Get Device ID');
    await clock.advance(600_000);
    expect([bmc.sessionCount, session.activations]).toEqual([1, 1]);
  });

  it('busy anyway -> no keep-alive', async () => {
    const { clock, bmc, session } = await openBench();
    for (let second = 0; second < 120; second += 1) {
      await settleBy(clock, 100, session.run(GET_CHASSIS_STATUS, undefined));
      await clock.advance(1000);
    }
    expect(bmc.executed('Get Device ID')).toBe(0);
  });
});

describe('closing a session', () => {
  it('close -> the BMC is told, the transport is closed, later commands are refused', async () => {
    const { clock, bmc, network, session } = await openBench();
    await settleBy(clock, 1000, session.close());
    expect([bmc.sessionCount, network.isOpen]).toEqual([0, false]);
    const failure = await failureOf(session.run(GET_CHASSIS_STATUS, undefined));
    expect(failure).toMatchObject({ code: 'ERR_IPMI_SESSION' });
    await settleBy(clock, 1000, session.close());
  });

  it('close while the BMC is silent -> over within its bound, pending commands are rejected', async () => {
    const { clock, bmc, network, session } = await openBench();
    bmc.faults.silent = true;
    const failing = failureOf(session.run(GET_CHASSIS_STATUS, undefined));
    const startMs = clock.nowMs();
    await settleBy(clock, 1000, session.close());
    expect(clock.nowMs() - startMs).toBeLessThanOrEqual(501);
    expect(await failing).toMatchObject({ code: 'ERR_IPMI_SESSION' });
    expect(network.isOpen).toBe(false);
  });

  it('close while it opens -> the opening is rejected, nothing runs on', async () => {
    const { clock, network, session } = setUpBench();
    network.toBmc = LOST;
    const opening = session();
    const failing = failureOf(opening.open());
    await clock.advance(100);
    await settleBy(clock, 1000, opening.close());
    expect(await failing).toMatchObject({ code: 'ERR_IPMI_SESSION' });
    expect(clock.pending).toBe(0);
  });

  it('after close -> no timer is left', async () => {
    const { clock, session } = await openBench();
    await settleBy(clock, 1000, session.close());
    await clock.advance(10);
    expect(clock.pending).toBe(0);
  });

  it('password -> accepted as it is, up to 20 bytes', async () => {
    const password = 'twenty bytes, exact!';
    const { clock, session } = setUpBench({
      bmc: { users: [{ name: 'torpor', password, privilege: 'operator' }] },
    });
    const opening = session({ password });
    await settleBy(clock, 1000, opening.open());
    expect(opening.isOpen).toBe(true);
  });
});
