// Peer: OpenSSH with ServerAliveInterval 5. What becomes of it while its platform sleeps, by each rule of its listener.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { systemClock } from '../../src/system-clock.ts';
import { OPENSSH_PROGRAMS } from '../e2e/support/openssh.ts';
import { PLATFORM } from '../e2e/support/stage.ts';
import { eventually } from '../support/eventually.ts';
import { describeWhere, requires } from '../support/requirements.ts';
import type { LiveClient } from './support/describe-client.ts';
import { openShell } from './support/idle-shell.ts';
import { LiveSession } from './support/live-session.ts';

/** Gives up 20 s after the last answer. */
const INTERVAL_S = 5;
const COUNT_MAX = 3;
const PATIENCE_MS = INTERVAL_S * (COUNT_MAX + 1) * 1000;
/** So many keepalives in a row that do not count have a learned period. */
const QUIET_MS = 4 * INTERVAL_S * 1000;
const LEARNS_WITHIN_MS = 90_000;
/** A machine that is too busy may let a keepalive come late, and detection takes it for somebody: then it is tried once more. */
const AGAIN = { retry: 1 } as const;
const WAIT_S = 6;

/** An idle shell whose platform has just fallen asleep by an operator's wish, and would stay awake long once it is woken. */
async function sleepUnderShell(
  rule: 'hold' | 'wake' | 'close',
  run: (at: LiveSession, shell: LiveClient) => Promise<void>,
) {
  await using session = await LiveSession.open();
  const shell = await openShell(session, {
    ofClient: [`ServerAliveInterval=${INTERVAL_S}`, `ServerAliveCountMax=${COUNT_MAX}`, 'LogLevel=INFO'],
    listener: { onKeepalive: rule, keepaliveWait: `${WAIT_S}s` },
    platform: { minAwake: '5m', drowsyFor: '2s' },
  });
  try {
    // The first keepalives may be ignored before their period is learned, which is all that explains them while it sleeps.
    await session.waitQuiet(QUIET_MS, LEARNS_WITHIN_MS);
    await session.mayFallAsleep();
    const [status, body] = await session.torpor.ask(PLATFORM, 'sleep');
    expect(status, JSON.stringify(body)).toBe(202);
    await session.waitAsleep();
    await run(session, shell);
  } finally {
    session.vm.thaw();
    await shell.end();
  }
}

describeWhere(
  requires([...OPENSSH_PROGRAMS, 'ip'], { root: true }),
  'keepalives of ssh while its platform sleeps',
  () => {
    it('onKeepalive hold: ssh gives up by itself -> the platform sleeps on', AGAIN, async () => {
      await sleepUnderShell('hold', async (session, shell) => {
        const { host } = session.stage.platform;
        await eventually('ssh to give up', () => !shell.isConnected, { withinMs: PATIENCE_MS + 5_000 });
        expect(shell.view()).toMatch(/Timeout, server \S+ not responding/);
        await sleep(1_000);
        expect([host.phase, host.buttonPresses], session.diary.text()).toEqual(['asleep', 1]);
      });
    });

    it('onKeepalive close: ssh is let go after the wait -> the platform sleeps on', AGAIN, async () => {
      await sleepUnderShell('close', async (session, shell) => {
        const { host } = session.stage.platform;
        const boundMs = (INTERVAL_S + WAIT_S) * 1000 + 3_000;
        await eventually('ssh to end', () => !shell.isConnected, { withinMs: boundMs });
        expect(shell.view()).toMatch(/closed by remote host/);
        await sleep(1_000);
        expect([host.phase, host.buttonPresses], session.diary.text()).toEqual(['asleep', 1]);
      });
    });

    it(
      'onKeepalive wake: the first one waited long enough -> woken, answered, put to sleep again before minAwake',
      AGAIN,
      async () => {
        await sleepUnderShell('wake', async (session, shell) => {
          const asleepAtMs = systemClock.nowMs();
          const { bytesToClient } = await session.stream();
          const woken = await eventually('the wake', () => session.eventAfter('transition', asleepAtMs), {
            withinMs: PATIENCE_MS,
          });
          expect(woken.message).toContain(`a keepalive has waited ${WAIT_S}s`);
          await eventually('the answer', async () => (await session.stream()).bytesToClient > bytesToClient);
          await eventually('the button', () => session.stage.platform.host.buttonPresses === 2);
          expect(await session.eventAfter('stream-active', asleepAtMs)).toBeUndefined();
          expect(shell.isConnected).toBe(true);
        });
      },
    );

    it('onKeepalive wake: twice its patience -> connected, and never taken for somebody', AGAIN, async () => {
      await sleepUnderShell('wake', async (session, shell) => {
        const asleepAtMs = systemClock.nowMs();
        await sleep(2 * PATIENCE_MS);
        expect(shell.isConnected).toBe(true);
        expect(await session.eventAfter('stream-active', asleepAtMs), session.diary.text()).toBeUndefined();
        shell.press('a');
        await eventually('the key to arrive', () => shell.keys === 'a');
      });
    });
  },
);
