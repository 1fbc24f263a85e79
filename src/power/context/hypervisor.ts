// What a saver of VMs needs of a hypervisor, whatever it is. Which VMs, in which order and what to do when one fails are vm-saver.ts's.

/** A VM as its hypervisor knows it. */
export interface HostedVm {
  /** The hypervisor's own name for it in requests: a domain's name, a VM's number. */
  readonly id: string;
  /** For people, and for configurations. */
  readonly name: string;
  /** running: its memory is in use, also where it is paused. saved: off, its memory on disk. busy: something is being done to it. */
  readonly state: 'running' | 'saved' | 'off' | 'busy';
  /** busy: what is being done, for people. */
  readonly detail: string | null;
}

/** All calls reject with a TorporError, and end when the signal aborts. */
export interface Hypervisor {
  /** For people, with its address: `libvirt qemu:///system`. */
  readonly name: string;
  list(signal: AbortSignal): Promise<readonly HostedVm[]>;
  /** Guests of a kind that it cannot save, and that run now: they end with the host's power. Empty where there is no such kind. */
  listUnsavable(signal: AbortSignal): Promise<readonly string[]>;
  /** Why this VM could not be saved, or null. Asked of all before the first one is saved. */
  obstacle(vm: HostedVm, signal: AbortSignal): Promise<string | null>;
  /**
   * Writes the VM's memory to disk and stops it. Where the signal aborts it cancels that where it can be done safely, else lets
   * it end, and settles only when nothing is under way any more: resolves where the VM is saved, rejects where it runs on.
   */
  save(vm: HostedVm, signal: AbortSignal): Promise<void>;
  /** Lets a saved VM go on where it stood. */
  start(vm: HostedVm, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
