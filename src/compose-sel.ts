// Part of the composition root: what of a platform's events goes into its BMC's own log, where its configuration asks for that.
import type { PlatformConfig } from './config/torpor-config.ts';
import type { EventLog } from './history/event-log.ts';
import type { Logger } from './platform/ports.ts';
import { SelRecorder } from './power/ipmi/sel-recorder.ts';
import type { PowerPart } from './power/power-part.ts';
import { systemClock } from './system-clock.ts';

/** Ends when the returned function is called. The recorder shares the driver's session: a BMC has few places for them. */
export function recordIntoBmc(
  { name, sel }: PlatformConfig,
  bmc: PowerPart | null,
  events: EventLog,
  log: Logger,
): () => void {
  const ipmi = bmc?.ipmi;
  if (ipmi === undefined || (!sel.transitions && !sel.clients)) return () => {};
  const recorder = new SelRecorder({
    ...sel,
    session: ipmi.runner,
    bmc: ipmi.peer,
    clock: systemClock,
    log,
    report: (message) => {
      log.warn({ platform: name }, message);
      events.append(name, 'note', message, {});
    },
  });
  const forget = events.subscribe((event) => {
    if (event.platform === name) recorder.note(event);
  });
  return () => {
    forget();
    recorder.stop();
  };
}
