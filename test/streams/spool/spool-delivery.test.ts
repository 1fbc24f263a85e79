// One job on its way to a target that acknowledges when a test says so.
import { afterEach, describe, expect, it } from 'vitest';
import { Farewells } from '../../../src/streams/farewells.ts';
import type { SocketKey } from '../../../src/streams/proc-net-tcp.ts';
import type { SendQueues } from '../../../src/streams/send-queues.ts';
import { SentWaits } from '../../../src/streams/sent-waits.ts';
import { SpoolDelivery, TAKE_BOUND_MS } from '../../../src/streams/spool/spool-delivery.ts';
import type { StreamSocket } from '../../../src/streams/stream-socket.ts';
import { TargetConnector } from '../../../src/streams/target-connector.ts';
import { comesTrue } from '../../support/eventually.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { StreamRig, VmServer } from '../support/stream-rig.ts';

const MINUTE_MS = 60_000;
/** Of one reading of the kernel's table: as on a machine with many connections, the next one follows a second later. */
const READING_MS = 20;

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start() {
  const clock = new FakeClock();
  const took: string[] = [];
  const vm = await VmServer.start((socket) => socket.on('data', (bytes) => took.push(String(bytes))));
  closers.push(() => vm.close());
  const rig = await StreamRig.start({ target: vm.port });
  closers.push(() => rig.close());
  const kernel = { isAcknowledged: false, isHeld: false };
  const table = { has: () => !kernel.isAcknowledged } as unknown as ReadonlyMap<SocketKey, number>;
  const sentWaits = new SentWaits(clock, async () => {
    await new Promise<void>((resolve) => clock.schedule(READING_MS, resolve));
    return table;
  });
  const sockets: StreamSocket[] = [];
  const delivery = new SpoolDelivery({
    home: {
      clock,
      buffers: rig.buffers,
      sendQueues: { track: (socket: StreamSocket) => sockets.push(socket) } as unknown as SendQueues,
      sentWaits,
      farewells: new Farewells(sentWaits, () => kernel.isHeld),
      connectBound: TargetConnector.boundBy(clock),
      isHeld: () => kernel.isHeld,
    },
    route: { vm: 'printer', target: { host: '127.0.0.1', port: vm.port }, sendProxy: null } as never,
    ends: null,
    content: (async function* () {
      yield Buffer.from('a job');
    })(),
    onReply: async () => {},
    onSent: () => {},
  });
  const setHeld = (isHeld: boolean) => {
    kernel.isHeld = isHeld;
    delivery.heldChanged();
  };
  const outcome: { of: string } = { of: 'under way' };
  const run = delivery.run().then(
    () => (outcome.of = 'taken'),
    (thrown: Error) => (outcome.of = thrown.message),
  );
  await comesTrue(() => expect(took.join('')).toBe('a job'));
  const isEnded = () => sockets.map(({ writableEnded }) => writableEnded);
  return { clock, kernel, setHeld, outcome, run, isEnded, vm };
}

describe('SpoolDelivery', () => {
  it('not acknowledged, and its VM was held for a while -> the bound is put off, and the job is not taken for delivered meanwhile', async () => {
    const { clock, kernel, setHeld, outcome, run, isEnded, vm } = await start();
    await clock.advance(10 * MINUTE_MS);
    setHeld(true);
    await clock.advance(MINUTE_MS);
    setHeld(false);
    await clock.advance(TAKE_BOUND_MS - 5 * MINUTE_MS);
    expect([outcome.of, isEnded()]).toEqual(['under way', [false]]);
    kernel.isAcknowledged = true;
    await clock.advance(3_000);
    expect(isEnded()).toEqual([true]);
    for (const socket of vm.sockets) socket.end();
    await run;
    expect(outcome.of).toBe('taken');
  });

  it('never acknowledged -> fails at the bound', async () => {
    const { clock, outcome, run } = await start();
    await clock.advance(TAKE_BOUND_MS + 1);
    await run;
    expect(outcome.of).toContain('does not acknowledge the end of the job for 30m');
  });
});
