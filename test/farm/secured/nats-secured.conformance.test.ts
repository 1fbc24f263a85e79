// The NATS store beside Debian's nats-server with TLS and users: who is let in works as without them, who is not is told why and what to do.
import { rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { CheckReport } from '../../../src/cli/check/check-finding.ts';
import { checkStore } from '../../../src/cli/check/check-store.ts';
import { farmSchema, toFarm } from '../../../src/config/farm-schema.ts';
import type { NatsStore } from '../../../src/farm/nats/nats-store.ts';
import { MarkdownPage } from '../../docs/support/markdown-page.ts';
import { eventually } from '../../support/eventually.ts';
import { describeWhere, requires } from '../../support/requirements.ts';
import type { TempFolder } from '../../support/temp-folder.ts';
import { KeptWatch } from '../support/store-contract.ts';
import { makeAuthority, makeCertificate } from './certificates.ts';
import { NatsOperator } from './nats-jwt.ts';
import { type Secrets, SecuredServer } from './secured-server.ts';

const BOTH_NAMES = 'DNS:localhost,IP:127.0.0.1';
const CA = { ca: 'ca.crt' };
const PAIR = { cert: 'torpor.crt', key: 'torpor.key' };

function jetStream(folder: TempFolder): object {
  const bounds = { max_memory_store: 16_777_216, max_file_store: 67_108_864 };
  return { server_name: 'n1', jetstream: { store_dir: folder.file('data'), ...bounds } };
}

/** Certificates for a server of these names, and for Torpors: one of the server's authority and one of another. */
function certify(folder: TempFolder, names: string): void {
  makeAuthority(folder, 'ca');
  makeAuthority(folder, 'other-ca');
  makeCertificate(folder, 'server', { authority: 'ca', names });
  makeCertificate(folder, 'torpor', { authority: 'ca', names: 'DNS:torpor-1.example' });
  makeCertificate(folder, 'foreign', { authority: 'other-ca', names: 'DNS:torpor-1.example' });
}

function tls(folder: TempFolder, verify: boolean): object {
  const file = (name: string) => folder.file(name);
  return { tls: { cert_file: file('server.crt'), key_file: file('server.key'), ca_file: file('ca.crt'), verify } };
}

function startWithTls(names: string, verify = false): Promise<SecuredServer> {
  return SecuredServer.start((folder) => {
    certify(folder, names);
    return { ...jetStream(folder), ...tls(folder, verify) };
  });
}

async function connected(store: NatsStore): Promise<void> {
  await eventually('a connection', () => store.status.connected, { context: () => JSON.stringify(store.status) });
}

/** What a farm does with its store: reads, writes by compare-and-set, watches, speaks with others. */
async function works(store: NatsStore): Promise<void> {
  await connected(store);
  const key = `platform.${Math.random().toString(36).slice(2)}`;
  const watch = new KeptWatch();
  store.watch(watch);
  const first = await store.create(key, 'a');
  if (first.outcome !== 'written') throw new Error(JSON.stringify(first));
  expect(await store.create(key, 'b')).toEqual({ outcome: 'conflict' });
  expect(await store.update(key, 'b', first.revision)).toMatchObject({ outcome: 'written' });
  expect(await store.update(key, 'c', first.revision)).toEqual({ outcome: 'conflict' });
  expect((await store.get(key))?.value).toBe('b');
  await eventually('the watch', () => watch.values.get(key) === 'b');
  store.answer(key, async (text) => `${text}!`);
  expect(await store.ask(key, 'here', { most: 1, boundMs: 45_000 })).toEqual(['here!']);
}

/** `torpor check` of such a Torpor fails with these words, and the store itself says the same and writes nothing. */
async function isRefused(server: SecuredServer, secrets: Secrets, words: readonly [RegExp, RegExp], host?: string) {
  const [why, todo] = words;
  const report = new CheckReport(null);
  const store = server.store(secrets, host);
  const said = eventually('a reason', () => store.status.todo != null, { context: () => store.status.why });
  await Promise.all([said, checkStore(server.farm(secrets, host), report, new AbortController().signal)]);
  expect(report.findings).toHaveLength(1);
  expect(report.findings[0]).toMatchObject({ subject: 'shared store', outcome: 'failed' });
  expect(report.findings[0]?.what).toMatch(why);
  expect(report.findings[0]?.todo).toMatch(todo);
  expect(store.status).toMatchObject({ connected: false, why: expect.stringMatching(why) });
  expect(await store.create('platform.refused', 'x')).toMatchObject({ outcome: 'unknown' });
  await store.close();
}

describeWhere(requires(['nats-server', 'openssl']), 'nats-server with TLS and users', () => {
  describe('TLS of a private authority', () => {
    let server: SecuredServer;
    beforeAll(async () => {
      server = await startWithTls(BOTH_NAMES);
    });
    afterAll(() => server[Symbol.asyncDispose]());

    it.each(['127.0.0.1', 'localhost'])('its certificate as tls.ca, called as %s -> works', async (host) => {
      await works(server.store({ tls: CA }, host));
    });

    it.each([
      ['no tls', {}, /trusted here/, /farm\.tls\.ca/],
      ['tls without ca', { tls: {} }, /trusted here/, /farm\.tls\.ca/],
      ['another authority', { tls: { ca: 'other-ca.crt' } }, /trusted here/, /other-ca\.crt .*is not its authority/],
      ['no such file', { tls: { ca: 'none.crt' } }, /farm\.tls\.ca cannot be read: ENOENT/, /farm\.tls\.ca/],
      ['a file of a key', { tls: { ca: 'torpor.key' } }, /farm\.tls\.ca: .*torpor\.key holds no/, /PEM/],
      [
        'another key',
        { tls: { ...CA, cert: 'torpor.crt', key: 'foreign.key' } },
        /tls\.key is not the key/,
        /one pair/,
      ],
    ])('%s -> refused, and says why', async (_, secrets, why, todo) => {
      await isRefused(server, secrets, [why, todo]);
    });
  });

  it('a certificate for other names -> refused, for a name and for an address, also one of localhost for 127.0.0.1', async () => {
    await using elsewhere = await startWithTls('DNS:nats.example');
    const other = /not for localhost \(it is for DNS:nats\.example\)/;
    await isRefused(elsewhere, { tls: CA }, [other, /farm\.servers/], 'localhost');
    await using local = await startWithTls('DNS:localhost');
    const address = /not for 127\.0\.0\.1 \(it is for DNS:localhost\)/;
    await isRefused(local, { tls: CA }, [address, /farm\.servers/]);
    await works(local.store({ tls: CA }, 'localhost'));
  });

  it('a server without TLS, or without JetStream -> refused, and says which', async () => {
    await using plain = await SecuredServer.start(() => ({ server_name: 'n1' }));
    await isRefused(plain, { tls: {} }, [/has no TLS/, /leave farm\.tls out/]);
    await isRefused(plain, {}, [/keeps nothing/, /JetStream/]);
  });

  it('verify: a certificate of the authority -> works; none, or of another -> refused', async () => {
    await using server = await startWithTls(BOTH_NAMES, true);
    await works(server.store({ tls: { ...CA, ...PAIR } }));
    await isRefused(server, { tls: CA }, [/wants a certificate of this Torpor/, /farm\.tls\.cert and farm\.tls\.key/]);
    const foreign = { ...CA, cert: 'foreign.crt', key: 'foreign.key' };
    await isRefused(server, { tls: foreign }, [
      /does not take .*foreign\.crt \(.*certificate/,
      /tls\.ca_file of the server/,
    ]);
  });

  it('the page’s recipe: the user of a certificate -> works; a certificate of no user -> refused; fewer rights -> says which it needs', async () => {
    const page = MarkdownPage.load('docs/several-torpors.md');
    const blockWith = (word: string) => {
      const block = page.blocks.find(({ lines }) => lines.some((line) => line.includes(word)));
      return (block?.lines ?? []).join('\n');
    };
    const settings = (folder: TempFolder) =>
      `server_name: n1\njetstream { store_dir: "${folder.file('data')}" }\n${blockWith('verify_and_map').replaceAll('/etc/nats/', `${folder.path}/`)}`;
    await using server = await SecuredServer.start((folder) => {
      makeAuthority(folder, 'nats-ca');
      makeCertificate(folder, 'nats-1', { authority: 'nats-ca', names: BOTH_NAMES });
      makeCertificate(folder, 'torpor-1', { authority: 'nats-ca', names: 'DNS:torpor-1.example' });
      makeCertificate(folder, 'torpor-9', { authority: 'nats-ca', names: 'DNS:torpor-9.example' });
      return settings(folder);
    });
    const shown = toFarm(farmSchema.parse(parse(blockWith('torpor-1.key')).farm), '/');
    const names = [shown?.tls?.caFile, shown?.tls?.certFile, shown?.tls?.keyFile].map((file) =>
      file?.replace('/etc/torpor/', ''),
    );
    const [ca, cert, key] = names as [string, string, string];
    const store = server.store({ tls: { ca, cert, key } });
    await works(store);
    await store.close();
    const stranger = { ca, cert: 'torpor-9.crt', key: 'torpor-9.key' };
    await isRefused(server, { tls: stranger }, [/knows no user by the certificate .*torpor-9\.crt/, /verify_and_map/]);
    await server.restart(settings(server.folder).replaceAll('"$JS.API.>", ', ''));
    await isRefused(server, { tls: { ca, cert, key } }, [/\$JS\.API/, /permissions of docs\/several-torpors\.md/]);
  });

  describe('accounts and credentials', () => {
    const [operator, stranger] = [new NatsOperator(), new NatsOperator()];
    let server: SecuredServer;
    beforeAll(async () => {
      server = await SecuredServer.start((folder) => {
        writeFileSync(folder.file('user.creds'), operator.credentials());
        writeFileSync(folder.file('ended.creds'), operator.credentials(1_600_000_000));
        writeFileSync(folder.file('foreign.creds'), stranger.credentials());
        writeFileSync(folder.file('text.creds'), 'torpor\n');
        return { ...jetStream(folder), ...operator.serverSettings() };
      });
    });
    afterAll(() => server[Symbol.asyncDispose]());

    it('a user of the farm’s account -> works', async () => {
      await works(server.store({ credentials: 'user.creds' }));
    });

    it.each([
      ['no credentials', {}, /wants a user .*Authorization Violation/, /farm\.credentials/],
      ['a user that has ended', { credentials: 'ended.creds' }, /ended\.creds has expired since 2020-09-13T/, /nsc/],
      [
        'a foreign user',
        { credentials: 'foreign.creds' },
        /does not know the user of .*foreign\.creds .*account A/,
        /resolver/,
      ],
      ['no such file', { credentials: 'none.creds' }, /farm\.credentials cannot be read: ENOENT/, /farm\.credentials/],
      ['a file of something else', { credentials: 'text.creds' }, /text\.creds holds no/, /nsc/],
    ])('%s -> refused, and says why', async (_, secrets, why, todo) => {
      await isRefused(server, secrets, [why, todo]);
    });
  });

  it('restarted on its port -> connected again with TLS, certificate and credentials; what it refuses then is said, and mended by a new file alone', async () => {
    const operator = new NatsOperator();
    const settings = (folder: TempFolder, by: NatsOperator) => ({
      ...jetStream(folder),
      ...tls(folder, true),
      ...by.serverSettings(),
    });
    await using server = await SecuredServer.start((folder) => {
      certify(folder, BOTH_NAMES);
      writeFileSync(folder.file('user.creds'), operator.credentials());
      return settings(folder, operator);
    });
    const store = server.store({ tls: { ...CA, ...PAIR }, credentials: 'user.creds' });
    await works(store);
    const lost = async () => {
      await server.stop();
      await eventually('the loss', () => !store.status.connected);
    };
    await lost();
    await server.restart();
    await works(store);

    await lost();
    const next = new NatsOperator();
    rmSync(server.folder.file('data'), { recursive: true });
    await server.restart(settings(server.folder, next));
    const says = (words: RegExp) =>
      eventually(`${words}`, () => words.test(store.status.why), { context: () => store.status.why });
    await says(/is gone: .*does not know the user of .*user\.creds/);
    writeFileSync(server.folder.file('user.creds'), next.credentials());
    // The bucket went with the disk.
    const isWritten = async () => (await store.create('platform.anew', 'x')).outcome === 'written';
    const watching = store.watch(new KeptWatch());
    await eventually('a bucket made anew', isWritten, { context: () => store.status.why });
    watching.stop();
    await works(store);

    await lost();
    makeCertificate(server.folder, 'server', { authority: 'other-ca', names: BOTH_NAMES });
    await server.restart();
    await says(/is gone: .*trusted here/);
    expect(store.status.todo).toContain('is not its authority');
  });

  it('a user that expires while it is connected -> says so; its new file -> connected again', async () => {
    const operator = new NatsOperator();
    await using server = await SecuredServer.start((folder) => ({
      ...jetStream(folder),
      ...operator.serverSettings(),
    }));
    writeFileSync(server.folder.file('user.creds'), operator.credentials(Math.floor(Date.now() / 1_000) + 3));
    const store = server.store({ credentials: 'user.creds' });
    const expired = () => store.status.why.includes('user.creds has expired since');
    await eventually('the end', expired, { context: () => store.status.why });
    writeFileSync(server.folder.file('user.creds'), operator.credentials());
    await works(store);
  });
});
