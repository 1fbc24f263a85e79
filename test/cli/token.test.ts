// `torpor token`, and the commands with a token, over TLS with a pinned certificate, against the real API.
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startApi } from '../../src/api/start-api.ts';
import { FakeFarm } from '../api/fakes/fake-farm.ts';
import { KeptLog } from '../support/kept-log.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { FakeIo } from './fakes/fake-io.ts';

const FIXTURES = fileURLToPath(new URL('../power/redfish/fixtures/', import.meta.url));
const TLS = { cert: `${FIXTURES}bmc.cert.pem`, key: `${FIXTURES}bmc.key.pem` };

let folder: TempFolder;
let file: string;
beforeEach(() => {
  folder = new TempFolder('token');
  file = folder.file('tokens');
});
afterEach(() => folder.remove());

async function run(...args: string[]): Promise<FakeIo & { code: number }> {
  const io = new FakeIo();
  const code = await io.run(...args);
  return Object.assign(io, { code });
}

async function add(name: string, role: string): Promise<string> {
  const io = await run('token', 'add', name, '--role', role, '--file', file);
  expect(io.code).toBe(0);
  return io.stdout.trim();
}

describe('torpor token', () => {
  it('add -> the token on stdout this once, its hash in a file for its owner only', async () => {
    const token = await add('ops', 'operate');
    expect(token).toMatch(/^torpor_[\w-]{43}$/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const text = readFileSync(file, 'utf8');
    expect(text).toMatch(/^ops operate sha256:[0-9a-f]{64}$/m);
    expect(text).not.toContain(token);
  });

  it('add, list, revoke -> names and roles; what others wrote into the file stays', async () => {
    await add('ops', 'operate');
    writeFileSync(file, `${readFileSync(file, 'utf8')}# the wall display\n`, { mode: 0o600 });
    await add('wall', 'view');
    expect(JSON.parse((await run('token', 'list', '--json', '--file', file)).stdout)).toEqual([
      { name: 'ops', role: 'operate' },
      { name: 'wall', role: 'view' },
    ]);
    expect((await run('token', 'revoke', 'ops', '--file', file)).code).toBe(0);
    expect((await run('token', 'list', '--file', file)).stdout).not.toContain('ops');
    expect(readFileSync(file, 'utf8')).toContain('# the wall display');
  });

  it('a name that is there, or none, or no place -> refused with what to do', async () => {
    await add('ops', 'view');
    expect((await run('token', 'add', 'ops', '--file', file)).code).toBe(1);
    expect((await run('token', 'revoke', 'nobody', '--file', file)).stderr).toContain('no token called "nobody"');
    expect((await run('token', 'add', 'a b', '--file', file)).code).toBe(2);
    expect((await run('token', 'list')).code).toBe(2);
  });
});

describe('a command beyond this machine', () => {
  it('with a token and a pinned certificate -> answered; without one, or with another, or another certificate -> says what to do', async () => {
    const token = await add('wall', 'view');
    const farm = new FakeFarm();
    const listen = { host: '127.0.0.1', port: 0 };
    const api = await startApi(farm, { listen, log: new KeptLog(), version: '0', tokensFile: file, tls: TLS });
    try {
      expect(api.url).toMatch(/^https:/);
      const tokenFile = folder.file('mine');
      writeFileSync(tokenFile, `${token}\n`);
      const base = ['--api', api.url];
      const good = await run('status', ...base, '--ca', TLS.cert, '--token-file', tokenFile);
      expect([good.code, good.stderr]).toEqual([0, '']);
      expect(good.stdout).toContain('vdi-01');

      const byEnvironment = new FakeIo();
      Object.assign(byEnvironment.env, { TORPOR_API: api.url, TORPOR_API_CA: TLS.cert, TORPOR_API_TOKEN: token });
      expect(await byEnvironment.run('explain', 'vdi-01')).toBe(0);
      expect(await byEnvironment.run('wake', 'vdi-01')).toBe(1);
      expect(byEnvironment.stderr).toContain('may look, not touch');

      expect((await run('status', ...base, '--ca', TLS.cert)).stderr).toMatch(
        /asks for a token: .*--token-file.*TORPOR_API_TOKEN/,
      );
      writeFileSync(tokenFile, 'torpor_wrong\n');
      const wrong = await run('status', ...base, '--ca', TLS.cert, '--token-file', tokenFile);
      expect(wrong.stderr).toContain('does not know that token');
      expect(wrong.stderr).not.toContain('torpor_wrong');
      expect((await run('status', ...base, '--ca', `${FIXTURES}other.cert.pem`)).code).toBe(1);
      expect((await run('status', ...base)).code).toBe(1);
      expect((await run('status', ...base, '--ca', tokenFile)).code).toBe(2);
    } finally {
      await api.close();
    }
  });
});
