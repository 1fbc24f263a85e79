// The streams' timing wheel: one timer per stream slot, in the place that the layout gives it. The wheel itself is timing-wheel.ts.
import { wheelBase } from '../layout';
import { fileNode, startWheel, takeNode, unfileNode, WHEEL_LINK_BYTES, WHEEL_NODES } from './timing-wheel';

/** Makes all lists empty and starts at `tick`. Only while no timer is filed. */
export function resetWheel(tick: u64): void {
  startWheel(wheelBase, tick);
}

/** Files `timer` (below the layout's streams, not filed) under `tick`; under the earliest possible one if it has passed. */
export function fileTimer(timer: u32, tick: u64): void {
  fileNode(wheelBase, nodeOf(timer), tick);
}

/** Takes `timer` out, if it is filed. */
export function unfileTimer(timer: u32): void {
  unfileNode(wheelBase, nodeOf(timer));
}

/** Takes out one timer that may be due at `target`, or answers -1 when there is none. Constant work. */
export function takeTimer(target: u64): i32 {
  const node = takeNode(wheelBase, target);
  return node === 0 ? -1 : (node - WHEEL_NODES) / WHEEL_LINK_BYTES;
}

function nodeOf(timer: u32): u32 {
  return WHEEL_NODES + timer * WHEEL_LINK_BYTES;
}
