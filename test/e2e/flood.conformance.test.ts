// Peer: the kernel, by way of its loopback addresses. 50,000 connections at a sleeper's listener, from eight sources that hold all they get.
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { REFUSAL_LOG_MS } from '../../src/streams/refusals.ts';
import { eventually } from '../support/eventually.ts';
import { describeWhere } from '../support/requirements.ts';
import { PLATFORM, Stage } from './support/stage.ts';

const CONNECTIONS = 50_000;
const SOURCES = 8;
/** Of the flood's own process: what is open at once, and what is on its way. */
const OPEN_MAX = 8_000;
const PENDING_MAX = 200;
const MAX_STREAMS = 2_000;
/** Of Torpor, beyond what it took before: 2,000 streams, and buffers of the kernel's sockets in Node. */
const GROWTH_MAX_BYTES = 200 * 1024 * 1024;

/** 50,000 connections take a minute; a busy machine has more to do. */
const FLOOD_BOUND_MS = 420_000;

const sockets = new Set<Socket>();
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
});

interface Outcome {
  connected: number;
  reset: number;
  failed: number;
}

/** Keeps each connection until it is reset. Where too many are open the oldest is given up. */
async function flood(port: number, outcome: Outcome, whenHalf: () => void): Promise<void> {
  let pending = 0;
  for (let each = 0; each < CONNECTIONS; each += 1) {
    if (each === CONNECTIONS / 2) whenHalf();
    while (pending >= PENDING_MAX) await new Promise((resolve) => setImmediate(resolve));
    if (sockets.size >= OPEN_MAX) sockets.values().next().value?.destroy();
    const socket = connect({ host: '127.0.0.1', port, localAddress: `127.0.1.${1 + (each % SOURCES)}` });
    sockets.add(socket);
    pending += 1;
    let isUp = false;
    socket.once('connect', () => {
      isUp = true;
      pending -= 1;
      outcome.connected += 1;
      // Some say nothing, some a byte, some what is no SSH.
      if (each % 3 === 1) socket.write('S');
      if (each % 3 === 2) socket.write('GET / HTTP/1.0\r\n\r\n');
    });
    socket.on('error', () => {
      if (isUp) outcome.reset += 1;
      else outcome.failed += 1;
    });
    socket.once('close', () => {
      sockets.delete(socket);
      if (!isUp) pending -= 1;
    });
  }
  while (pending > 0) await new Promise((resolve) => setImmediate(resolve));
}

function linesOfRefusals(output: string): number {
  return output.split('\n').filter((line) => line.includes(' refused') && line.includes('"reason"')).length;
}

function residentBytes(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(match?.[1]) * 1024;
}

function highestResidentBytes(pid: number): number {
  const match = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(match?.[1]) * 1024;
}

describeWhere(process.platform === 'linux' ? null : 'no Linux', `a flood of ${CONNECTIONS} connections`, () => {
  it(
    'at a sleeper, wakeOn: preface -> wakes nobody, memory stays bounded, and a client from elsewhere is served amid it',
    async () => {
      await using stage = await Stage.open();
      const listener = { protocol: 'ssh', wakeOn: 'preface', maxStreams: MAX_STREAMS, maxPerSource: 500 };
      stage.configure(stage.alice(listener));
      const torpor = await stage.run();
      await torpor.waitForState(PLATFORM, 'asleep');
      const before = residentBytes(torpor.pid);
      const outcome: Outcome = { connected: 0, reset: 0, failed: 0 };
      let guest: Promise<string> | null = null;
      let wasAsleep = false;
      const startedMs = performance.now();
      await flood(stage.listenPort, outcome, () => {
        // Nobody of the flood has woken it by now; somebody from elsewhere does.
        guest = (async () => {
          wasAsleep = (await torpor.platform(PLATFORM)).state === 'asleep';
          const client = await stage.connect();
          return client.ask('SSH-2.0-guest');
        })();
      });
      const seconds = (performance.now() - startedMs) / 1000;
      expect(await (guest as Promise<string> | null)).toMatch(/SSH-2\.0-guest$/);
      expect(wasAsleep).toBe(true);
      // The guest's. It went idle then, and the platform slept on through the rest of the flood.
      const status = await torpor.platform(PLATFORM);
      expect(status.wakes).toBe(1);
      expect(status.streams).toBeLessThanOrEqual(MAX_STREAMS + 1);
      const refused = Object.values(status.refusedClients).reduce((sum, count) => sum + count, 0);
      expect(refused).toBeGreaterThan(CONNECTIONS / 2);
      const grown = highestResidentBytes(torpor.pid) - before;
      console.log(
        `flood: ${outcome.connected} connected, ${outcome.reset} reset, ${outcome.failed} failed in ${seconds.toFixed(0)} s; ` +
          `refused ${JSON.stringify(status.refusedClients)}; resident ${Math.round(before / 2 ** 20)} MiB before, ` +
          `${Math.round(grown / 2 ** 20)} MiB more at most; ${linesOfRefusals(torpor.output)} lines of refusals`,
      );
      expect(grown).toBeLessThan(GROWTH_MAX_BYTES);
      expect(linesOfRefusals(torpor.output)).toBeGreaterThan(0);
      // A line each ten seconds, and one at first, for each of three reasons.
      expect(linesOfRefusals(torpor.output)).toBeLessThan(3 * (FLOOD_BOUND_MS / REFUSAL_LOG_MS + 1));
      for (const socket of sockets) socket.destroy();
      // Those that came while the guest had it awake stand at the VM, which hears of their ends when it runs.
      await torpor.ask(PLATFORM, 'wake');
      await eventually('the flood’s streams to be gone', async () => (await torpor.platform(PLATFORM)).streams <= 1);
    },
    FLOOD_BOUND_MS,
  );
});
