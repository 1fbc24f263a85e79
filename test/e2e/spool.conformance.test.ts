// Peer: netcat, which prints as CUPS' socket backend does: sends, ends its side, and waits for the end of the other. `kill -9` in between.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import type { SpoolJobStatus } from '../../src/platform/spool.ts';
import type { VmConnection, VmService } from '../../src/power/simulated/vm-connection.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/ports.ts';
import { describeWhere, findProgram, requires } from '../support/requirements.ts';
import { spawnTied } from '../support/spawn-tied.ts';
import { runTorpor } from '../support/torpor-process.ts';
import { E2E_TIMEOUT_MS, PLATFORM, Stage } from './support/stage.ts';

/** Keeps what it is sent, job by job, and says nothing. */
class Printer implements VmService {
  readonly connections: VmConnection[] = [];

  opened(connection: VmConnection): void {
    this.connections.push(connection);
  }

  received(): void {}

  get printed(): string[] {
    return this.connections.filter(({ bytesReceived }) => bytesReceived > 0).map((each) => each.receivedSha256());
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** `write` and `end` its standard input; `over` resolves with its exit code. */
function netcat(port: number) {
  const child = spawnTied(findProgram('nc') ?? '', ['-N', '127.0.0.1', String(port)], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const { stdin } = child;
  if (stdin === null) throw new Error('netcat has no input');
  stdin.on('error', () => {});
  return { stdin, over: once(child, 'exit').then(([code]) => code as number | null) };
}

describeWhere(requires(['nc']), 'netcat prints to a sleeper', () => {
  test(
    'jobs before and after kill -9, one cut by it -> netcat ends once a job is safe, the platform sleeps on; printed whole, once, in order, by one wake',
    async () => {
      const printer = new Printer();
      await using stage = await Stage.open({}, { vms: [{ name: 'alice' }, { name: 'paper', service: printer }] });
      const port = await freePort();
      const target = `127.0.0.1:${stage.platform.vmPorts[1]}`;
      const paper = { name: 'paper', listenPort: port, target, device: 'printer', probe: 'none', defer: {} };
      stage.configure({ vms: [...stage.alice({}).vms, paper] });
      const spool = async (...words: string[]) => {
        const { code, output } = await runTorpor(['spool', ...words, '--api', `http://127.0.0.1:${stage.apiPort}`]);
        if (code !== 0) throw new Error(output);
        return output;
      };
      const waiting = async () => JSON.parse(await spool('list', '--json')) as SpoolJobStatus[];
      const jobs = [3_000_000, 5, 700_000].map((bytes, at) =>
        Buffer.concat([Buffer.from(`job ${at}\n`), randomBytes(bytes)]),
      );

      const torpor = await stage.run();
      await torpor.waitForState(PLATFORM, 'asleep');
      const presses = stage.platform.host.buttonPresses;
      const first = netcat(port);
      first.stdin.end(jobs[0]);
      expect(await first.over).toBe(0);
      expect((await waiting()).length).toBe(1);

      // Half of one is with Torpor when that is killed.
      const cut = netcat(port);
      cut.stdin.write(randomBytes(200_000));
      await eventually('the job to be on its way', async () =>
        (await torpor.streams()).some(({ vm }) => vm === 'paper'),
      );
      await torpor.killNow();
      cut.stdin.end();
      await cut.over;

      const next = await stage.run();
      await next.waitForState(PLATFORM, 'asleep');
      for (const job of jobs.slice(1)) {
        const client = netcat(port);
        client.stdin.end(job);
        expect(await client.over).toBe(0);
      }
      expect((await waiting()).length).toBe(3);
      expect(stage.platform.host.buttonPresses).toBe(presses);
      expect(stage.platform.host.powerState()).toBe('S3');
      expect(printer.printed).toEqual([]);

      await spool('deliver', PLATFORM);
      await eventually('all to be printed', async () => (await waiting()).length === 0, { withinMs: 120_000 });
      expect(printer.printed).toEqual(jobs.map(sha256));
      expect(stage.changes.filter(({ phase }) => phase === 'resuming').length).toBe(1);
    },
    E2E_TIMEOUT_MS,
  );
});
