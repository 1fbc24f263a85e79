// From the YAML's names under `context`, and of identities, to the typed configuration.
import type { ContextConfig, IdentityConfig, VmSaverConfig } from './context-config.ts';
import type { ParsedConfig } from './schema.ts';
import { toProxmoxApi } from './to-proxmox-api.ts';

type ParsedPlatform = ParsedConfig['platforms'][number];
type ParsedIdentity = NonNullable<ParsedPlatform['vms'][number]['identity']>;
type ParsedSaver = NonNullable<ParsedPlatform['context']['saveVms']>;

export function toContext(parsed: ParsedPlatform['context'], folder: string): ContextConfig {
  return {
    saveVms: parsed.saveVms === undefined ? null : toVmSaver(parsed.saveVms, folder),
    identity: toIdentity(parsed.identity ?? null),
  };
}

/** context-checks.ts has made sure that exactly one of the three is set. */
export function toIdentity(parsed: ParsedIdentity | null): IdentityConfig | null {
  if (parsed === null) return null;
  const { command, url, banner, match } = parsed;
  if (command !== null) return { kind: 'command', command, match };
  if (url !== null) return { kind: 'url', url, match };
  return banner === null ? null : { kind: 'banner', ...banner, match };
}

function toVmSaver(parsed: ParsedSaver, folder: string): VmSaverConfig {
  const { vms, timeout, parallel } = parsed;
  const common = { vms, parallel, timeoutMs: timeout };
  if (parsed.driver === 'libvirt') return { driver: parsed.driver, uri: parsed.uri, ...common };
  return { driver: parsed.driver, ...toProxmoxApi(parsed, folder), ...common };
}
