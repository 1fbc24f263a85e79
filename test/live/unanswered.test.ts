// Peers: OpenSSH, python3-websockets, TigerVNC, FreeRDP. How long each client waits for a VM that does not answer: docs/clients.md
// quotes what is measured here. Torpor only passes bytes on; the VM stops by itself.
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { OPENSSH_PROGRAMS } from '../e2e/support/openssh.ts';
import { eventually } from '../support/eventually.ts';
import { describeWhere, requires } from '../support/requirements.ts';
import type { LiveClient } from './support/describe-client.ts';
import { openShell } from './support/idle-shell.ts';
import { LiveSession } from './support/live-session.ts';
import { openViewer, VNC_PROGRAMS } from './support/vnc-viewer.ts';
import { openWebSocket, requiresWebSockets } from './support/websocket-client.ts';
import { openXfreerdp, RDP_PROGRAMS } from './support/xfreerdp.ts';

type Start = (session: LiveSession) => Promise<LiveClient>;

/** What the clients' own clocks may be off: they count whole seconds. */
const ROUNDING_S = 1;
/** And what a busy machine may add: to one of these measurements, and hardly to each. */
const SLACK_S = 3;
const MEASUREMENTS_MAX = 3;
/** A client without keepalives must outlast this; the manual's figure was measured longer. */
const SILENCE_MS = 12_000;

/** Seconds from the moment at which the VM stopped until `client` gave up. */
async function measurePatience(session: LiveSession, client: LiveClient): Promise<number> {
  session.vm.freeze();
  const frozenAtMs = performance.now();
  await eventually('the client to give up', () => !client.isConnected, { withinMs: 60_000, everyMs: 10 });
  return (performance.now() - frozenAtMs) / 1000;
}

async function withClient(start: Start, run: (session: LiveSession, client: LiveClient) => Promise<void>) {
  await using session = await LiveSession.open();
  const client = await start(session);
  try {
    await run(session, client);
  } finally {
    session.vm.thaw();
    await client.end();
  }
}

/** The least of a few, where the first is above what is expected. */
async function leastPatience(start: Start, expectedS: number): Promise<number> {
  let leastS = Number.POSITIVE_INFINITY;
  for (let each = 0; each < MEASUREMENTS_MAX && leastS >= expectedS; each += 1) {
    await withClient(start, async (session, client) => {
      leastS = Math.min(leastS, await measurePatience(session, client));
    });
  }
  return leastS;
}

const ssh = (interval: number, count: number): Start => {
  const ofClient = [`ServerAliveInterval=${interval}`, `ServerAliveCountMax=${count}`];
  return (session) => openShell(session, { ofClient });
};

describeWhere(requires([...OPENSSH_PROGRAMS, 'ip'], { root: true }), 'ssh without an answer', () => {
  // Its last answer was up to one interval before the VM stopped, and counting begins with the first that is missing.
  it.each([
    [1, 3],
    [2, 1],
  ])(
    'ServerAliveInterval %i and CountMax %i: gives up an interval after the last of its keepalives',
    async (interval, count) => {
      const mostS = interval * (count + 1) + ROUNDING_S + SLACK_S;
      const patienceS = await leastPatience(ssh(interval, count), mostS);
      console.log(`ssh ServerAliveInterval ${interval} CountMax ${count}: gave up after ${patienceS.toFixed(1)} s`);
      expect(patienceS).toBeGreaterThan(interval * count - ROUNDING_S);
      expect(patienceS).toBeLessThan(mostS);
    },
  );
});

describeWhere(requires(['ip'], { root: true }) ?? requiresWebSockets(), 'WebSocket client without an answer', () => {
  // After its Close frame it waits for the server's, and for the end of the connection: close_timeout each, 1 s here.
  it('ping every 1 s, timeout 3 s, close timeout 1 s: gives up 5 s after the first ping without a pong', async () => {
    const start: Start = (session) => openWebSocket(session, 'auto', { everyS: 1, timeoutS: 3 });
    const mostS = 1 + 3 + 2 + SLACK_S;
    const patienceS = await leastPatience(start, mostS);
    console.log(
      `python3-websockets ping_interval 1 ping_timeout 3 close_timeout 1: gave up after ${patienceS.toFixed(1)} s`,
    );
    expect(patienceS).toBeGreaterThan(3 + 1 - ROUNDING_S);
    expect(patienceS).toBeLessThan(mostS);
  });
});

describe.each<[string, string | null, Start]>([
  ['TigerVNC viewer', requires([...VNC_PROGRAMS, 'ip'], { root: true }), (session) => openViewer(session, 'None')],
  ['xfreerdp', requires([...RDP_PROGRAMS, 'ip'], { root: true }), openXfreerdp],
])('%s without an answer', (name, missing, start) => {
  describeWhere(missing, name, () => {
    it(`${name}: no answer for ${SILENCE_MS / 1000} s -> waits, and its next key arrives`, async () => {
      await withClient(start, async (session, client) => {
        session.vm.freeze();
        await sleep(SILENCE_MS);
        expect(client.isConnected).toBe(true);
        session.vm.thaw();
        client.press('a');
        await eventually('the key to arrive', () => client.keys === 'a');
      });
    });
  });
});
