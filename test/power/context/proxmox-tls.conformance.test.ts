// Peer: OpenSSL, which makes the certificates. A Proxmox API over TLS: whose certificate is trusted, and that nobody else sees the token.
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ProxmoxClient, type ProxmoxTrust } from '../../../src/power/inband/proxmox-client.ts';
import { SimulatedProxmox } from '../../../src/power/simulated/simulated-proxmox.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { describeWhere, requires } from '../../support/requirements.ts';
import { TempFolder } from '../../support/temp-folder.ts';

const NEVER = new AbortController().signal;
const TOKEN = { tokenId: 'torpor@pve!power', tokenSecret: '8f4fbb11-0000-4000-8000-5ec4e75ec4e7' };

describeWhere(requires(['openssl']), 'Proxmox API over TLS', () => {
  let folder: TempFolder;
  let simulated: SimulatedProxmox;

  /** Signed by itself, for one address. */
  function certify(name: string, subjectAltName: string): { key: string; cert: string; certPath: string } {
    const [key, cert] = [folder.file(`${name}.key`), folder.file(`${name}.pem`)];
    const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=${subjectAltName}`];
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    execFileSync('openssl', ['req', '-x509', ...kind, '-keyout', key, '-out', cert, ...subject], { stdio: 'pipe' });
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8'), certPath: cert };
  }

  beforeAll(async () => {
    folder = new TempFolder('proxmox-tls');
    simulated = await SimulatedProxmox.start({
      clock: systemClock,
      node: 'pve-1',
      ...TOKEN,
      tls: certify('pve', 'IP:127.0.0.1'),
    });
  });

  afterAll(async () => {
    await simulated?.stop();
    folder?.remove();
  });

  const clientOf = (tls: ProxmoxTrust, url = simulated.url) =>
    new ProxmoxClient({ url, node: 'pve-1', ...TOKEN, tls, clock: systemClock });
  const sha256Of = (path: string) =>
    new X509Certificate(readFileSync(path)).fingerprint256.replaceAll(':', '').toLowerCase();

  test('its own certificate as the authority, or its fingerprint -> trusted, GET and POST work', async () => {
    const trusts: ProxmoxTrust[] = [
      { kind: 'ca', path: folder.file('pve.pem') },
      { kind: 'fingerprint', sha256: sha256Of(folder.file('pve.pem')) },
    ];
    for (const trust of trusts) {
      expect(await clientOf(trust).get('/version', NEVER)).toMatchObject({ release: '8.2' });
      await expect(clientOf(trust).post('/nodes/pve-1/qemu/9/status/start', {}, NEVER)).rejects.toThrow(
        /9.conf' does not exist/,
      );
    }
  });

  test('the system’s authorities, another authority, another fingerprint -> refused before the token leaves', async () => {
    const other = certify('other', 'IP:127.0.0.1').certPath;
    const seen: Buffer[] = [];
    const { key, cert } = certify('thief', 'IP:127.0.0.1');
    const thief = createServer({ key, cert }, (socket) =>
      socket.on('data', (data: Buffer) => seen.push(data)).on('error', () => {}),
    );
    await new Promise<void>((resolve) => thief.listen(0, '127.0.0.1', resolve));
    try {
      const url = `https://127.0.0.1:${(thief.address() as AddressInfo).port}`;
      const trusts: ProxmoxTrust[] = [
        { kind: 'system' },
        { kind: 'ca', path: other },
        { kind: 'fingerprint', sha256: sha256Of(other) },
      ];
      for (const trust of trusts) {
        const problem = await clientOf(trust, url)
          .get('/version', NEVER)
          .then(
            () => null,
            (thrown: Error) => thrown,
          );
        expect(problem).toMatchObject({ code: 'ERR_HYPERVISOR_AUTHENTICATION' });
        expect(problem?.message).not.toContain('5ec4e7');
      }
      expect(seen).toEqual([]);
    } finally {
      await new Promise<void>((resolve) => thief.close(() => resolve()));
    }
  });

  test('the authority is right and the name is not -> refused', async () => {
    const named = certify('named', 'DNS:pve.example');
    const wrong = await SimulatedProxmox.start({ clock: systemClock, node: 'pve-1', ...TOKEN, tls: named });
    try {
      const problem = clientOf({ kind: 'ca', path: named.certPath }, wrong.url).get('/version', NEVER);
      await expect(problem).rejects.toMatchObject({
        code: 'ERR_HYPERVISOR_AUTHENTICATION',
        message: expect.stringContaining('ALTNAME'),
      });
      const pinned = clientOf({ kind: 'fingerprint', sha256: sha256Of(named.certPath) }, wrong.url);
      expect(await pinned.get('/version', NEVER)).toMatchObject({ release: '8.2' });
    } finally {
      await wrong.stop();
    }
  });

  test('the API speaks no TLS, the CA file is missing -> out of reach, with the reason', async () => {
    const plain = await SimulatedProxmox.start({ clock: systemClock, node: 'pve-1', ...TOKEN });
    try {
      const client = clientOf({ kind: 'system' }, plain.url.replace('http:', 'https:'));
      await expect(client.get('/version', NEVER)).rejects.toMatchObject({ code: 'ERR_HYPERVISOR_UNREACHABLE' });
    } finally {
      await plain.stop();
    }
    await expect(clientOf({ kind: 'ca', path: folder.file('nothing.pem') }).get('/version', NEVER)).rejects.toThrow(
      /nothing.pem/,
    );
  });
});
