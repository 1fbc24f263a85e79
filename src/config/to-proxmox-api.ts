// From the YAML's names of a Proxmox VE API to its typed configuration: paths made absolute, one kind of trust.
import type { z } from 'zod';
import { absolute } from './absolute-path.ts';
import type { proxmoxSchema } from './host-schema.ts';
import type { ProxmoxApiConfig, TlsTrustConfig } from './power-config.ts';
import { toSecretSource } from './to-secret-source.ts';

type ParsedProxmoxApi = Pick<
  z.output<typeof proxmoxSchema>,
  'url' | 'node' | 'tokenId' | 'tokenFile' | 'tokenEnv' | 'tls'
>;

export function toProxmoxApi(parsed: ParsedProxmoxApi, folder: string): ProxmoxApiConfig {
  const { url, node, tokenId, tokenFile, tokenEnv, tls } = parsed;
  const token = toSecretSource({ passwordFile: tokenFile, passwordEnv: tokenEnv }, folder);
  return { url, node, tokenId, token, tls: toTlsTrust(tls, folder) };
}

function toTlsTrust(tls: ParsedProxmoxApi['tls'], folder: string): TlsTrustConfig {
  if (tls.fingerprint !== null) {
    const digits = tls.fingerprint.replace(/^SHA-?256:/i, '').replaceAll(':', '');
    return { kind: 'fingerprint', sha256: digits.toLowerCase() };
  }
  return tls.ca === null ? { kind: 'system' } : { kind: 'ca', path: absolute(tls.ca, folder) };
}
