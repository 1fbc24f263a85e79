// Part of the composition root: where a farm's orders for one platform hold here, its controller and the list of drained platforms.
import type { PlatformController } from './controller/platform-controller.ts';
import type { Drains } from './farm/memory-farm.ts';
import { type FarmOrders, type HeldOrders, missingEvents } from './farm/orders/farm-orders.ts';
import type { OrdersSink } from './farm/orders/platform-orders.ts';
import type { EventLog } from './history/event-log.ts';
import { errorText } from './platform/errors.ts';
import type { Clock, Logger } from './platform/ports.ts';

export interface HeldHereOptions {
  /** As it is at any time: a reload puts another in its place. */
  readonly controller: () => PlatformController;
  readonly drains: Drains;
  readonly events: EventLog;
  readonly clock: Clock;
  readonly log: Logger;
}

export class HeldHere implements OrdersSink {
  readonly #platform: string;
  readonly #options: HeldHereOptions;

  constructor(platform: string, options: HeldHereOptions) {
    this.#platform = platform;
    this.#options = options;
  }

  held(): HeldOrders {
    const { controller, drains } = this.#options;
    const { inhibitors, maintenanceOrder } = controller().model;
    return { inhibitors, maintenance: maintenanceOrder, drained: drains.drained.has(this.#platform) };
  }

  apply(orders: FarmOrders): void {
    const { controller, events, clock } = this.#options;
    const told = missingEvents(orders, this.held(), clock.nowMs());
    for (const event of told) {
      // Inhibitors say themselves that they began and ended.
      if (event.kind !== 'maintenance') continue;
      const what = event.on ? `in maintenance: ${event.why}` : `maintenance is over: ${event.why}`;
      events.append(this.#platform, 'maintenance', what, { on: event.on });
    }
    if (told.length > 0) controller().dispatch(...told);
    this.#drain(orders.drained.length > 0);
  }

  #drain(isDrained: boolean): void {
    const { drains, events, log } = this.#options;
    if (drains.drained.has(this.#platform) === isDrained) return;
    const what = isDrained ? 'drained at another Torpor: no pool places anybody new here' : 'not drained any more';
    events.append(this.#platform, 'note', what, { drained: isDrained });
    drains.set(this.#platform, isDrained).catch((thrown: unknown) => log.error({}, errorText(thrown)));
  }
}
