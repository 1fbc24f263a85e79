// `torpor bmc power`: reads one BMC's power state, switches it on, or presses its power button. No guard stands in between.
import { Argument, type Command } from 'commander';
import { TorporError } from '../../platform/errors.ts';
import type { PowerReading } from '../../platform/ports.ts';
import { openBmcSession } from '../../power/ipmi/bmc-session.ts';
import { CHASSIS_CONTROL } from '../../power/ipmi/commands/chassis-control.ts';
import { IpmiDriver } from '../../power/ipmi/ipmi-driver.ts';
import { systemClock } from '../../system-clock.ts';
import { type BmcOptions, bmcAccess, peerOf, withBmcOptions } from '../bmc-options.ts';
import { type CliIo, printJson, printLines } from '../cli-io.ts';

type PowerAction = 'status' | 'on' | 'soft';
type BmcAccess = ReturnType<typeof bmcAccess>;

/** For the whole conversation, handshake and retransmissions included. */
const BOUND_MS = 30_000;

export function addBmcPowerCommand(bmc: Command, io: CliIo): void {
  const command = bmc
    .command('power')
    .description(
      'read the power state, switch on, or press the ACPI power button (soft); password in TORPOR_BMC_PASSWORD, BMC key in TORPOR_BMC_KG',
    )
    .addArgument(new Argument('<action>', 'what to do').choices(['status', 'on', 'soft']));
  withBmcOptions(command).action((action: PowerAction, options: BmcOptions) => power(action, options, io));
}

async function power(action: PowerAction, options: BmcOptions, io: CliIo): Promise<void> {
  const access = bmcAccess(options, io);
  const stop = new AbortController();
  const forget = io.onStopSignal(() => stop.abort());
  const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(BOUND_MS)]);
  try {
    if (action === 'status') await showPower(options, access, signal, io);
    else await pressPower(action, options, access, signal, io);
  } finally {
    forget();
  }
}

async function showPower(options: BmcOptions, access: BmcAccess, signal: AbortSignal, io: CliIo): Promise<void> {
  const driver = new IpmiDriver({ ...access, sleep: 'S3', privilege: 'user', clock: systemClock });
  try {
    const reading = await driver.readPower(signal);
    const { powerBit, acpi, acpiSource, watts } = reading;
    if (options.json) printJson(io, { bmc: peerOf(options), powerBit, acpi, acpiSource, watts });
    else printLines(io, ...formatReading(reading));
  } finally {
    await driver.close();
  }
}

/** What the BMC says, one fact per line; what it does not say is said too. */
export function formatReading(reading: PowerReading): string[] {
  const bit = reading.powerBit === null ? 'not told' : reading.powerBit ? 'on' : 'off';
  const acpi = reading.acpi === null ? 'not told' : `${reading.acpi} (by ${reading.acpiSource})`;
  const lines = [`chassis power is ${bit}`, `ACPI state is ${acpi}`];
  return reading.watts === null ? lines : [...lines, `draws ${reading.watts} W`];
}

async function pressPower(
  action: 'on' | 'soft',
  options: BmcOptions,
  access: BmcAccess,
  signal: AbortSignal,
  io: CliIo,
): Promise<void> {
  const session = await openBmcSession({ ...access, privilege: 'operator', clock: systemClock }, signal);
  let sent = false;
  const onSent = () => {
    sent = true;
  };
  try {
    // A second press of the button could wake what the first one put to sleep: it is sent in one packet.
    const once = action === 'soft';
    await session.run(CHASSIS_CONTROL, action === 'on' ? 'power-on' : 'soft', { signal, once, onSent });
  } catch (error) {
    throw sent && action === 'soft' ? explainSoft(error) : error;
  } finally {
    await session.close();
  }
  if (options.json) printJson(io, { bmc: peerOf(options), action, accepted: true });
  else printLines(io, action === 'on' ? 'chassis on: accepted' : 'chassis soft (power button): accepted');
}

/** A request without an answer may have been carried out. */
function explainSoft(error: unknown): unknown {
  if (!(error instanceof TorporError) || error.code !== 'ERR_IPMI_TIMEOUT') return error;
  const advice = 'the button may have been pressed all the same: read the status before pressing it again';
  return new TorporError(error.code, `${error.message}; ${advice}`, { cause: error });
}
