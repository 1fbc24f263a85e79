// The demo's farm: two simulated platforms and the configuration of a Torpor in front of them.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { NO_INHIBITORS } from '../config/inhibitors-config.ts';
import type { ListenerConfig, PlatformConfig, TorporConfig } from '../config/torpor-config.ts';
import type { Clock } from '../platform/ports.ts';
import { DEFAULT_STREAM_POLICY } from '../platform/stream-policy.ts';
import { DEFAULT_COSTS } from '../policy/cost-model.ts';
import { SimulatedPlatform } from '../power/simulated/simulated-platform.ts';

/** The password of both simulated BMCs, made anew for each demo, passed the way a real one would be. */
export const DEMO_PASSWORD_VARIABLE = 'TORPOR_DEMO_BMC_PASSWORD';
const DEMO_USER = 'torpor';
const LOOPBACK = '127.0.0.1';

export interface DemoPlatform {
  readonly name: string;
  readonly simulated: SimulatedPlatform;
}

/** Starts both platforms. They differ in how fast they resume and in what their power bit says in S3. */
export async function startDemoPlatforms(clock: Clock): Promise<DemoPlatform[]> {
  const password = randomBytes(10).toString('hex');
  process.env[DEMO_PASSWORD_VARIABLE] = password;
  const traits = [
    { name: 'vdi-01', suspendMs: 400, resumeMs: 1200, powerBitInS3: false, vms: ['desk', 'shell'] },
    { name: 'vdi-02', suspendMs: 900, resumeMs: 2300, powerBitInS3: true, vms: ['desk'] },
  ];
  return Promise.all(
    traits.map(async ({ name, vms, ...host }) => {
      const simulated = new SimulatedPlatform({
        ...host,
        clock,
        user: DEMO_USER,
        password,
        vms: vms.map((vm) => ({ name: vm })),
      });
      await simulated.start();
      return { name, simulated };
    }),
  );
}

/** Short times, so that a cycle of the demo takes seconds where a real set-up takes minutes. */
export function demoConfig(platforms: readonly DemoPlatform[], stateDir: string): TorporConfig {
  return {
    api: { listen: { host: LOOPBACK, port: 0 }, tokensFile: null, tls: null },
    stateDir,
    workers: 1,
    maxStreams: 1000,
    circuits: [],
    pools: [],
    log: { level: 'info' },
    record: { folder: join(stateDir, 'traces'), maxFiles: 1, maxFileBytes: 1024 ** 2 },
    history: { keepMs: 86_400_000, maxBytes: 8 * 1024 ** 2, sampleEveryMs: 1_000 },
    energy: { price: 0.3, currency: 'EUR', co2eKgPerKwh: 0.38, ownWatts: 6, timeZone: 'UTC' },
    link: null,
    farm: null,
    integrations: { mqtt: null, webhooks: [] },
    platforms: platforms.map(demoPlatformConfig),
  };
}

function demoPlatformConfig({ name, simulated }: DemoPlatform): PlatformConfig {
  return {
    name,
    mode: 'armed',
    idleTimeoutMs: 2_000,
    idlePolicy: 'fixed',
    idleCosts: DEFAULT_COSTS,
    calendars: [],
    disconnectGraceMs: 1_000,
    drowsyForMs: 1_000,
    minAwakeMs: 1_000,
    clientWaitMs: null,
    hold: { perStreamBytes: 1024 ** 2, perPlatformBytes: 16 * 1024 ** 2, perSourceBytes: 16 * 1024 ** 2 },
    hooks: { beforeSuspend: null, afterWake: null, timeoutMs: 10_000 },
    context: { saveVms: null, identity: null },
    power: {
      sleep: 'S3',
      wakeTimeoutMs: 30_000,
      suspendTimeoutMs: 30_000,
      bmc: {
        driver: 'ipmi',
        host: LOOPBACK,
        port: simulated.bmcPort,
        user: DEMO_USER,
        password: { kind: 'env', name: DEMO_PASSWORD_VARIABLE },
        kg: null,
        cipherSuite: 17,
      },
      host: null,
      wol: null,
      sleepBy: 'bmc',
      wakeBy: ['bmc'],
      stateBy: 'bmc',
      watts: { inrush: null, busy: null, idle: null, asleep: null },
    },
    circuit: null,
    sel: { transitions: false, clients: false, perHour: 60 },
    inhibitors: NO_INHIBITORS,
    vms: simulated.vms.map((vm) => ({ name: vm.name, identity: null, listeners: [demoListener(vm.port)] })),
  };
}

function demoListener(targetPort: number): ListenerConfig {
  return {
    listen: { host: LOOPBACK, port: 0 },
    target: { host: LOOPBACK, port: targetPort },
    protocol: 'raw',
    device: 'terminal',
    wakeOn: 'connect',
    allowFrom: null,
    wakeRate: null,
    banner: 'none',
    waitingPage: 'off',
    webSocket: null,
    defer: null,
    idleTimeoutMs: 2_000,
    activity: 'every-byte',
    policy: DEFAULT_STREAM_POLICY,
    record: false,
    onKeepalive: 'hold',
    keepaliveWaitMs: 30_000,
    probe: { kind: 'tcp', send: null, expect: null, command: null, timeoutMs: 2_000 },
    proxyProtocol: { acceptFrom: null, send: null },
    door: null,
    routed: null,
    maxPerSource: null,
    link: null,
    maxStreams: null,
  };
}
