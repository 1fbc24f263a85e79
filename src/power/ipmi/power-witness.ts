// What one BMC can say about its platform's power: finds the ACPI state sensor and the source of watts once, then reads them. Presses nothing.
import { TorporError } from '../../platform/errors.ts';
import type { AcpiState, Clock, PowerReading } from '../../platform/ports.ts';
import { ACPI_STATE_SENSOR_TYPE, acpiStateOfSensor } from './acpi-power-state.ts';
import type { BmcSession } from './bmc-session.ts';
import { GET_ACPI_POWER_STATE } from './commands/get-acpi-power-state.ts';
import { GET_CHASSIS_STATUS } from './commands/get-chassis-status.ts';
import { GET_DCMI_POWER_READING } from './commands/get-dcmi-power-reading.ts';
import { GET_SENSOR_READING, type SensorReading } from './commands/get-sensor-reading.ts';
import { BMC_ADDRESS } from './ipmi-message.ts';
import { isSameRepository, readRepositoryInfo, readSensorDirectory, type SensorDirectory } from './sensor-directory.ts';
import { convertReading, type SensorRecord, UNIT_WATTS } from './sensor-record.ts';
import { untilAborted } from './until-aborted.ts';

/** "Other units-based sensor": a power meter where its base unit is watts. Source: IPMI v2.0 table 42-3. */
const OTHER_UNITS_SENSOR_TYPE = 0x0b;
/** Deviation: Dell's iDRAC files its "Pwr Consumption" in watts under type 03h, "current". */
const CURRENT_SENSOR_TYPE = 0x03;
/** Event/reading types: threshold (analog) and sensor-specific. Source: IPMI v2.0 table 42-1. */
const THRESHOLD_READING = 0x01;
const SENSOR_SPECIFIC_READING = 0x6f;

/** Errors with which a BMC tells that it has no such thing: refused, forbidden, or answered in another shape. */
const ANSWERS: ReadonlySet<string> = new Set(['ERR_IPMI_COMPLETION', 'ERR_IPMI_PRIVILEGE', 'ERR_IPMI_PROTOCOL']);

const WANTED_TYPES: ReadonlySet<number> = new Set([
  ACPI_STATE_SENSOR_TYPE,
  OTHER_UNITS_SENSOR_TYPE,
  CURRENT_SENSOR_TYPE,
]);

/** A walk that ended for a reason that will pass is walked again after this time: a BMC that starts takes a minute or so. */
const WALK_AGAIN_MS = 60_000;

/** Which of the BMC's answers has told the ACPI state so far. */
export type StateSource = 'sensor' | 'command' | 'none' | 'untried';

/** Where watts come from. DCMI measures the whole platform; a sensor may be one power supply of two. */
export type WattsSource =
  | { readonly kind: 'dcmi' }
  | { readonly kind: 'sensor'; readonly sensor: SensorRecord }
  | { readonly kind: 'none' };

/**
 * Reads power through a session. The repository is walked at the first reading, and again where that ended for a reason that
 * passes; in a session that was opened anew only its time stamps are read again. All calls may run at the same time.
 */
export class PowerWitness {
  readonly #session: BmcSession;
  readonly #clock: Clock;
  /** Ends a walk when the owner is closed: a caller who gives up leaves the walk to the next one. */
  readonly #ownerSignal: AbortSignal;
  #directory: SensorDirectory | null = null;
  #directoryActivation = -1;
  #directoryAtMs = 0;
  #loading: Promise<SensorDirectory> | null = null;
  #commandUnsupported = false;
  #source: StateSource = 'untried';
  /** False once the BMC has answered that it has no DCMI, or measures no power with it. */
  #asksDcmi = true;
  #dcmiTold = false;

  constructor(session: BmcSession, clock: Clock, ownerSignal: AbortSignal) {
    this.#session = session;
    this.#clock = clock;
    this.#ownerSignal = ownerSignal;
  }

  get source(): StateSource {
    return this.#source;
  }

  /** The ACPI state sensor that the first reading found; null where there is none, or before it. */
  get stateSensor(): SensorRecord | null {
    return (this.#directory && acpiSensorOf(this.#directory)) ?? null;
  }

  get wattsSource(): WattsSource {
    if (this.#dcmiTold) return { kind: 'dcmi' };
    const sensor = this.#directory && powerMeterOf(this.#directory);
    return sensor ? { kind: 'sensor', sensor } : { kind: 'none' };
  }

  /** What the first reading found, for people; empty before. */
  describe(): string {
    const directory = this.#directory;
    if (directory === null) return '';
    const found: string[] = [];
    const state = acpiSensorOf(directory);
    const meter = powerMeterOf(directory);
    if (state) found.push(`ACPI state sensor ${labelOf(state)}`);
    if (meter) found.push(`power meter ${labelOf(meter)}`);
    const dcmi = this.#dcmiTold ? 'watts by DCMI; ' : '';
    const sensors = found.length > 0 ? found.join(' and ') : 'neither ACPI state sensor nor power meter';
    const end = directory.problem === null ? '' : `; reading sensor records ended early: ${directory.problem}`;
    return `${dcmi}${sensors} among ${directory.recordCount} sensor records${end}`;
  }

  /** Two or three requests once the sources are known. Rejects as the session does. */
  async read(signal: AbortSignal): Promise<PowerReading> {
    const directory = await this.#sensors(signal);
    const chassis = await this.#session.run(GET_CHASSIS_STATUS, undefined, { signal });
    const atMs = this.#clock.nowMs();
    const { acpi, acpiSource } = await this.#readAcpi(acpiSensorOf(directory), signal);
    const watts =
      (await this.#readDcmi(chassis.powerOn, signal)) ?? (await this.#readWatts(powerMeterOf(directory), signal));
    return { atMs, acpi, acpiSource, powerBit: chassis.powerOn, watts };
  }

  async #readAcpi(
    sensor: SensorRecord | undefined,
    signal: AbortSignal,
  ): Promise<Pick<PowerReading, 'acpi' | 'acpiSource'>> {
    const reading = sensor === undefined ? null : await this.#readSensor(sensor, signal);
    const bySensor = reading?.valid ? acpiStateOfSensor(reading.stateBits) : null;
    if (bySensor !== null) return this.#learned('sensor', bySensor);
    const byCommand = this.#commandUnsupported ? null : await this.#askAcpi(signal);
    if (byCommand !== null) return this.#learned('command', byCommand);
    if (this.#source === 'untried') this.#source = 'none';
    return { acpi: null, acpiSource: null };
  }

  #learned(source: 'sensor' | 'command', acpi: AcpiState): Pick<PowerReading, 'acpi' | 'acpiSource'> {
    // A sensor that once told the state stays the better source, even if a reading in between had to do without it.
    if (this.#source !== 'sensor') this.#source = source;
    return { acpi, acpiSource: source };
  }

  async #askAcpi(signal: AbortSignal): Promise<AcpiState | null> {
    try {
      const { system } = await this.#session.run(GET_ACPI_POWER_STATE, undefined, { signal });
      return system;
    } catch (thrown) {
      if (!isAnswer(thrown)) throw thrown;
      if (!thrown.retryable) this.#commandUnsupported = true;
      return null;
    }
  }

  /** Null where DCMI does not say: then a sensor is asked. Nothing draws 0 W while its power is on. */
  async #readDcmi(powerOn: boolean, signal: AbortSignal): Promise<number | null> {
    if (!this.#asksDcmi) return null;
    try {
      const { active, presentWatts } = await this.#session.run(GET_DCMI_POWER_READING, undefined, { signal });
      const told = active && (presentWatts > 0 || (this.#dcmiTold && !powerOn));
      this.#dcmiTold ||= told;
      return told ? presentWatts : null;
    } catch (thrown) {
      if (!isAnswer(thrown)) throw thrown;
      // Busy for a moment is no answer to the question whether there is DCMI.
      if (!thrown.retryable && !this.#dcmiTold) this.#asksDcmi = false;
      return null;
    }
  }

  async #readWatts(meter: SensorRecord | undefined, signal: AbortSignal): Promise<number | null> {
    if (meter?.conversion == null) return null;
    const reading = await this.#readSensor(meter, signal);
    return reading?.valid ? convertReading(meter.conversion, reading.value) : null;
  }

  /** Null where the BMC answers with an error, or with nothing: a sensor may be out of reach while the platform sleeps. */
  async #readSensor(sensor: SensorRecord, signal: AbortSignal): Promise<SensorReading | null> {
    try {
      return await this.#session.run(GET_SENSOR_READING, sensor.sensorNumber, { signal, lun: sensor.ownerLun });
    } catch (thrown) {
      if (isAnswer(thrown)) return null;
      throw thrown;
    }
  }

  /** The directory for the present session. */
  async #sensors(signal: AbortSignal): Promise<SensorDirectory> {
    await this.#session.open(signal);
    const known = this.#directory;
    if (known !== null && this.#directoryActivation === this.#session.activations) {
      // Readings go on with what is known meanwhile.
      if (known.mayPass && this.#clock.nowMs() - this.#directoryAtMs >= WALK_AGAIN_MS) void this.#loaded();
      return known;
    }
    return await untilAborted(this.#loaded(), 'Reading the sensor records', signal);
  }

  /** One walk for all who ask meanwhile. */
  #loaded(): Promise<SensorDirectory> {
    if (this.#loading !== null) return this.#loading;
    const loading = this.#load().finally(() => {
      this.#loading = null;
    });
    // Whoever waits gets the error; a caller who gave up, or nobody, must not turn it into an unhandled one.
    loading.catch(() => {});
    this.#loading = loading;
    return loading;
  }

  async #load(): Promise<SensorDirectory> {
    const activation = this.#session.activations;
    const known = this.#directory;
    if (known !== null) {
      const repository = await readRepositoryInfo(this.#session, this.#ownerSignal);
      const both = repository !== null && known.repository !== null;
      const same = both ? isSameRepository(repository, known.repository) : repository === known.repository;
      if (same && known.problem === null) {
        this.#directoryActivation = activation;
        return known;
      }
    }
    const isWanted = (sensorType: number) => WANTED_TYPES.has(sensorType);
    const found = await readSensorDirectory(this.#session, isWanted, this.#ownerSignal);
    this.#directoryAtMs = this.#clock.nowMs();
    // A walk that came less far than one before it in this session forgets no sensor.
    const isLess = known !== null && this.#directoryActivation === activation && found.recordCount < known.recordCount;
    this.#directory = isLess && found.mayPass ? known : found;
    this.#directoryActivation = activation;
    return this.#directory;
  }
}

function isAnswer(thrown: unknown): thrown is TorporError {
  return thrown instanceof TorporError && ANSWERS.has(thrown.code);
}

/** Sensors of other controllers need bridged requests, and software's cannot be read at all: only the BMC's own count. */
function acpiSensorOf(directory: SensorDirectory): SensorRecord | undefined {
  return directory.sensors.find(
    (sensor) =>
      sensor.ownerAddress === BMC_ADDRESS &&
      sensor.sensorType === ACPI_STATE_SENSOR_TYPE &&
      sensor.eventReadingType === SENSOR_SPECIFIC_READING,
  );
}

function powerMeterOf(directory: SensorDirectory): SensorRecord | undefined {
  const meters = directory.sensors.filter(
    (sensor) =>
      sensor.ownerAddress === BMC_ADDRESS &&
      sensor.eventReadingType === THRESHOLD_READING &&
      sensor.conversion?.unit === UNIT_WATTS,
  );
  return meters.find(({ sensorType }) => sensorType === OTHER_UNITS_SENSOR_TYPE) ?? meters[0];
}

/** For people: `"ACPI State"`, or its number where it has no name. */
export function labelOf(sensor: SensorRecord): string {
  return sensor.name === '' ? `number ${sensor.sensorNumber}` : `"${sensor.name}"`;
}
