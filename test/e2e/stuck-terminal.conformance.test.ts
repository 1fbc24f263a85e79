// `torpor run` in a terminal that takes nothing for a while: stopped by Ctrl-S, or its SSH connection hangs. Python makes the terminal.
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { describeWhere, requires } from '../support/requirements.ts';
import { spawnTied } from '../support/spawn-tied.ts';
import { E2E_TIMEOUT_MS, Stage } from './support/stage.ts';

const PROGRAM = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** Runs its arguments in a terminal that it begins to read when a line comes; what it reads goes to stdout. The second line ends the program, and with it this. */
const TERMINAL = `
import os, pty, select, signal, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
os.read(0, 1)
while True:
    ready = select.select([0, terminal], [], [])[0]
    if terminal in ready:
        try:
            os.write(1, os.read(terminal, 65536))
        except OSError:
            break
    elif os.read(0, 1):
        os.kill(pid, signal.SIGTERM)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;
/** Each writes three lines of a few hundred bytes; a terminal keeps some thousand bytes. */
const CONNECTIONS = 200;

describeWhere(requires(['python3']), 'a terminal that takes nothing', () => {
  it(
    'run in it -> clients are carried as ever; once it is read the log stands there, from its first line on',
    async () => {
      await using stage = await Stage.open();
      const program = [process.execPath, PROGRAM, 'run', '--config', stage.configPath];
      const terminal = spawnTied('python3', ['-c', TERMINAL, ...program], { stdio: ['pipe', 'pipe', 'inherit'] });
      const ended = once(terminal, 'close') as Promise<[number | null]>;
      const lines: string[] = [];
      if (terminal.stdout === null || terminal.stdin === null) throw new Error('no pipes');
      createInterface(terminal.stdout).on('line', (line) => lines.push(line));
      const url = `http://127.0.0.1:${stage.apiPort}`;
      const isUp = async () => (await fetch(`${url}/healthz`)).ok;
      await eventually('its API to answer', isUp, { withinMs: 120_000 });
      for (let index = 1; index <= CONNECTIONS; index += 1) {
        const client = await stage.connect();
        expect(await client.ask(`hello ${index}`)).toMatch(new RegExp(`hello ${index}$`));
        client.destroy();
      }
      expect(lines).toEqual([]);
      terminal.stdin.write('r');
      await eventually(
        'the log to be read',
        () => lines.filter((line) => line.includes('closed:')).length === CONNECTIONS,
      );
      expect(lines.join('\n')).toMatch(/INFO/);
      terminal.stdin.write('e');
      expect(await ended).toEqual([0, null]);
    },
    E2E_TIMEOUT_MS,
  );
});
