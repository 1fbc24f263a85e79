// The walk through a repository against one made of given records: partial reads, odd BMCs, bounds.
import { describe, expect, it } from 'vitest';
import type { IpmiCommand } from '../../../src/power/ipmi/command.ts';
import { GET_SDR, type SdrRequest } from '../../../src/power/ipmi/commands/get-sdr.ts';
import { GET_SDR_REPOSITORY_INFO } from '../../../src/power/ipmi/commands/get-sdr-repository-info.ts';
import { RESERVE_SDR_REPOSITORY } from '../../../src/power/ipmi/commands/reserve-sdr-repository.ts';
import { completionError } from '../../../src/power/ipmi/completion-code.ts';
import { type CommandRunner, MAX_SDR_RECORDS, readSensorDirectory } from '../../../src/power/ipmi/sensor-directory.ts';
import { bytesOf } from '../support/hex.ts';

/** As an OpenIPMI emulator is configured with them: an ACPI state sensor (compact) and a power meter (full). */
const ACPI_STATE = `01 00 51 02 25 20 00 01 07 01 67 40 22 6f ff 3f 00 00 ff 3f c0 00 00 01 00 00 00 00 00 00 00
  ca 41 43 50 49 20 53 74 61 74 65`;
const POWER_METER = `02 00 51 01 34 20 00 02 07 01 7f 40 0b 01 00 00 00 00 00 00 00 06 00 00 02 00 00 00 00 00
  00 50 64 32 ff 00 00 00 00 00 00 00 00 00 00 00 00 c9 50 77 72 20 4d 65 74 65 72`;
const LOCATOR = '03 00 51 12 0b 20 00 00 83 00 00 00 06 01 00 c0';

interface RepositoryOptions {
  /** More than this in one part is answered with CAh. */
  readonly largestPartBytes?: number;
  /** The record after record `id`; default the next in order. */
  readonly next?: (id: number) => number;
  readonly info?: number;
}

/** Answers as a BMC with these records, whose ids count from 1. */
class Repository implements CommandRunner {
  readonly reads: SdrRequest[] = [];
  readonly #records: readonly Uint8Array[];
  readonly #options: RepositoryOptions;

  constructor(records: readonly string[], options: RepositoryOptions = {}) {
    this.#records = records.map(bytesOf);
    this.#options = options;
  }

  async run<Request, Response>(command: IpmiCommand<Request, Response>, request: Request): Promise<Response> {
    return command.decodeResponse(this.#answer(command.code, command.encodeRequest(request)));
  }

  #answer(code: number, body: Uint8Array): Uint8Array {
    const { info } = this.#options;
    if (code === GET_SDR_REPOSITORY_INFO.code && info !== undefined) throw completionError(info, 'the command');
    if (code === GET_SDR_REPOSITORY_INFO.code) {
      return bytesOf(`51 0${this.#records.length} 00 00 00 01 00 00 00 02 00 00 00 22`);
    }
    if (code === RESERVE_SDR_REPOSITORY.code) return bytesOf('01 00');
    const request = GET_SDR.decodeRequest(body);
    this.reads.push(request);
    if (request.lengthBytes > (this.#options.largestPartBytes ?? 255)) throw completionError(0xca, 'the command');
    const id = request.recordId === 0 ? 1 : request.recordId;
    const record = this.#records[id - 1];
    if (record === undefined) throw completionError(0xcb, 'the command');
    const next = this.#options.next?.(id) ?? (id < this.#records.length ? id + 1 : 0xffff);
    const part = record.subarray(request.offset, request.offset + request.lengthBytes);
    return Uint8Array.of(next & 0xff, next >> 8, ...part);
  }
}

const signal = new AbortController().signal;
const acpiAndMeters = (sensorType: number) => sensorType === 0x22 || sensorType === 0x0b;
const namesOf = ({ sensors }: { sensors: readonly { name: string }[] }) => sensors.map(({ name }) => name);

describe('sensor directory', () => {
  it('three records -> the two wanted ones, whole', async () => {
    const repository = new Repository([ACPI_STATE, LOCATOR.replace('03', '02'), POWER_METER.replace('02', '03')]);
    const directory = await readSensorDirectory(repository, acpiAndMeters, signal);
    expect(namesOf(directory)).toEqual(['ACPI State', 'Pwr Meter']);
    expect(directory).toMatchObject({ recordCount: 3, problem: null, repository: { recordCount: 3 } });
  });

  it('records that are not wanted -> two reads each at most', async () => {
    const repository = new Repository([LOCATOR, POWER_METER, ACPI_STATE]);
    await readSensorDirectory(repository, () => false, signal);
    expect(repository.reads).toHaveLength(1 + 2 + 2);
  });

  it.each([24, 16, 9, 5])(
    'a BMC that returns %i bytes at most (CAh) -> asked for less until it does',
    async (bytes) => {
      const repository = new Repository([ACPI_STATE, POWER_METER], { largestPartBytes: bytes });
      const directory = await readSensorDirectory(repository, acpiAndMeters, signal);
      expect(namesOf(directory)).toEqual(['ACPI State', 'Pwr Meter']);
      expect(directory.problem).toBeNull();
    },
  );

  it('a BMC that returns nothing at all -> the walk ends with the words', async () => {
    const repository = new Repository([ACPI_STATE], { largestPartBytes: 0 });
    const directory = await readSensorDirectory(repository, acpiAndMeters, signal);
    expect(directory).toMatchObject({ sensors: [], problem: expect.stringMatching(/cannot be returned \(CAh\)/) });
  });

  it('records in a circle -> each read once', async () => {
    const repository = new Repository([ACPI_STATE, POWER_METER], { next: (id) => (id % 2) + 1 });
    const directory = await readSensorDirectory(repository, acpiAndMeters, signal);
    // The first is asked for as 0000h and comes again as 0001h.
    expect(directory.recordCount).toBe(3);
  });

  it('a repository without end -> the walk ends at its bound', async () => {
    let id = 0;
    const endless: CommandRunner = {
      run: async (command, request) => {
        if (command.code !== GET_SDR.code) return new Repository([LOCATOR]).run(command, request);
        id += 1;
        return command.decodeResponse(bytesOf(`${hexWord(id)} 01 00 51 12 0b`));
      },
    };
    expect((await readSensorDirectory(endless, acpiAndMeters, signal)).recordCount).toBe(MAX_SDR_RECORDS);
  });

  it('no repository (C1h) -> no sensors; busy (C0h) -> rejects, for it may be asked again', async () => {
    const none = new Repository([], { info: 0xc1 });
    expect(await readSensorDirectory(none, acpiAndMeters, signal)).toEqual({
      sensors: [],
      recordCount: 0,
      repository: null,
      problem: null,
      mayPass: false,
    });
    const busy = new Repository([], { info: 0xc0 });
    await expect(readSensorDirectory(busy, acpiAndMeters, signal)).rejects.toMatchObject({ completionCode: 0xc0 });
  });

  it('a record that is cut short -> the rest is read on, or the walk ends with the words', async () => {
    const cut = ACPI_STATE.slice(0, 3 * 20);
    const directory = await readSensorDirectory(new Repository([cut, POWER_METER]), acpiAndMeters, signal);
    expect(directory.recordCount).toBe(2);
    expect(namesOf(directory)).toEqual(['', 'Pwr Meter']);
  });
});

function hexWord(value: number): string {
  return (value & 0xff).toString(16).padStart(2, '0') + (value >> 8).toString(16).padStart(2, '0');
}
