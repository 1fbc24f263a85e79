// A configuration file for one Torpor in front of one platform or several, as a user would write it, with each BMC's password beside it.
import { writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
import type { TempFolder } from './temp-folder.ts';

export const DEFAULT_IDLE_TIMEOUT = '500ms';

export interface SetUpVm {
  readonly name: string;
  readonly listenPort: number;
  /** `host:port` */
  readonly target: string;
  readonly protocol?: string;
  readonly probe?: string | Readonly<Record<string, string>>;
  readonly device?: string;
  readonly activity?: string;
  readonly onKeepalive?: string;
  readonly keepaliveWait?: string;
  readonly identity?: Readonly<Record<string, string>>;
  readonly webSocket?: Readonly<Record<string, unknown>>;
}

/** One platform: what differs from test to test. Durations as the configuration writes them. */
export interface PlatformSetUp {
  readonly platform: string;
  readonly bmc: {
    readonly port: number;
    readonly user: string;
    readonly password: string;
    /** Default 17. */
    readonly cipherSuite?: 3 | 17 | 'auto';
    /** The BMC's own key. */
    readonly kg?: string;
  };
  /** What is written into the BMC's log. */
  readonly sel?: Readonly<Record<string, boolean | number>>;
  readonly vms: readonly SetUpVm[];
  /** More keys under `power`: other ways to sleep, to wake, to tell. */
  readonly power?: Readonly<Record<string, unknown>>;
  readonly mode?: 'armed' | 'observe';
  readonly idleTimeout?: string;
  readonly disconnectGrace?: string;
  readonly drowsyFor?: string;
  readonly minAwake?: string;
  readonly clientWait?: string;
  readonly hooks?: Readonly<Record<string, string>>;
  readonly hold?: Readonly<Record<string, string>>;
  readonly suspendTimeout?: string;
  readonly wakeTimeout?: string;
  readonly sleep?: 'S3' | 'S5';
  readonly context?: object;
  readonly idleCosts?: Readonly<Record<string, string | number>>;
  /** More keys of the platform. */
  readonly more?: Readonly<Record<string, unknown>>;
}

export interface SetUp extends PlatformSetUp {
  readonly apiPort: number;
  readonly workers?: number;
  /** Left out: the default, with a sample a second. */
  readonly history?: 'off';
  readonly mqtt?: Readonly<Record<string, string>>;
  /** The gate of a link. */
  readonly link?: Readonly<Record<string, string>>;
}

/** Writes `torpor.yaml` into the folder and returns its path. */
export function writeTorporConfig(folder: TempFolder, setUp: SetUp): string {
  const { apiPort, workers, history, mqtt, link } = setUp;
  return writeFarmConfig(folder, { apiPort, workers, history, mqtt, link, platforms: [setUp] });
}

/** The same for several platforms under one Torpor. */
export function writeFarmConfig(
  folder: TempFolder,
  farm: {
    readonly apiPort: number;
    readonly workers?: number | undefined;
    readonly history?: 'off' | undefined;
    readonly mqtt?: Readonly<Record<string, string>> | undefined;
    readonly link?: Readonly<Record<string, string>> | undefined;
    /** More keys of the whole file: what spans several platforms. */
    readonly more?: Readonly<Record<string, unknown>> | undefined;
    readonly platforms: readonly PlatformSetUp[];
  },
): string {
  const path = folder.file('torpor.yaml');
  const config = {
    api: { listen: `127.0.0.1:${farm.apiPort}` },
    stateDir: folder.file('state'),
    workers: farm.workers ?? 1,
    history: farm.history ?? { powerEvery: '1s' },
    ...(farm.mqtt === undefined ? {} : { mqtt: farm.mqtt }),
    ...(farm.link === undefined ? {} : { link: farm.link }),
    ...farm.more,
    platforms: farm.platforms.map((platform) => platformSection(folder, platform)),
  };
  writeFileSync(path, stringify(config));
  return path;
}

function platformSection(folder: TempFolder, setUp: PlatformSetUp): object {
  const { platform, bmc } = setUp;
  const passwordFile = folder.file(`bmc-password-${platform}`);
  writeFileSync(passwordFile, `${bmc.password}\n`, { mode: 0o600 });
  const kgFile = folder.file(`bmc-key-${platform}`);
  if (bmc.kg !== undefined) writeFileSync(kgFile, `${bmc.kg}\n`, { mode: 0o600 });
  const defaults = { protocol: 'raw', device: 'terminal', probe: 'tcp' };
  const vms = setUp.vms.map(({ name, listenPort, identity, ...listener }) => ({
    name,
    ...(identity === undefined ? {} : { identity }),
    listeners: [{ listen: `127.0.0.1:${listenPort}`, ...defaults, ...listener }],
  }));
  return {
    name: platform,
    mode: setUp.mode ?? 'armed',
    idleTimeout: setUp.idleTimeout ?? DEFAULT_IDLE_TIMEOUT,
    disconnectGrace: setUp.disconnectGrace ?? '100ms',
    drowsyFor: setUp.drowsyFor ?? '100ms',
    minAwake: setUp.minAwake ?? '0s',
    clientWait: setUp.clientWait ?? null,
    context: setUp.context ?? {},
    power: {
      sleep: setUp.sleep ?? 'S3',
      suspendTimeout: setUp.suspendTimeout ?? '30s',
      wakeTimeout: setUp.wakeTimeout ?? '60s',
      bmc: {
        driver: 'ipmi',
        host: '127.0.0.1',
        port: bmc.port,
        user: bmc.user,
        passwordFile,
        ...(bmc.kg === undefined ? {} : { kgFile }),
        cipherSuite: bmc.cipherSuite ?? 17,
      },
      ...setUp.power,
    },
    ...(setUp.hooks === undefined ? {} : { hooks: setUp.hooks }),
    ...(setUp.hold === undefined ? {} : { hold: setUp.hold }),
    ...(setUp.idleCosts === undefined ? {} : { idleCosts: setUp.idleCosts }),
    ...(setUp.sel === undefined ? {} : { sel: setUp.sel }),
    ...setUp.more,
    vms,
  };
}
