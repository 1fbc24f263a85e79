// The port behind which running VMs are moved between platforms. Adapters: power/evacuation. Which VM goes where is the pure rule's.
import type { EvacuationMove } from './evacuation-rule.ts';

export interface VmMover {
  /**
   * Moves the VM while it runs. Resolves once it runs there; rejects with a TorporError where it does not. Settles only when nothing is under way any more: where
   * the signal aborts it cancels that.
   */
  move(move: EvacuationMove, signal: AbortSignal): Promise<void>;
  /** On which of these it runs; null: on none, or on more than one. Rejects with a TorporError where one of them cannot be asked. */
  whereIs(vm: string, platforms: readonly string[], signal: AbortSignal): Promise<string | null>;
}
