// What is done around a platform's sleep, as Torpor uses it: typed, complete, units in names.
import type { Endpoint } from '../platform/endpoint.ts';
import type { ProxmoxApiConfig } from './power-config.ts';

export interface ContextConfig {
  /** Who saves the VMs before the sleep; null: nobody but perhaps a hook. */
  readonly saveVms: VmSaverConfig | null;
  /** The host's: it counts where the host's memory carries the VMs. */
  readonly identity: IdentityConfig | null;
}

/** Where a value is read that changes when memory was lost. `match`: a pattern that picks it out; its first group, or all of it. */
export type IdentityConfig = (
  | { readonly kind: 'command'; readonly command: string }
  | { readonly kind: 'url'; readonly url: string }
  | ({ readonly kind: 'banner' } & Endpoint)
) & { readonly match: string | null };

/** One type per `driver`. */
export type VmSaverConfig = LibvirtVmSaverConfig | ProxmoxVmSaverConfig;

interface VmChoice {
  /** Names, or ids; all: whatever runs. */
  readonly vms: 'all' | readonly string[];
  /** For saving all of them, and for restoring all. */
  readonly timeoutMs: number;
  /** So many VMs are saved, or restored, at a time. */
  readonly parallel: number;
}

export interface LibvirtVmSaverConfig extends VmChoice {
  readonly driver: 'libvirt';
  /** null: what virsh takes by itself. */
  readonly uri: string | null;
}

export interface ProxmoxVmSaverConfig extends VmChoice, ProxmoxApiConfig {
  readonly driver: 'proxmox';
}
