// Hostile packets: random ones and mutated real ones, against every decoder, the handshake at every stage, an open session and the simulated BMC.
import { createHmac, randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TorporError } from '../../../src/platform/errors.ts';
import { CIPHER_SUITES, type CipherSuiteId } from '../../../src/power/ipmi/cipher-suite.ts';
import { ADD_SEL_ENTRY } from '../../../src/power/ipmi/commands/add-sel-entry.ts';
import { cipherSuiteIds } from '../../../src/power/ipmi/commands/get-channel-cipher-suites.ts';
import { GET_DCMI_CAPABILITIES } from '../../../src/power/ipmi/commands/get-dcmi-capabilities.ts';
import { GET_DCMI_POWER_READING } from '../../../src/power/ipmi/commands/get-dcmi-power-reading.ts';
import { GET_DEVICE_ID } from '../../../src/power/ipmi/commands/get-device-id.ts';
import { GET_SDR } from '../../../src/power/ipmi/commands/get-sdr.ts';
import { GET_SEL_ENTRY } from '../../../src/power/ipmi/commands/get-sel-entry.ts';
import { GET_SEL_INFO } from '../../../src/power/ipmi/commands/get-sel-info.ts';
import { GET_SENSOR_READING } from '../../../src/power/ipmi/commands/get-sensor-reading.ts';
import { GET_WATCHDOG_TIMER } from '../../../src/power/ipmi/commands/get-watchdog-timer.ts';
import { BmcCredentials } from '../../../src/power/ipmi/credentials.ts';
import { EstablishedSession } from '../../../src/power/ipmi/established-session.ts';
import { Handshake } from '../../../src/power/ipmi/handshake.ts';
import { decodeIpmiRequest, decodeIpmiResponse } from '../../../src/power/ipmi/ipmi-message.ts';
import {
  decodeOpenSessionRequest,
  decodeOpenSessionResponse,
  decodeRakp1,
  decodeRakp2,
  decodeRakp3,
  decodeRakp4,
} from '../../../src/power/ipmi/rakp.ts';
import { decodeAsf, decodeRmcp } from '../../../src/power/ipmi/rmcp.ts';
import { decodeSessionPacket } from '../../../src/power/ipmi/rmcp-plus.ts';
import { describeSelRecord } from '../../../src/power/ipmi/sel-words.ts';
import { decodeSensorRecord } from '../../../src/power/ipmi/sensor-record.ts';
import { SessionKeys } from '../../../src/power/ipmi/session-keys.ts';
import { PASSWORD, setUpBench, USER } from '../support/bmc-bench.ts';
import { bytesOf, hexOf } from '../support/hex.ts';

/** Set TORPOR_FUZZ_PACKETS for more, TORPOR_FUZZ_SEED to repeat a run. */
const PACKETS = Number(process.env.TORPOR_FUZZ_PACKETS ?? 100_000);
const SEED = Number(process.env.TORPOR_FUZZ_SEED ?? randomInt(2 ** 31));

/** Every decoder there is, on any bytes. */
const DECODERS: ReadonlyArray<readonly [string, (bytes: Uint8Array) => unknown]> = [
  ['RMCP', decodeRmcp],
  ['ASF', decodeAsf],
  ['session packet', decodeSessionPacket],
  ['IPMI request', decodeIpmiRequest],
  ['IPMI response', decodeIpmiResponse],
  ['Open Session Request', decodeOpenSessionRequest],
  ['Open Session Response', decodeOpenSessionResponse],
  ['RAKP message 1', decodeRakp1],
  ['RAKP message 2', (bytes) => decodeRakp2(bytes, CIPHER_SUITES[17])],
  ['RAKP message 3', (bytes) => decodeRakp3(bytes, CIPHER_SUITES[3])],
  ['RAKP message 4', (bytes) => decodeRakp4(bytes, CIPHER_SUITES[17])],
  ['sensor record', decodeSensorRecord],
  ['cipher suite list', cipherSuiteIds],
  ['Get Device ID', GET_DEVICE_ID.decodeResponse],
  ['Get SDR', GET_SDR.decodeResponse],
  ['Get Sensor Reading', GET_SENSOR_READING.decodeResponse],
  ['Get SEL Info', GET_SEL_INFO.decodeResponse],
  ['Get SEL Entry', GET_SEL_ENTRY.decodeResponse],
  ['Add SEL Entry request', ADD_SEL_ENTRY.decodeRequest],
  ['SEL record', describeSelRecord],
  ['Get Watchdog Timer', GET_WATCHDOG_TIMER.decodeResponse],
  ['DCMI capabilities', GET_DCMI_CAPABILITIES.decodeResponse],
  ['DCMI power reading', GET_DCMI_POWER_READING.decodeResponse],
];

/** Fails on anything thrown but a TorporError with the code for unreadable messages. */
function mustDecodeOrRefuse(name: string, decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): void {
  try {
    decode(bytes);
  } catch (thrown) {
    if (thrown instanceof TorporError && thrown.code === 'ERR_IPMI_PROTOCOL') return;
    throw new Error(`${name} threw ${String(thrown)} on ${hexOf(bytes)}`, { cause: thrown });
  }
}

/** Real packets of others' programs, all kinds. */
function capturedPackets(): Uint8Array[] {
  const names = [
    ...['ipmitool-ipmi-sim-sdr', 'ipmitool-suite-17-status', 'freeipmi-suite-17-status'],
    ...[
      'ipmitool-ipmi-sim-kg-sel',
      'pyghmi-ipmi-sim-kg-add',
      'freeipmi-suite-17-kg-dcmi',
      'pyghmi-suite-17-kg-watchdog',
    ],
  ];
  return names.flatMap((name) => {
    const text = readFileSync(new URL(`./vectors/${name}.json`, import.meta.url), 'utf8');
    return (JSON.parse(text) as { packets: { hex: string }[] }).packets.map(({ hex }) => bytesOf(hex));
  });
}

/** Small and fast, with a seed: mulberry32. Numbers in [0, bound). */
function dice(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000) * bound);
  };
}

const BOUNDARY_BYTES = [0x00, 0x01, 0x07, 0x0f, 0x10, 0x7f, 0x80, 0xff];

/** One to three changes: bits flipped, bytes set, cut, lengthened, pieces swapped. Never the same bytes as before. */
function mutate(packet: Uint8Array, roll: (bound: number) => number): Uint8Array {
  for (;;) {
    let bytes = Uint8Array.from(packet);
    for (let change = roll(3); change >= 0; change -= 1) {
      const at = roll(Math.max(1, bytes.length));
      const kind = roll(6);
      if (kind <= 1 && bytes.length > 0) bytes[at] = (bytes[at] as number) ^ (1 << roll(8));
      else if (kind === 2 && bytes.length > 0) bytes[at] = BOUNDARY_BYTES[roll(BOUNDARY_BYTES.length)] as number;
      else if (kind === 3) bytes = bytes.slice(0, at);
      else if (kind === 4)
        bytes = Uint8Array.from([...bytes, ...Array.from({ length: 1 + roll(20) }, () => roll(256))]);
      else bytes = Uint8Array.from([...bytes.subarray(at), ...bytes.subarray(0, at)]);
    }
    if (hexOf(bytes) !== hexOf(packet)) return bytes;
  }
}

describe('decoders on hostile bytes', { timeout: 20_000 + PACKETS }, () => {
  // Most inputs end in an error, and most of an error's cost is its stack.
  const { stackTraceLimit } = Error;
  beforeAll(() => {
    Error.stackTraceLimit = 0;
  });
  afterAll(() => {
    Error.stackTraceLimit = stackTraceLimit;
  });

  it('random bytes of any length -> decoded or ERR_IPMI_PROTOCOL, nothing else', () => {
    const anyBytes = fc.uint8Array({ maxLength: 120 });
    const parameters = { numRuns: 2000, seed: SEED };
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        for (const [name, decode] of DECODERS) mustDecodeOrRefuse(name, decode, bytes);
      }),
      parameters,
    );
    console.log(`decoders: ${parameters.numRuns} random inputs each, seed ${SEED}`);
  });

  it('mutated real packets -> the outer layers decode or refuse, so do handshake and BMC', () => {
    const roll = dice(SEED);
    const corpus = capturedPackets();
    const { bmc } = setUpBench();
    const credentials = new BmcCredentials(USER, PASSWORD);
    const handshake = new Handshake({ peer: 'p', credentials, suite: CIPHER_SUITES[3], privilege: 'operator' });
    handshake.start();
    const count = Math.floor(PACKETS * 0.3);
    const before = process.memoryUsage().arrayBuffers;
    for (let packet = 0; packet < count; packet += 1) {
      const bytes = mutate(corpus[roll(corpus.length)] as Uint8Array, roll);
      mustDecodeOrRefuse('packet', (all) => decodeSessionPacket(decodeRmcp(all).body), bytes);
      bmc.answerPacket(bytes);
      const step = handshake.receive(bytes);
      // Changed answers to another console's messages: never enough to open a session.
      if (step.kind === 'established') throw new Error(`established by ${hexOf(bytes)}`);
    }
    // What a hostile network can make a BMC keep is bounded: its session table.
    expect(bmc.sessionCount).toBe(0);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1024 ** 2);
    console.log(`mutated packets to decoders, handshake and BMC: ${count}, seed ${SEED}`);
  });

  it('mutated answers at each stage of the handshake -> established by the right proof alone, never a throw', () => {
    const roll = dice(SEED + 1);
    const count = Math.floor(PACKETS * 0.2);
    let mutated = 0;
    while (mutated < count) {
      const kg = roll(2) === 0 ? undefined : 'a BMC key';
      const { bmc } = setUpBench({ bmc: { kg } });
      const credentials = new BmcCredentials(USER, PASSWORD, kg);
      const suite = ([CIPHER_SUITES[3], CIPHER_SUITES[17], 'auto'] as const)[roll(3)] ?? 'auto';
      const handshake = new Handshake({ peer: 'p', credentials, suite, privilege: 'operator' });
      let step = handshake.start();
      for (let stage = roll(suite === 'auto' ? 5 : 4); stage > 0 && step.kind === 'send'; stage -= 1) {
        step = handshake.receive(bmc.answerPacket(step.packet) ?? new Uint8Array(0));
      }
      const answer = step.kind === 'send' ? bmc.answerPacket(step.packet) : null;
      if (answer === null) continue;
      for (let round = 0; round < 200; round += 1) {
        const bytes = mutate(answer, roll);
        mutated += 1;
        const reaction = handshake.receive(bytes);
        if (reaction.kind === 'established' && !hasSameProof(bytes, answer)) {
          throw new Error(`established by ${hexOf(bytes)} instead of ${hexOf(answer)}`);
        }
        if (reaction.kind !== 'ignored') break;
      }
    }
    console.log(`mutated answers to the handshake: ${mutated}, seed ${SEED + 1}`);
  });

  it.each([2, 3, 16, 17] as const)('suite %i: no packet with a wrong integrity code is accepted', (suite) => {
    const roll = dice(SEED + suite);
    const count = Math.floor(PACKETS * 0.125);
    const { receiver, packet } = sealedPacket(suite);
    for (let index = 0; index < count; index += 1) {
      const bytes = mutate(packet, roll);
      // The three bytes before the class are outside what the session authenticates.
      if (hexOf(bytes.subarray(3)) === hexOf(packet.subarray(3))) continue;
      try {
        const { messageClass, body } = decodeRmcp(bytes);
        if (messageClass !== 'ipmi') continue;
        const opened = receiver.open(decodeSessionPacket(body), body);
        if (opened.kind === 'message') throw new Error(`accepted: ${hexOf(bytes)}`);
      } catch (thrown) {
        if (!(thrown instanceof TorporError)) throw thrown;
      }
    }
    // The window did not move: the packet itself still opens.
    const { body } = decodeRmcp(packet);
    expect(receiver.open(decodeSessionPacket(body), body).kind).toBe('message');
    console.log(`suite ${suite}: ${count} mutated session packets, none accepted, seed ${SEED + suite}`);
  });

  it('packets with a right integrity code around rubbish -> dropped, never a throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.constantFrom(3, 17), (rubbish, id) => {
        const { receiver, sealRaw } = sealedPacket(id as CipherSuiteId);
        const { body } = decodeRmcp(sealRaw(rubbish));
        const opened = receiver.open(decodeSessionPacket(body), body);
        if (opened.kind === 'message') mustDecodeOrRefuse('IPMI request', decodeIpmiRequest, opened.message);
      }),
      { numRuns: 2000, seed: SEED },
    );
  });
});

/** True where a mutated RAKP message 4 still has the tag, status, session id and code of the right one: the rest proves nothing. */
function hasSameProof(bytes: Uint8Array, original: Uint8Array): boolean {
  const proof = (packet: Uint8Array) =>
    `${hexOf(packet.subarray(16, 18))} ${hexOf(packet.subarray(20, original.length))}`;
  return proof(bytes) === proof(original);
}

/** A session pair's receiver, one packet sealed for it, and a way to authenticate any bytes as if they were encrypted. */
function sealedPacket(id: CipherSuiteId) {
  const suite = CIPHER_SUITES[id];
  const sik = Uint8Array.from({ length: 20 }, (_, index) => index + 1);
  const keys = new SessionKeys(suite, sik);
  const receiver = new EstablishedSession({ keys, localSessionId: 7, remoteSessionId: 9 });
  const sender = new EstablishedSession({ keys, localSessionId: 9, remoteSessionId: 7 });
  const packet = sender.seal(bytesOf('20 18 c8 81 04 38 8e 04 b1'));
  const integrityKey = createHmac(suite.hash, sik).update(Buffer.alloc(20, 1)).digest();
  const sealRaw = (raw: Uint8Array): Uint8Array => {
    const padBytes = (4 - ((12 + raw.length + 2) % 4)) % 4;
    const head = Buffer.from([6, 0xc0, 7, 0, 0, 0, 1, 0, 0, 0, raw.length, 0]);
    const tail = Buffer.from([...new Array<number>(padBytes).fill(0xff), padBytes, 7]);
    const covered = Buffer.concat([head, raw, tail]);
    const code = createHmac(suite.hash, integrityKey).update(covered).digest().subarray(0, suite.integrityCodeBytes);
    return Buffer.concat([Buffer.from([6, 0, 0xff, 7]), covered, code]);
  };
  return { receiver, packet, sealRaw };
}
