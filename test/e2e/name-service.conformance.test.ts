// A name service that is gone while its platform sleeps: often it is a VM of that very platform. The system's own resolver asks; its files
// are the test's, by a mount namespace.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { FRESH_MS } from '../../src/name-lookup.ts';
import { eventually } from '../support/eventually.ts';
import { describeWhere, requires } from '../support/requirements.ts';
import { E2E_TIMEOUT_MS, PLATFORM, Stage } from './support/stage.ts';

/** Of 127.0.0.0/8, where a socket takes questions and answers none. */
const SILENT_SERVER = '127.0.77.53';
const CLIENTS = 12;
/** A single question that is not answered takes the resolver ten seconds. */
const NAME_SERVICE_MS = 10_000;

describeWhere(requires(['unshare'], { root: true }), 'a name service that is gone', () => {
  it(
    'the platform sleeps, and nobody answers for the name of its VM -> who types is served, by the address that it had',
    async () => {
      const silent = createSocket('udp4');
      onTestFinished(() => void silent.close());
      silent.bind(53, SILENT_SERVER);
      await once(silent, 'listening');
      let questions = 0;
      silent.on('message', () => {
        questions += 1;
      });
      await using stage = await Stage.open();
      const [hosts, resolver] = [stage.folder.file('hosts'), stage.folder.file('resolv.conf')];
      writeFileSync(hosts, '127.0.0.1 localhost\n127.0.0.1 alice.test\n');
      writeFileSync(resolver, `nameserver ${SILENT_SERVER}\noptions timeout:${NAME_SERVICE_MS / 2000} attempts:2\n`);
      stage.configure({
        idleTimeout: '2s',
        ...stage.alice({ target: `alice.test:${stage.platform.vmPorts[0]}` }),
      });
      const mounts = `mount --bind ${hosts} /etc/hosts && mount --bind ${resolver} /etc/resolv.conf && exec "$0" "$@"`;
      const torpor = await stage.run(['unshare', '--mount', '--', 'sh', '-c', mounts]);
      const clients = await Promise.all(Array.from({ length: CLIENTS }, () => stage.connect()));
      for (const client of clients) await client.ask('hello');
      const isAsleep = async () => (await torpor.platform(PLATFORM)).state === 'asleep';
      await eventually('the platform to be asleep', isAsleep, { withinMs: 60_000 });
      // In the same file, which is mounted there.
      writeFileSync(hosts, '127.0.0.1 localhost\n');
      // Nobody goes by the last answer alone.
      await new Promise((resolve) => setTimeout(resolve, FRESH_MS));
      const newcomers = await Promise.all(Array.from({ length: CLIENTS }, () => stage.connect()));
      const startedMs = Date.now();
      for (const client of [...clients, ...newcomers]) client.write('are you there\n');
      for (const client of [...clients, ...newcomers])
        expect(await client.readLine(E2E_TIMEOUT_MS)).toContain('are you there');
      console.log(
        `${2 * CLIENTS} clients served after ${Date.now() - startedMs} ms, the name service asked ${questions} times`,
      );
      expect(questions).toBeGreaterThan(0);
    },
    E2E_TIMEOUT_MS,
  );
});
