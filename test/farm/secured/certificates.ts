// An authority of a test's own and what it signs, made by openssl into one folder: NAME.crt and NAME.key.
import { spawnSync } from 'node:child_process';
import { findProgram } from '../../support/requirements.ts';
import type { TempFolder } from '../../support/temp-folder.ts';

const MADE = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];

export function makeAuthority(folder: TempFolder, name: string): void {
  openssl(folder, name, ['-subj', `/CN=${name}`, '-addext', 'basicConstraints=critical,CA:TRUE']);
}

/** `names`: as openssl writes them, such as `DNS:localhost`. */
export function makeCertificate(folder: TempFolder, name: string, by: { authority: string; names: string }): void {
  const authority = ['-CA', folder.file(`${by.authority}.crt`), '-CAkey', folder.file(`${by.authority}.key`)];
  openssl(folder, name, ['-subj', `/CN=${name}`, '-addext', `subjectAltName=${by.names}`, ...authority]);
}

function openssl(folder: TempFolder, name: string, what: readonly string[]): void {
  const files = ['-keyout', folder.file(`${name}.key`), '-out', folder.file(`${name}.crt`)];
  const { status, stderr } = spawnSync(findProgram('openssl') as string, [...MADE, ...files, ...what], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`openssl: ${stderr}`);
}
