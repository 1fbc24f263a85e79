// What is written into a BMC's log, how much of it, and when it stops: against the simulated BMC over a network in memory.
import { describe, expect, it } from 'vitest';
import type { Logger } from '../../../src/platform/ports.ts';
import { readSel } from '../../../src/power/ipmi/sel-reader.ts';
import { decodeSelRecord } from '../../../src/power/ipmi/sel-record.ts';
import { isTooFull, MAX_WAITING_RECORDS, SelRecorder } from '../../../src/power/ipmi/sel-recorder.ts';
import { decodeTorporRecord } from '../../../src/power/ipmi/torpor-record.ts';
import { type BenchOptions, settleBy, setUpBench } from '../support/bmc-bench.ts';

const never = new AbortController().signal;
const SILENT: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

function recorderBench(
  options: BenchOptions['bmc'] = {},
  extra: { transitions?: boolean; clients?: boolean; perHour?: number } = {},
) {
  const bench = setUpBench({ bmc: options });
  const session = bench.session();
  const reports: string[] = [];
  const recorder = new SelRecorder({
    session,
    bmc: session.peer,
    ...{ transitions: true, clients: false, perHour: 60, ...extra },
    clock: bench.clock,
    log: SILENT,
    report: (message) => reports.push(message),
  });
  const go = (from: string, to: string, pool = 0) => {
    recorder.note({ kind: 'transition', facts: { from, to, pool } });
  };
  const written = () => bench.bmc.sel.records.map((record) => decodeTorporRecord(record));
  return { ...bench, session, recorder, reports, go, written };
}

describe('SEL recorder', () => {
  it('transitions -> one record each, in order, stamped by the BMC; clients are not asked for', async () => {
    const { clock, bmc, recorder, go, written, reports } = recorderBench();
    go('awake', 'drowsy', 2);
    recorder.note({ kind: 'stream-active', facts: { client: '10.0.0.9:5000', pool: 1 } });
    recorder.note({ kind: 'note', facts: {} });
    await clock.advance(100);
    go('drowsy', 'saving');
    await clock.advance(100);
    expect(written()).toEqual([
      { kind: 'transition', from: 'awake', to: 'drowsy', pool: 2, leftOut: 0 },
      { kind: 'transition', from: 'drowsy', to: 'saving', pool: 0, leftOut: 0 },
    ]);
    const time = decodeSelRecord(bmc.sel.records[0] as Uint8Array).time;
    expect(time).toEqual({ kind: 'calendar', seconds: Math.floor(clock.nowMs() / 1000) });
    expect(reports).toEqual([]);
  });

  it('clients asked for -> entries and exits, by address', async () => {
    const { clock, recorder, written } = recorderBench({}, { clients: true, transitions: false });
    recorder.note({ kind: 'stream-active', facts: { client: '10.0.0.9:5000' } });
    recorder.note({ kind: 'stream-idle', facts: { client: '[2001:db8::7]:5000' } });
    recorder.note({ kind: 'transition', facts: { from: 'awake', to: 'drowsy' } });
    await clock.advance(100);
    expect(written()).toEqual([
      { kind: 'client-entered', client: '10.0.0.9' },
      { kind: 'client-left', client: 'ipv6 #38efc6a1' },
    ]);
  });

  it('more than perHour -> left out, told once, counted in the next transition an hour later', async () => {
    const { clock, go, written, reports } = recorderBench({}, { perHour: 3 });
    for (let round = 0; round < 8; round += 1) {
      go('awake', 'drowsy');
      await clock.advance(50);
    }
    expect(written()).toHaveLength(3);
    expect(reports).toEqual([expect.stringMatching(/3 records in an hour are written already/)]);
    await clock.advance(3_600_000);
    go('drowsy', 'awake', 1);
    await clock.advance(5000);
    expect(written().at(-1)).toEqual({ kind: 'transition', from: 'drowsy', to: 'awake', pool: 1, leftOut: 5 });
    expect(reports).toEqual([expect.anything(), expect.stringMatching(/records are written again/)]);
  });

  it('less than a quarter free -> stops, told once, a quarter is never touched, nothing is erased', async () => {
    const { clock, bmc, go, reports } = recorderBench({ selRecords: 40 }, { perHour: 1000 });
    for (let round = 0; round < 60; round += 1) {
      go('awake', 'drowsy');
      await clock.advance(20);
    }
    // At 30 of 40 a quarter is free still, and one more is written; at 31 it is less.
    expect(bmc.sel.records).toHaveLength(31);
    expect(reports).toEqual([expect.stringMatching(/less than a quarter of it is free/)]);
    expect(bmc.executed('Add SEL Entry')).toBe(31);
  });

  it('a burst -> one at a time, the rest waits within its bound, the overflow is counted', async () => {
    const { clock, network, go, written } = recorderBench({}, { perHour: 1000 });
    network.toBmc = () => [50];
    // Not twice the same bytes: a BMC takes the same request under the same rqSeq within seconds for a repeat.
    for (let round = 0; round < MAX_WAITING_RECORDS + 21; round += 1) go('awake', 'drowsy', round);
    await clock.advance(30_000);
    expect(written()).toHaveLength(MAX_WAITING_RECORDS + 1);
    go('drowsy', 'awake');
    await clock.advance(1000);
    expect(written().at(-1)).toMatchObject({ leftOut: 20 });
  });

  it('the BMC is away, then back -> told once each, what was left out is counted; nothing throws', async () => {
    const { clock, bmc, go, written, reports } = recorderBench();
    bmc.faults.silent = true;
    go('awake', 'drowsy');
    await clock.advance(30_000);
    go('drowsy', 'awake');
    await clock.advance(30_000);
    bmc.faults.silent = false;
    go('awake', 'drowsy');
    await clock.advance(5000);
    expect(written()).toEqual([{ kind: 'transition', from: 'awake', to: 'drowsy', pool: 0, leftOut: 2 }]);
    expect(reports).toEqual([
      expect.stringMatching(/records cannot be written, and are left out meanwhile: no answer from BMC/),
      expect.stringMatching(/records are written again/),
    ]);
  });

  it('no operator privilege -> told once, left out', async () => {
    const { clock, bmc, go, reports } = recorderBench();
    bmc.faults.refuse.set('Add SEL Entry', 0xd4);
    go('awake', 'drowsy');
    go('drowsy', 'awake');
    await clock.advance(1000);
    expect(reports).toEqual([expect.stringMatching(/insufficient privilege/)]);
  });

  it('stop while one is on its way -> nothing is written any more, nothing reported', async () => {
    const { clock, bmc, recorder, go, reports } = recorderBench();
    bmc.faults.silent = true;
    for (let round = 0; round < 5; round += 1) go('awake', 'drowsy');
    await clock.advance(50);
    recorder.stop();
    bmc.faults.silent = false;
    go('awake', 'drowsy');
    await clock.advance(60_000);
    expect([bmc.sel.records.length, reports.length]).toEqual([0, 0]);
  });
});

describe('room in the log', () => {
  const sel = { lastAdditionSeconds: 0, lastEraseSeconds: 0, reservable: true, overflowed: false };
  it.each([
    [{ entryCount: 0, freeBytes: 8192 }, false],
    [{ entryCount: 384, freeBytes: 2048 }, false],
    [{ entryCount: 385, freeBytes: 2032 }, true],
    [{ entryCount: 512, freeBytes: 0 }, true],
    [{ entryCount: 10, freeBytes: 4096, overflowed: true }, true],
    // 65,535 or more.
    [{ entryCount: 60_000, freeBytes: 0xffff }, false],
  ])('%o -> too full: %s', (info, tooFull) => {
    expect(isTooFull({ ...sel, ...info })).toBe(tooFull);
  });
});

describe('reading the log', () => {
  async function filled(records: number, bmcOptions: BenchOptions['bmc'] = {}) {
    const bench = setUpBench({ bmc: bmcOptions });
    for (let index = 0; index < records; index += 1)
      bench.bmc.sel.add(Uint8Array.from([0, 0, 0xe0, index, ...new Array(12).fill(7)]));
    const session = bench.session();
    return { ...bench, session };
  }

  it('empty, one, many -> all of them, in order', async () => {
    for (const count of [0, 1, 300]) {
      const { clock, session } = await filled(count);
      const { records, problem } = await settleBy(clock, 10_000, readSel(session, never));
      expect(problem).toBeNull();
      expect(records.map((record) => record[3])).toEqual(Array.from({ length: count }, (_, index) => index & 0xff));
    }
  });

  it('a BMC that returns parts alone, and a record added meanwhile -> reserved anew, all of them', async () => {
    const { clock, bmc, network, session } = await filled(5);
    let whole = 0;
    network.toBmc = () => {
      whole += 1;
      if (whole === 14) bmc.sel.add(Uint8Array.from([0, 0, 0xe0, 5, ...new Array(12).fill(7)]));
      return [1];
    };
    bmc.faults.refuseTimes.set('Get SEL Entry', { completionCode: 0xca, times: 1 });
    const { records, problem } = await settleBy(clock, 10_000, readSel(session, never));
    expect([problem, records.length]).toEqual([null, 6]);
    expect(bmc.executed('Reserve SEL')).toBeGreaterThanOrEqual(2);
  });

  it('the log is erased meanwhile -> what was read, and why it ended', async () => {
    const { clock, bmc, network, session } = await filled(5);
    let seen = 0;
    network.toBmc = () => {
      seen += 1;
      if (seen > 8) bmc.faults.refuse.set('Get SEL Entry', 0x81);
      return [1];
    };
    const { records, problem } = await settleBy(clock, 10_000, readSel(session, never));
    expect(records.length).toBeLessThan(5);
    expect(problem).toMatch(/Get SEL Entry .* the log is being erased \(81h\)/);
  });

  it('the BMC has no log -> rejects', async () => {
    const { clock, bmc, session } = await filled(0);
    bmc.faults.refuse.set('Get SEL Info', 0xc1);
    const failing = readSel(session, never).catch((thrown: unknown) => thrown);
    expect(await settleBy(clock, 1000, failing)).toMatchObject({ code: 'ERR_IPMI_COMPLETION' });
  });
});
