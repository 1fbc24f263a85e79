import { describe, expect, it } from 'vitest';
import { formatExplanation } from '../../src/cli/commands/explain.ts';
import { styleFor } from '../../src/cli/style.ts';
import type { PlatformController } from '../../src/controller/platform-controller.ts';
import { explainPlatform } from '../../src/farm/explain-platform.ts';
import { ActivityTable } from '../../src/platform/activity-table.ts';
import { createPlatform } from '../../src/platform/machine.ts';
import type { StreamStatus } from '../../src/platform/ports.ts';
import { QUIET_STREAMS_SHOWN } from '../../src/platform/status.ts';
import { fakeStream } from '../api/fakes/fake-farm.ts';
import { DESK_POLICY } from '../support/desk-policy.ts';

const NOW_MS = 1_700_000_000_000;
const POLICY = { ...DESK_POLICY, vms: ['alice'], probedVms: ['alice'] };

/** Nothing of its own keeps it awake. */
const RUNS = {
  bmcReachable: true,
  wakeProven: true,
  sinceMs: NOW_MS - 3_600_000,
  power: { atMs: NOW_MS, acpi: 'S0', acpiSource: 'sensor', powerBit: true, watts: null },
};

/** As much of a controller as an explanation reads: the streams given, those in the pool that are active. */
function controllerOf(streams: readonly StreamStatus[]): PlatformController {
  const table = new ActivityTable();
  for (const { id, active } of streams) if (active) table.enter(id, 'connected', NOW_MS - 60_000);
  const model = { ...createPlatform(POLICY, true, null, NOW_MS), state: 'awake', pool: table.size };
  const gate = { streams: () => streams, heldBytes: () => ({ heldBytes: 0, heldStoredBytes: 0 }) };
  return { name: 'vdi-01', model, table, gate, checks: () => [] } as unknown as PlatformController;
}

const ACTIVE = fakeStream({
  id: 's1',
  client: '10.0.2.7:1',
  verdict: 'input, 22 B',
  lastActiveAtMs: NOW_MS - 5000,
  idleAtMs: NOW_MS + 595_000,
});
const QUIET = fakeStream({
  id: 's2',
  client: '10.0.2.8:1',
  speaks: 'ssh',
  active: false,
  verdict: '52 B every 15.0 s: keepalive, 40 seen',
  openedAtMs: NOW_MS - 7_200_000,
  lastActiveAtMs: NOW_MS - 900_000,
  idleAtMs: null,
});
const DORMANT = fakeStream({
  id: 's3',
  client: '10.0.2.9:1',
  active: false,
  verdict: 'dormant: no valid start of ssh yet',
  lastActiveAtMs: NOW_MS - 1000,
  lastActiveWhy: '',
  idleAtMs: null,
});

describe('explainPlatform', () => {
  it('active and idle streams -> each once, with what it speaks, its verdict, its last activity and its time left', () => {
    const explanation = explainPlatform(controllerOf([QUIET, ACTIVE, DORMANT]), NOW_MS);
    expect(explanation.activeStreams).toEqual([
      { stream: ACTIVE, sinceMs: NOW_MS - 60_000, why: 'connected', idleAtMs: NOW_MS + 595_000 },
    ]);
    expect(explanation.quietStreams).toEqual([DORMANT, QUIET]);
    expect(explanation.moreQuietStreams).toBe(0);
  });

  it('clients are active at another Torpor, which owns it -> awake until the last of them is idle', () => {
    const others = [{ instance: 'torpor-b', active: 2, newestDeadlineMs: NOW_MS + 240_000, keeps: null }];
    const peers = { self: 'torpor-a', owner: 'torpor-b', uncertain: null, others };
    const alone = controllerOf([]);
    const controller = { ...alone, model: { ...alone.model, ...RUNS, peers } } as unknown as PlatformController;
    expect(explainPlatform(controller, NOW_MS).summary).toBe(
      'vdi-01 stays awake because torpor-b owns it; 2 active clients at torpor-b, for at most 4m more if nothing else comes.',
    );
  });

  it('more idle streams than are shown -> the last active ones, and how many more', () => {
    const streams = Array.from({ length: QUIET_STREAMS_SHOWN + 7 }, (_, index) =>
      fakeStream({ id: `s${index}`, active: false, lastActiveAtMs: NOW_MS - index * 1000 }),
    );
    const explanation = explainPlatform(controllerOf(streams), NOW_MS);
    expect(explanation.quietStreams.map(({ id }) => id)).toEqual(
      streams.slice(0, QUIET_STREAMS_SHOWN).map(({ id }) => id),
    );
    expect(explanation.moreQuietStreams).toBe(7);
  });

  it('as the command prints it -> who is active, then who is connected but idle, and why its bytes did not count', () => {
    const explanation = explainPlatform(controllerOf([ACTIVE, QUIET, DORMANT]), NOW_MS);
    const text = formatExplanation(explanation, NOW_MS, styleFor({ env: {}, outIsTerminal: false })).join('\n');
    const [, who] = text.split('Who is active:\n') as [string, string];
    const [active, idle] = who.split('\n\nWho is connected, but idle:\n') as [string, string];
    expect(active.split('\n').map((line) => line.trim().split(/ {2,}/))).toEqual([
      ['CLIENT', 'VM', 'SPEAKS', 'ACTIVE FOR', 'LAST ACTIVITY', 'IDLE IN AT MOST', 'LAST BYTES'],
      ['10.0.2.7:1', 'alice', 'rdp-tls', '1m', '5s ago: client bytes', '9m 55s', 'input, 22 B'],
    ]);
    expect(idle.split('\n').map((line) => line.trim().split(/ {2,}/))).toEqual([
      ['CLIENT', 'VM', 'SPEAKS', 'CONNECTED FOR', 'LAST ACTIVITY', 'LAST BYTES'],
      ['10.0.2.9:1', 'alice', 'rdp-tls', '1m', 'none', 'dormant: no valid start of ssh yet'],
      ['10.0.2.8:1', 'alice', 'ssh', '2h', '15m ago: client bytes', '52 B every 15.0 s: keepalive, 40 seen'],
    ]);
  });
});
