// A process that may open few files, and more clients than it has files for.
import { readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { E2E_TIMEOUT_MS, PLATFORM, Stage } from './support/stage.ts';

const LIMIT = 160;
const CLIENTS = 120;

describe('a small limit on open files', () => {
  it(
    'more clients than there are descriptors -> told at the start; they are refused and counted, files are left, and the sleeper wakes for who was there',
    async () => {
      await using stage = await Stage.open({ idleTimeout: '2s', disconnectGrace: '2s' });
      stage.configure({ idleTimeout: '2s', disconnectGrace: '2s', ...stage.alice({ wakeOn: 'input' }) });
      const torpor = await stage.run(['sh', '-c', `ulimit -n ${LIMIT}; exec "$0" "$@"`]);
      expect(torpor.output).toMatch(
        /may not open files for maxStreams: it carries \d+ at most; raise its limit to \d+/,
      );
      const client = await stage.connect();
      expect(await client.ask('one')).toContain('n=1');
      const isAsleep = async () => (await torpor.platform(PLATFORM)).state === 'asleep';
      await eventually('the platform to be asleep', isAsleep, { withinMs: 60_000 });

      const crowd: Socket[] = [];
      let closed = 0;
      for (let index = 0; index < CLIENTS; index += 1) {
        const socket = connect(stage.listenPort, '127.0.0.1');
        socket.on('error', () => {});
        socket.on('close', () => {
          closed += 1;
        });
        crowd.push(socket);
      }
      const refused = async () => (await torpor.platform(PLATFORM)).refusedClients['max-streams'] ?? 0;
      // Whoever was not refused has a descriptor: all are accounted for.
      await eventually('the rest of the crowd to be refused', async () => {
        const count = await refused();
        return count > 0 && count === closed && readdirSync(`/proc/${torpor.pid}/fd`).length < LIMIT - LIMIT / 4;
      });

      client.write('two\n');
      expect(await client.readLine(E2E_TIMEOUT_MS)).toContain('n=2');
      expect(torpor.output).not.toContain('EMFILE');
      for (const socket of crowd) socket.destroy();
    },
    E2E_TIMEOUT_MS,
  );
});
