// The record of saved VMs in memory: it survives the saver that wrote it, as a disk does.
import type { SavedVm, SavedVmsRecord } from '../../../../src/power/context/saved-vms.ts';

export class MemoryRecord implements SavedVmsRecord {
  vms: readonly SavedVm[] = [];

  async read(): Promise<readonly SavedVm[]> {
    return this.vms;
  }

  async write(vms: readonly SavedVm[]): Promise<void> {
    this.vms = vms;
  }
}
