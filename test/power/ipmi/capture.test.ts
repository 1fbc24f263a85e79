// What others' programs said to each other, recorded with vectors/record-session.py: decoded, verified, decrypted, and sealed again.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CIPHER_SUITES, suiteWith } from '../../../src/power/ipmi/cipher-suite.ts';
import { ADD_SEL_ENTRY } from '../../../src/power/ipmi/commands/add-sel-entry.ts';
import { CHASSIS_CONTROL } from '../../../src/power/ipmi/commands/chassis-control.ts';
import { GET_DCMI_POWER_READING } from '../../../src/power/ipmi/commands/get-dcmi-power-reading.ts';
import { GET_SEL_ENTRY } from '../../../src/power/ipmi/commands/get-sel-entry.ts';
import { GET_WATCHDOG_TIMER } from '../../../src/power/ipmi/commands/get-watchdog-timer.ts';
import { BmcCredentials } from '../../../src/power/ipmi/credentials.ts';
import { EstablishedSession } from '../../../src/power/ipmi/established-session.ts';
import {
  decodeIpmiRequest,
  decodeIpmiResponse,
  encodeIpmiRequest,
  encodeIpmiResponse,
  type IpmiRequest,
  type IpmiResponse,
} from '../../../src/power/ipmi/ipmi-message.ts';
import {
  decodeOpenSessionResponse,
  decodeRakp1,
  decodeRakp2,
  decodeRakp3,
  decodeRakp4,
  encodeOpenSessionResponse,
  encodeRakp1,
  encodeRakp2,
  encodeRakpConfirm,
  type RakpFacts,
  rakp2Code,
  rakp3Code,
  rakp4Data,
  sessionIntegrityKey,
} from '../../../src/power/ipmi/rakp.ts';
import { decodeRmcp } from '../../../src/power/ipmi/rmcp.ts';
import { decodeSessionPacket, PAYLOAD, type RmcpPlusPacket } from '../../../src/power/ipmi/rmcp-plus.ts';
import { describeSelRecord } from '../../../src/power/ipmi/sel-words.ts';
import { decodeSensorRecord } from '../../../src/power/ipmi/sensor-record.ts';
import { SessionKeys } from '../../../src/power/ipmi/session-keys.ts';
import { encodeTorporRecord } from '../../../src/power/ipmi/torpor-record.ts';
import { bytesOf, hexOf } from '../support/hex.ts';

interface Capture {
  readonly note: string;
  readonly command: string;
  readonly user: string;
  readonly password: string;
  /** The BMC's own key; missing in captures of BMCs without one. */
  readonly kg?: string | null;
  readonly printed: string;
  readonly packets: ReadonlyArray<{ readonly from: 'console' | 'bmc'; readonly hex: string }>;
}

function readCapture(name: string): Capture {
  return JSON.parse(readFileSync(new URL(`./vectors/${name}.json`, import.meta.url), 'utf8')) as Capture;
}

interface Heard {
  readonly from: 'console' | 'bmc';
  readonly bytes: Uint8Array;
  readonly body: Uint8Array;
  readonly packet: RmcpPlusPacket;
}

/** The v2.0 packets of a capture, in order. */
function v2Packets(capture: Capture): Heard[] {
  return capture.packets.flatMap(({ from, hex }) => {
    const bytes = bytesOf(hex);
    const { body } = decodeRmcp(bytes);
    const packet = decodeSessionPacket(body);
    return packet.format === 'v2.0' ? [{ from, bytes, body, packet }] : [];
  });
}

function payloadOf(heard: readonly Heard[], payloadType: number): Uint8Array {
  // The last: what came before was refused, as a suite that the BMC does not speak is.
  const found = heard.findLast(({ packet }) => packet.payloadType === payloadType);
  if (found === undefined) throw new Error(`the capture has no payload of type ${payloadType}`);
  return found.packet.payload;
}

/** Reads the activation as a third party that knows the password; every code in it is checked on the way. */
function readActivation(capture: Capture): { readonly facts: RakpFacts; readonly keys: SessionKeys } {
  const heard = v2Packets(capture);
  const open = decodeOpenSessionResponse(payloadOf(heard, PAYLOAD.openSessionResponse));
  const suite = open.accepted === null ? null : suiteWith(open.accepted.algorithms);
  if (open.accepted === null || suite === null) throw new Error('the session was not opened');
  expect(encodeOpenSessionResponse(open)).toEqual(payloadOf(heard, PAYLOAD.openSessionResponse));
  const rakp1 = decodeRakp1(payloadOf(heard, PAYLOAD.rakp1));
  expect(encodeRakp1(rakp1)).toEqual(payloadOf(heard, PAYLOAD.rakp1));
  const rakp2 = decodeRakp2(payloadOf(heard, PAYLOAD.rakp2), suite);
  expect(encodeRakp2(rakp2)).toEqual(payloadOf(heard, PAYLOAD.rakp2));
  const rakp3 = decodeRakp3(payloadOf(heard, PAYLOAD.rakp3), suite);
  expect(encodeRakpConfirm(rakp3)).toEqual(payloadOf(heard, PAYLOAD.rakp3));
  const rakp4 = decodeRakp4(payloadOf(heard, PAYLOAD.rakp4), suite);
  if (rakp2.accepted === null || rakp3.code === null || rakp4.code === null) throw new Error('RAKP was refused');
  const facts: RakpFacts = {
    consoleSessionId: open.consoleSessionId,
    managedSessionId: open.accepted.managedSessionId,
    consoleRandom: rakp1.consoleRandom,
    managedRandom: rakp2.accepted.managedRandom,
    guid: rakp2.accepted.guid,
    role: rakp1.role,
    userName: rakp1.userName,
  };
  const credentials = new BmcCredentials(capture.user, capture.password, capture.kg ?? null);
  expect(hexOf(rakp2.accepted.code)).toBe(hexOf(rakp2Code(suite, credentials, facts)));
  expect(hexOf(rakp3.code)).toBe(hexOf(rakp3Code(suite, credentials, facts)));
  const keys = new SessionKeys(suite, sessionIntegrityKey(suite, credentials, facts));
  expect(hexOf(rakp4.code)).toBe(hexOf(keys.confirmationCode(rakp4Data(facts))));
  return { facts, keys };
}

interface Conversation {
  readonly requests: IpmiRequest[];
  readonly responses: IpmiResponse[];
  readonly protectedPackets: number;
}

/** Opens every protected packet as its receiver would, and checks that message and packet encode to the same bytes again. */
function readConversation(capture: Capture): Conversation {
  const { facts, keys } = readActivation(capture);
  const console = { localSessionId: facts.consoleSessionId, remoteSessionId: facts.managedSessionId };
  const bmc = { localSessionId: facts.managedSessionId, remoteSessionId: facts.consoleSessionId };
  const receivers = {
    console: new EstablishedSession({ keys, ...bmc }),
    bmc: new EstablishedSession({ keys, ...console }),
  };
  const requests: IpmiRequest[] = [];
  const responses: IpmiResponse[] = [];
  let protectedPackets = 0;
  for (const { from, body, packet } of v2Packets(capture)) {
    if (packet.sessionId === 0) continue;
    protectedPackets += 1;
    const opened = receivers[from].open(packet, body);
    if (opened.kind === 'dropped') throw new Error(`packet ${protectedPackets} was dropped: ${opened.why}`);
    if (from === 'console') {
      const request = decodeIpmiRequest(opened.message);
      expect(hexOf(encodeIpmiRequest(request))).toBe(hexOf(opened.message));
      requests.push(request);
    } else {
      const response = decodeIpmiResponse(opened.message);
      expect(hexOf(encodeIpmiResponse(response))).toBe(hexOf(opened.message));
      responses.push(response);
    }
  }
  return { requests, responses, protectedPackets };
}

const ALL = [
  'ipmitool-ipmi-sim-status',
  'ipmitool-ipmi-sim-sdr',
  'ipmitool-ipmi-sim-soft',
  'ipmitool-suite-17-status',
  'freeipmi-suite-17-status',
  'ipmitool-ipmi-sim-kg-sel',
  'pyghmi-ipmi-sim-kg-add',
  'freeipmi-suite-17-kg-dcmi',
  'pyghmi-suite-17-kg-watchdog',
];

describe.each(ALL)('capture %s', (name) => {
  const capture = readCapture(name);

  it('activation -> every RAKP code verifies with our arithmetic, every payload encodes to the same bytes', () => {
    const { keys } = readActivation(capture);
    expect(keys.suite).toBe(CIPHER_SUITES[name.includes('suite-17') ? 17 : 3]);
  });

  it('session -> every packet verifies, decrypts and has its answer', () => {
    const { requests, responses, protectedPackets } = readConversation(capture);
    expect(protectedPackets).toBeGreaterThanOrEqual(6);
    expect(responses.map(({ rqSeq, command }) => [rqSeq, command])).toEqual(
      requests.map(({ rqSeq, command }) => [rqSeq, command]),
    );
  });

  it('first packet of the console, sealed by us with its IV and ids -> the same bytes', () => {
    const { facts, keys } = readActivation(capture);
    const first = v2Packets(capture).find(({ from, packet }) => from === 'console' && packet.sessionId !== 0);
    if (first === undefined) throw new Error('no protected packet');
    const receiver = new EstablishedSession({
      keys,
      localSessionId: facts.managedSessionId,
      remoteSessionId: facts.consoleSessionId,
    });
    const opened = receiver.open(first.packet, first.body);
    if (opened.kind === 'dropped') throw new Error(opened.why);
    const sender = new EstablishedSession({
      keys,
      localSessionId: facts.consoleSessionId,
      remoteSessionId: facts.managedSessionId,
      random: () => first.packet.payload.subarray(0, 16),
    });
    let sealed = sender.seal(opened.message);
    // ipmitool starts with a later number than 1.
    for (let sequence = 1; sequence < first.packet.sequence; sequence += 1) sealed = sender.seal(opened.message);
    expect(hexOf(sealed)).toBe(hexOf(first.bytes));
  });

  it('another password -> no code verifies, no packet opens', () => {
    const { facts } = readActivation(capture);
    const heard = v2Packets(capture);
    const { accepted } = decodeOpenSessionResponse(payloadOf(heard, PAYLOAD.openSessionResponse));
    const suite = suiteWith(accepted?.algorithms ?? { authentication: 0, integrity: 0, confidentiality: 0 });
    if (suite === null) throw new Error('no suite');
    const wrong = new BmcCredentials(capture.user, `${capture.password}x`);
    const keys = new SessionKeys(suite, sessionIntegrityKey(suite, wrong, facts));
    const session = new EstablishedSession({
      keys,
      localSessionId: facts.managedSessionId,
      remoteSessionId: facts.consoleSessionId,
    });
    const protectedPackets = heard.filter(({ from, packet }) => from === 'console' && packet.sessionId !== 0);
    for (const { packet, body } of protectedPackets) {
      expect(session.open(packet, body)).toEqual({ kind: 'dropped', why: 'wrong integrity code' });
    }
  });
});

describe('capture contents', () => {
  it('ipmitool chassis power soft -> Chassis Control "soft", answered 00h', () => {
    const { requests, responses } = readConversation(readCapture('ipmitool-ipmi-sim-soft'));
    const place = requests.findIndex(({ netFn, command }) => netFn === 0x00 && command === 0x02);
    const control = requests[place];
    expect(control && CHASSIS_CONTROL.decodeRequest(control.body)).toBe('soft');
    expect(responses[place]?.completionCode).toBe(0);
  });

  it('ipmitool sdr elist -> the two sensor records, as ipmi_sim was configured with them', () => {
    const capture = readCapture('ipmitool-ipmi-sim-sdr');
    const { requests, responses } = readConversation(capture);
    const records = new Map<number, Uint8Array>();
    for (const [index, request] of requests.entries()) {
      const response = responses[index];
      if (request.netFn !== 0x0a || request.command !== 0x23 || response?.completionCode !== 0) continue;
      const [, , low = 0, high = 0, offset = 0] = request.body;
      // The first record is asked for as 0000h; its header says which id it has.
      const [, , ownLow = 0, ownHigh = 0] = response.body;
      const recordId = low + high === 0 ? ownLow | (ownHigh << 8) : low | (high << 8);
      const record = records.get(recordId) ?? new Uint8Array(64);
      record.set(response.body.subarray(2), offset);
      records.set(recordId, record);
    }
    const sensors = [...records.values()].map((record) => decodeSensorRecord(record));
    const found = sensors.map((sensor) => [sensor?.name, sensor?.sensorNumber, sensor?.sensorType]);
    expect(found).toEqual([
      ['ACPI State', 1, 0x22],
      ['Pwr Meter', 2, 0x0b],
    ]);
    expect(capture.printed).toContain('184 Watts');
  });

  /** The answer to the first request of that number. */
  function answerTo(name: string, netFn: number, command: number): Uint8Array {
    const { requests, responses } = readConversation(readCapture(name));
    const place = requests.findIndex((request) => request.netFn === netFn && request.command === command);
    expect(responses[place]?.completionCode).toBe(0);
    return (responses[place] as IpmiResponse).body;
  }

  it('ipmitool sel list on ipmi_sim -> Torpor’s record, stamped since the BMC’s start', () => {
    const { nextRecordId, data } = GET_SEL_ENTRY.decodeResponse(answerTo('ipmitool-ipmi-sim-kg-sel', 0x0a, 0x43));
    const entry = describeSelRecord(data);
    expect([nextRecordId, entry.recordId, entry.time.kind]).toEqual([0xffff, 1, 'since-start']);
    expect(entry.words).toBe('Torpor: suspending -> asleep, nobody active');
  });

  it('pyghmi adds a record on ipmi_sim -> the request is ours, byte by byte; its id comes back', () => {
    const { requests } = readConversation(readCapture('pyghmi-ipmi-sim-kg-add'));
    const added = requests.find(({ netFn, command }) => netFn === 0x0a && command === 0x44);
    const record = encodeTorporRecord({ kind: 'client-entered', client: '10.0.9.4' });
    expect(hexOf(added?.body ?? new Uint8Array(0))).toBe(hexOf(ADD_SEL_ENTRY.encodeRequest(record)));
    expect(ADD_SEL_ENTRY.decodeResponse(answerTo('pyghmi-ipmi-sim-kg-add', 0x0a, 0x44))).toBe(2);
  });

  it('FreeIPMI reads power by DCMI, pyghmi the watchdog -> requests as ours encode them', () => {
    const bodyOf = (name: string, netFn: number, command: number) => {
      const { requests } = readConversation(readCapture(name));
      return hexOf(requests.find((each) => each.netFn === netFn && each.command === command)?.body as Uint8Array);
    };
    expect(bodyOf('freeipmi-suite-17-kg-dcmi', 0x2c, 0x02)).toBe(hexOf(GET_DCMI_POWER_READING.encodeRequest()));
    expect(bodyOf('pyghmi-suite-17-kg-watchdog', 0x06, 0x25)).toBe(hexOf(GET_WATCHDOG_TIMER.encodeRequest()));
  });

  it.each(['ipmitool-ipmi-sim-kg-sel', 'pyghmi-suite-17-kg-watchdog'])(
    '%s with another BMC key, or none -> no packet opens',
    (name) => {
      const capture = readCapture(name);
      const { facts, keys } = readActivation(capture);
      for (const kg of [null, 'another key']) {
        const credentials = new BmcCredentials(capture.user, capture.password, kg);
        const wrong = new SessionKeys(keys.suite, sessionIntegrityKey(keys.suite, credentials, facts));
        const ids = { localSessionId: facts.managedSessionId, remoteSessionId: facts.consoleSessionId };
        const session = new EstablishedSession({ keys: wrong, ...ids });
        for (const { from, packet, body } of v2Packets(capture)) {
          if (from === 'bmc' || packet.sessionId === 0) continue;
          expect(session.open(packet, body)).toEqual({ kind: 'dropped', why: 'wrong integrity code' });
        }
      }
    },
  );
});
