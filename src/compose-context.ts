// Part of the composition root: what is done around a platform's sleep, before and after.
import type { VmSaverConfig } from './config/context-config.ts';
import type { ProxmoxApiConfig, SecretSource } from './config/power-config.ts';
import type { PlatformConfig } from './config/torpor-config.ts';
import type { Logger, PlatformContext } from './platform/ports.ts';
import { ContextChain, type ContextPart } from './power/context/context-chain.ts';
import type { Hypervisor } from './power/context/hypervisor.ts';
import { IdentityWatch } from './power/context/identity-watch.ts';
import { LibvirtHypervisor } from './power/context/libvirt-hypervisor.ts';
import { ProxmoxHypervisor } from './power/context/proxmox-hypervisor.ts';
import { SavedVms } from './power/context/saved-vms.ts';
import { ShellHooks } from './power/context/shell-hooks.ts';
import type { TellContext } from './power/context/tell-context.ts';
import { VmSaver } from './power/context/vm-saver.ts';
import { ProxmoxClient } from './power/inband/proxmox-client.ts';
import { Virsh } from './power/inband/virsh.ts';
import { systemClock } from './system-clock.ts';

/** What the machine allows the context beyond its own time-outs: identities, and the end of what was called off. */
const CONTEXT_MARGIN_MS = 30_000;

export interface BuildContextOptions {
  readonly stateDir: string;
  readonly log: Logger;
  readonly tell: TellContext;
  /** Reads a secret now. */
  readonly secret: (source: SecretSource) => Promise<string>;
}

/** What the machine must know of a platform's context. */
export function contextPolicy({ context, hooks, power }: PlatformConfig) {
  const hasSaver = context.saveVms !== null;
  const hooksMs = hooks.beforeSuspend === null && hooks.afterWake === null ? 0 : hooks.timeoutMs;
  return {
    savesContext: hasSaver || hooks.beforeSuspend !== null,
    // Towards S5 a hook has nothing better to do.
    savesVms: hasSaver || (power.sleep === 'S5' && hooks.beforeSuspend !== null),
    saveTimeoutMs: hooksMs + (context.saveVms?.timeoutMs ?? 0) + CONTEXT_MARGIN_MS,
  };
}

/** VMs are saved before the hooks run, and restored after them. */
export async function buildContext(platform: PlatformConfig, options: BuildContextOptions): Promise<PlatformContext> {
  const { context, hooks, name, vms } = platform;
  const { log, tell } = options;
  const parts: ContextPart[] = [new ShellHooks({ platform: name, ...hooks, log })];
  if (context.saveVms !== null) parts.unshift(await buildVmSaver(name, context.saveVms, options));
  const identities = new IdentityWatch({
    host: contextPolicy(platform).savesVms ? null : context.identity,
    vms: vms.map((vm) => ({ vm: vm.name, source: vm.identity })),
    clock: systemClock,
    tell,
  });
  return new ContextChain(parts, identities);
}

async function buildVmSaver(platform: string, config: VmSaverConfig, options: BuildContextOptions): Promise<VmSaver> {
  return new VmSaver({
    hypervisor: await buildHypervisor(config, options.secret),
    vms: config.vms,
    timeoutMs: config.timeoutMs,
    parallel: config.parallel,
    record: new SavedVms(options.stateDir, platform),
    clock: systemClock,
    tell: options.tell,
  });
}

export async function buildHypervisor(
  config: VmSaverConfig,
  secret: BuildContextOptions['secret'],
): Promise<Hypervisor> {
  if (config.driver === 'libvirt') {
    return new LibvirtHypervisor({ virsh: new Virsh({ uri: config.uri }), clock: systemClock });
  }
  return new ProxmoxHypervisor(await buildProxmoxClient(config, secret));
}

export async function buildProxmoxClient(
  config: ProxmoxApiConfig,
  secret: BuildContextOptions['secret'],
): Promise<ProxmoxClient> {
  const { url, node, tokenId, tls } = config;
  return new ProxmoxClient({ url, node, tokenId, tokenSecret: await secret(config.token), tls, clock: systemClock });
}
