// Whether the VM behind a listener answers the probe that Torpor would ask it.

import { buildProbe } from '../../compose-probe.ts';
import type { ListenerConfig } from '../../config/torpor-config.ts';
import { formatEndpoint } from '../../platform/endpoint.ts';
import { errorText } from '../../platform/errors.ts';
import type { PowerReading } from '../../platform/ports.ts';
import { systemClock } from '../../system-clock.ts';
import type { CheckReport } from './check-finding.ts';

/** A lost packet is no answer; three in a row are. */
const MAX_QUESTIONS = 3;

/** Asks a few times. A silent VM of a platform that does not run is as it should be, and only told. */
export async function checkProbe(
  listener: ListenerConfig,
  reading: PowerReading | null,
  report: CheckReport,
  stop: AbortSignal,
): Promise<void> {
  const subject = `probe of ${formatEndpoint(listener.target)}`;
  if (listener.probe.kind === 'none') {
    report.skip(subject, 'none is set');
    return;
  }
  try {
    const probe = buildProbe(systemClock, listener);
    for (let question = 0; question < MAX_QUESTIONS; question += 1) {
      if ((await probe?.ask(stop)) !== true) continue;
      report.ok(subject, `${listener.probe.kind} is answered`);
      return;
    }
  } catch (error) {
    report.fail(subject, errorText(error), "correct the listener's probe");
    return;
  }
  const silent = `no answer to ${listener.probe.kind}, asked ${MAX_QUESTIONS} times`;
  if (isAsleep(reading)) report.warn(subject, `${silent}; the platform does not run`, 'wake it and check again');
  else report.fail(subject, silent, "start the VM's service, or correct the listener's target or probe");
}

/** True where the BMC says that it does not run. */
export function isAsleep(reading: PowerReading | null): boolean {
  if (reading === null) return false;
  return reading.acpi === null ? reading.powerBit === false : reading.acpi !== 'S0';
}
