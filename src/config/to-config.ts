// From the YAML's names to the typed configuration: units into names, paths made absolute, the probe's default chosen.
import { isAbsolute, resolve } from 'node:path';
import type { ParsedConfig } from './schema.ts';
import type { ListenerConfig, PlatformConfig, ProbeConfig, SecretSource, TorporConfig } from './torpor-config.ts';

type ParsedPlatform = ParsedConfig['platforms'][number];
type ParsedListener = ParsedPlatform['vms'][number]['listeners'][number];

/** JetDirect: a printer prints whatever connects to it, an empty connection included. */
const PRINTER_PORT = 9100;
const PROBE_TIMEOUT_MS = 2000;
/** A command has to start a process, often over SSH. */
const COMMAND_PROBE_TIMEOUT_MS = 5000;

/** Makes the configuration of what the schema read. Relative paths are meant from `folder`, the file's own. */
export function toTorporConfig(parsed: ParsedConfig, folder: string): TorporConfig {
  return {
    api: parsed.api,
    stateDir: absolute(parsed.stateDir, folder),
    log: parsed.log,
    platforms: parsed.platforms.map((platform) => toPlatform(platform, folder)),
  };
}

function toPlatform(parsed: ParsedPlatform, folder: string): PlatformConfig {
  const { bmc } = parsed.power;
  return {
    name: parsed.name,
    mode: parsed.mode,
    idleTimeoutMs: parsed.idleTimeout,
    disconnectGraceMs: parsed.disconnectGrace,
    drowsyForMs: parsed.drowsyFor,
    minAwakeMs: parsed.minAwake,
    hold: { perStreamBytes: parsed.hold.perStream, perPlatformBytes: parsed.hold.perPlatform },
    hooks: {
      beforeSuspend: parsed.hooks.beforeSuspend,
      afterWake: parsed.hooks.afterWake,
      timeoutMs: parsed.hooks.timeout,
    },
    power: {
      sleep: parsed.power.sleep,
      wakeTimeoutMs: parsed.power.wakeTimeout,
      suspendTimeoutMs: parsed.power.suspendTimeout,
      bmc: {
        driver: bmc.driver,
        host: bmc.host,
        port: bmc.port,
        user: bmc.user,
        password: toSecretSource(bmc, folder),
        cipherSuite: bmc.cipherSuite,
      },
      watts: parsed.power.watts,
    },
    vms: parsed.vms.map((vm) => ({
      name: vm.name,
      identity: vm.identity,
      listeners: vm.listeners.map(toListener),
    })),
  };
}

/** cross-checks.ts has made sure that exactly one of the two is set. */
function toSecretSource(bmc: ParsedPlatform['power']['bmc'], folder: string): SecretSource {
  if (bmc.passwordFile !== null) return { kind: 'file', path: absolute(bmc.passwordFile, folder) };
  return { kind: 'env', name: bmc.passwordEnv ?? '' };
}

function toListener(parsed: ParsedListener): ListenerConfig {
  return {
    listen: parsed.listen,
    target: parsed.target,
    protocol: parsed.protocol,
    device: parsed.device,
    wakeOn: parsed.wakeOn,
    activity: parsed.activity,
    onKeepalive: parsed.onKeepalive,
    keepaliveWaitMs: parsed.keepaliveWait,
    probe: toProbe(parsed),
    maxStreams: parsed.maxStreams,
  };
}

/** Without a word from the user: a connect, except where a connection by itself disturbs what listens. */
function toProbe(listener: ParsedListener): ProbeConfig {
  const { probe } = listener;
  const disturbed =
    listener.device === 'printer' || listener.device === 'serial' || listener.target.port === PRINTER_PORT;
  const kind = probe?.kind ?? (disturbed ? 'none' : 'tcp');
  return {
    kind,
    send: probe?.send ?? null,
    expect: probe?.expect ?? null,
    command: probe?.command ?? null,
    timeoutMs: probe?.timeout ?? (kind === 'command' ? COMMAND_PROBE_TIMEOUT_MS : PROBE_TIMEOUT_MS),
  };
}

function absolute(path: string, folder: string): string {
  return isAbsolute(path) ? path : resolve(folder, path);
}
