// Streams towards a VM that has really fallen silent, against the Linux kernel's own TCP: nothing sent, nothing lost.

import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DrainReport, StreamStatus } from '../../src/platform/ports.ts';
import { ON_THE_WAY_MAX } from '../../src/probes/vm-prober.ts';
import { ATTEMPTS_OPEN_MAX } from '../../src/streams/target-connector.ts';
import { eventually } from '../support/eventually.ts';
import { describeWhere, requires } from '../support/requirements.ts';
import { Agent } from './support/agent.ts';
import { NamespacePair, VM_ADDRESS } from './support/namespace-pair.ts';

/** Three repetitions: an unacknowledged segment ends its connection after about 3 s, with the default 15 after 15 minutes. */
const SHORT_RETRIES2 = 3;
const LONG_RETRIES2 = 15;
/** Timers of /proc/net/tcp. */
const [NO_TIMER, REPEATS, KEEPALIVE] = [0, 1, 2];
/** How long a drain may take where all is acknowledged at once. */
const DRAIN_BOUND_MS = 20_000;

interface SeenByVm {
  readonly text: string;
  readonly end: string;
  readonly firstByteAtMs: number | null;
}
interface SeenByClient {
  readonly text: string;
  readonly end: string;
}

const missing = requires(['ip', 'sysctl'], { root: true });

let net: NamespacePair;
let vm: Agent;
let gate: Agent;
let port: number;

/** A fresh StreamSet in a network whose VM answers. */
async function setUp(retries2: number, initiallyHeld = false): Promise<void> {
  net.setRetries2(retries2);
  net.wakeVm();
  await vm.call('forget');
  await gate.call('open', VM_ADDRESS, port, initiallyHeld);
}

const seenByVm = () => vm.call<SeenByVm[]>('seen');
const see = (client: number) => gate.call<SeenByClient>('see', client);
const nowMs = () => performance.timeOrigin + performance.now();
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const timers = (to: number) => gate.call<number[]>('timers', to);
const synIsLost = () =>
  eventually('a lost SYN', async () => (await gate.call<number>('synsSent', port)) > 0, { everyMs: 5 });

/** The least of a few: what a busy machine adds to one of them is not the protocol's. */
async function leastMs(enoughMs: number, time: () => Promise<number>): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5 && least >= enoughMs; round += 1) least = Math.min(least, await time());
  return least;
}

describeWhere(missing, 'Streams and a VM without network (Linux namespaces)', () => {
  beforeAll(async () => {
    net = new NamespacePair('sleep');
    vm = new Agent(net.vm, './vm-agent.ts');
    gate = new Agent(net.gate, './gate-agent.ts');
    port = await vm.call<number>('listen');
  }, 60_000);
  afterAll(() => {
    gate?.[Symbol.dispose]();
    vm?.[Symbol.dispose]();
    net?.[Symbol.dispose]();
  });

  it('sending towards a sleeper kills a connection; the same time in a hold -> does not, and all arrives once', async () => {
    await setUp(SHORT_RETRIES2);
    const held = await gate.call<number>('connect');
    const direct = await gate.call<number>('connectDirectly');
    for (const client of [held, direct]) await gate.call('write', client, 'before\n');
    await eventually('both answers', async () => (await see(held)).text + (await see(direct)).text === 'ok\nok\n');

    await gate.call('hold');
    expect(await gate.call<DrainReport>('drain', DRAIN_BOUND_MS)).toEqual({
      drained: true,
      unackedBytes: 0,
      source: 'proc',
    });
    net.silenceVm();
    for (const client of [held, direct]) await gate.call('write', client, 'while asleep\n');

    await eventually('the kernel to give up', async () => (await see(direct)).end === 'ETIMEDOUT', {
      withinMs: 30_000,
    });
    expect(await see(held)).toEqual({ text: 'ok\n', end: 'none' });
    expect(await gate.call<StreamStatus[]>('streams')).toMatchObject([{ mode: 'holding', heldBytes: 13 }]);
    await gate.call('write', held, 'still typing\n');

    net.wakeVm();
    await gate.call('release');
    await eventually('the answers', async () => (await see(held)).text === 'ok\nok\nok\n');
    const [throughTorpor, withoutTorpor] = await seenByVm();
    expect(throughTorpor).toMatchObject({ text: 'before\nwhile asleep\nstill typing\n', end: 'none' });
    expect(withoutTorpor?.text).toBe('before\n');
  });

  it('bytes that were on their way when the VM fell silent -> are seen in the send queue, and drain does not answer drained', async () => {
    await setUp(LONG_RETRIES2);
    const client = await gate.call<number>('connect');
    await gate.call('write', client, 'a\n');
    await eventually('the first line', async () => (await seenByVm())[0]?.text === 'a\n');
    net.silenceVm();
    await gate.call('write', client, 'not acknowledged\n');
    await eventually(
      'the bytes in Torpor',
      async () => (await gate.call<StreamStatus[]>('streams'))[0]?.bytesFromClient === 19,
    );
    await gate.call('hold');
    expect(await gate.call<DrainReport>('drain', 500)).toEqual({ drained: false, unackedBytes: 17, source: 'proc' });
    net.wakeVm();
    expect(await gate.call<DrainReport>('drain', DRAIN_BOUND_MS)).toEqual({
      drained: true,
      unackedBytes: 0,
      source: 'proc',
    });
    expect((await seenByVm())[0]?.text).toBe('a\nnot acknowledged\n');
  });

  it('a stream that closed with bytes on their way: LAST_ACK in the kernel -> not drained until they are acknowledged', async () => {
    await setUp(LONG_RETRIES2);
    const client = await gate.call<number>('connect');
    await gate.call('write', client, 'a\n');
    await eventually('the first line', async () => (await seenByVm())[0]?.text === 'a\n');
    await vm.call('endAll');
    await eventually('the FIN', async () => (await see(client)).end === 'fin');
    net.silenceVm();
    await gate.call('write', client, 'the tail of a job');
    await gate.call('end', client);
    await eventually('the close', async () =>
      (await gate.call<string[]>('told')).some((told) => told.startsWith('closed')),
    );
    await gate.call('hold');
    // 17 bytes and the FIN, which counts as one.
    expect(await gate.call<DrainReport>('drain', 500)).toEqual({ drained: false, unackedBytes: 18, source: 'proc' });
    net.wakeVm();
    expect(await gate.call<DrainReport>('drain', DRAIN_BOUND_MS)).toMatchObject({ drained: true });
    expect((await seenByVm())[0]).toMatchObject({ text: 'a\nthe tail of a job', end: 'fin' });
  });

  it('idle streams: the kernel runs a keepalive timer towards clients, and none towards VMs', async () => {
    await setUp(LONG_RETRIES2);
    const client = await gate.call<number>('connect');
    await gate.call('write', client, 'a\n');
    await eventually('the answer', async () => (await see(client)).text === 'ok\n');
    const clientPort = await gate.call<number>('clientPort', client);
    // What was just sent is acknowledged a moment later; until then its repetition is timed.
    await eventually(
      'all to be acknowledged',
      async () => ![...(await timers(port)), ...(await timers(clientPort))].includes(REPEATS),
    );
    expect(await timers(port)).toEqual([NO_TIMER]);
    expect(await timers(clientPort)).toEqual([KEEPALIVE]);
  });

  it('a client that came while the VM was silent; the first SYN after the release is lost -> served within half a second', async () => {
    const latencyMs = await leastMs(500, async () => {
      await setUp(LONG_RETRIES2, true);
      const client = await gate.call<number>('connect');
      await gate.call('write', client, 'key\n');
      net.silenceVm();
      await gate.call('release');
      await synIsLost();
      net.wakeVm();
      const wokenAtMs = nowMs();
      const isThere = async () => (await seenByVm()).find(({ text }) => text === 'key\n');
      const first = await eventually('the first byte', isThere, { everyMs: 10 });
      return (first.firstByteAtMs as number) - wokenAtMs;
    });
    console.log(`first held byte ${latencyMs.toFixed(0)} ms after a VM became reachable whose first SYN was lost`);
    expect(latencyMs).toBeLessThan(500);
  });

  it('a lost SYN: one ordinary attempt -> costs the kernel a second; eager attempts -> a fraction', async () => {
    await setUp(LONG_RETRIES2);
    const timeWithLostSyn = async (pace: string) => {
      net.silenceVm();
      const timed = gate.call<number>('timeConnect', pace);
      await synIsLost();
      net.wakeVm();
      return timed;
    };
    const ordinaryMs = await timeWithLostSyn('ordinary');
    const eagerMs = await leastMs(500, () => timeWithLostSyn('eager'));
    console.log(`connected after a lost SYN: ordinary ${ordinaryMs.toFixed(0)} ms, eager ${eagerMs.toFixed(0)} ms`);
    expect(ordinaryMs).toBeGreaterThan(900);
    expect(eagerMs).toBeLessThan(500);
  });

  it('eager attempts at a VM that stays silent -> are a bounded number, and one of them connects in the end', async () => {
    await setUp(LONG_RETRIES2);
    net.silenceVm();
    const timed = gate.call<number>('timeConnect', 'eager');
    await pause(4000);
    const repeating = async () => (await timers(port)).filter((timer) => timer === REPEATS).length;
    await eventually('all attempts to be open', async () => (await repeating()) >= ATTEMPTS_OPEN_MAX);
    expect(await repeating()).toBe(ATTEMPTS_OPEN_MAX);
    net.wakeVm();
    expect(await timed).toBeGreaterThan(4000);
    await eventually('the others to be gone', async () => (await seenByVm()).every(({ end }) => end !== 'none'));
  });

  it('a VM that is silent, then answers: one question -> waits for its second SYN; overlapping questions -> notice at once', async () => {
    await setUp(LONG_RETRIES2);
    net.silenceVm();
    const alone = gate.call<number | null>('timeQuestion', 20_000);
    await synIsLost();
    net.wakeVm();
    const aloneMs = await alone;
    expect(aloneMs).toBeGreaterThan(900);

    const latencyMs = await leastMs(300, async () => {
      net.silenceVm();
      await gate.call('startProber', 20);
      await pause(2500);
      const { open } = await gate.call<{ open: number }>('proberState');
      expect(open).toBeGreaterThan(1);
      expect(open).toBeLessThanOrEqual(ON_THE_WAY_MAX);
      net.wakeVm();
      const wokenAtMs = nowMs();
      const ask = async () => (await gate.call<{ answeredAtMs: number | null }>('proberState')).answeredAtMs;
      const answeredAtMs = await eventually('an answer', ask, { everyMs: 10 });
      await gate.call('stopProber');
      expect(await gate.call('proberState')).toMatchObject({ open: 0 });
      return answeredAtMs - wokenAtMs;
    });
    console.log(
      `a VM that answers again: one question ${aloneMs?.toFixed(0)} ms, overlapping ${latencyMs.toFixed(0)} ms`,
    );
    expect(latencyMs).toBeLessThan(300);
  });
});
