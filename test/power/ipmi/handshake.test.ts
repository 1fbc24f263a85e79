// The handshake fed packet by packet: right answers, wrong ones, answers out of turn. No network, no clock.
import { describe, expect, it } from 'vitest';
import { CIPHER_SUITES } from '../../../src/power/ipmi/cipher-suite.ts';
import { BmcCredentials } from '../../../src/power/ipmi/credentials.ts';
import { Handshake, type HandshakeStep } from '../../../src/power/ipmi/handshake.ts';
import { encodeOpenSessionResponse, encodeRakp2, encodeRakpConfirm } from '../../../src/power/ipmi/rakp.ts';
import { encodeRmcp } from '../../../src/power/ipmi/rmcp.ts';
import { encodeSetupPacket, PAYLOAD } from '../../../src/power/ipmi/rmcp-plus.ts';
import { RMCP_STATUS } from '../../../src/power/ipmi/rmcp-status.ts';
import { PASSWORD, setUpBench, USER } from '../support/bmc-bench.ts';
import { bytesOf } from '../support/hex.ts';

const PEER = 'bmc.test:623';

function newHandshake(password = PASSWORD, suite: 3 | 17 = 17): Handshake {
  const credentials = new BmcCredentials(USER, password);
  return new Handshake({ peer: PEER, credentials, suite: CIPHER_SUITES[suite], privilege: 'operator' });
}

/** The packet of a step that sends one. */
function sentBy(step: HandshakeStep): Uint8Array {
  if (step.kind !== 'send') throw new Error(`expected a packet to send, got ${step.kind}`);
  return step.packet;
}

/** Plays a handshake against a simulated BMC up to the step that sends `stage`. */
function playTo(stage: string, handshake = newHandshake()) {
  const { bmc } = setUpBench();
  let step = handshake.start();
  while (step.kind === 'send' && step.stage !== stage) {
    step = handshake.receive(bmc.answerPacket(step.packet) ?? new Uint8Array(0));
  }
  if (step.kind !== 'send') throw new Error(`the handshake ended before ${stage}`);
  return { handshake, bmc, packet: step.packet };
}

function setupPacket(payloadType: number, payload: Uint8Array): Uint8Array {
  return encodeRmcp('ipmi', encodeSetupPacket(payloadType, payload));
}

/** Message tag and, in the Open Session Request, the console's session id, as they stand in a setup packet. */
function tagOf(packet: Uint8Array): number {
  return packet[16] as number;
}

function failureOf(step: HandshakeStep): { code: string; message: string } {
  if (step.kind !== 'failed') throw new Error(`expected a failure, got ${step.kind}`);
  return step.error;
}

describe('handshake', () => {
  it.each([3, 17] as const)(
    'suite %i, right answers -> established, each packet as the stage before asked for',
    (suite) => {
      const { bmc } = setUpBench();
      const handshake = newHandshake(PASSWORD, suite);
      const stages: string[] = [];
      let step = handshake.start();
      while (step.kind === 'send') {
        stages.push(step.stage);
        step = handshake.receive(bmc.answerPacket(step.packet) ?? new Uint8Array(0));
      }
      expect(step.kind).toBe('established');
      expect(stages).toEqual([
        'Get Channel Authentication Capabilities',
        'Open Session Request',
        'RAKP message 1',
        'RAKP message 3',
      ]);
    },
  );

  it('the first packet -> Get Channel Authentication Capabilities with v2.0 data, as the specification lays it out', () => {
    const packet = sentBy(newHandshake().start());
    // RMCP, no authentication, sequence 0, session 0, 9 bytes; 20 18 C8 81 rqSeq 38 8E 03 and checksum.
    expect(packet.subarray(0, 17)).toEqual(bytesOf('06 00 ff 07 00 00 00 00 00 00 00 00 00 09 20 18 c8'));
    expect([packet[17], packet[19], packet[20], packet[21]]).toEqual([0x81, 0x38, 0x8e, 0x03]);
  });

  it('the Open Session Request -> suite 17 is RAKP-HMAC-SHA256, HMAC-SHA256-128, AES-CBC-128', () => {
    const { packet } = playTo('Open Session Request');
    expect(packet.subarray(4, 6)).toEqual(bytesOf('06 10'));
    expect(packet.subarray(24)).toEqual(
      bytesOf('00 00 00 08 03 00 00 00  01 00 00 08 04 00 00 00  02 00 00 08 01 00 00 00'),
    );
  });

  it('any packet twice -> the second is ignored', () => {
    const { bmc } = setUpBench();
    const handshake = newHandshake();
    let step = handshake.start();
    while (step.kind === 'send') {
      const answer = bmc.answerPacket(step.packet) ?? new Uint8Array(0);
      step = handshake.receive(answer);
      expect(handshake.receive(answer).kind).toBe('ignored');
    }
    expect(step.kind).toBe('established');
  });

  it('answers of a later stage, and of another handshake -> ignored', () => {
    const { handshake, packet } = playTo('Open Session Request');
    const rakp4 = setupPacket(
      PAYLOAD.rakp4,
      encodeRakpConfirm({ tag: tagOf(packet), status: 0, sessionId: 1, code: new Uint8Array(16) }),
    );
    expect(handshake.receive(rakp4).kind).toBe('ignored');
    const other = playTo('Open Session Request');
    const othersAnswer = other.bmc.answerPacket(other.packet) ?? new Uint8Array(0);
    expect(handshake.receive(othersAnswer).kind).toBe('ignored');
  });

  it('another message tag -> ignored', () => {
    const { handshake, bmc, packet } = playTo('RAKP message 1');
    const answer = Uint8Array.from(bmc.answerPacket(packet) ?? []);
    answer[16] = (tagOf(packet) + 1) & 0xff;
    expect(handshake.receive(answer)).toEqual({ kind: 'ignored', why: 'another message tag' });
  });

  it('wrong password -> failed with a parting RAKP message 3 that carries status 0Fh', () => {
    const { handshake, bmc, packet } = playTo('RAKP message 1', newHandshake('wrong'));
    const step = handshake.receive(bmc.answerPacket(packet) ?? new Uint8Array(0));
    expect(failureOf(step).code).toBe('ERR_IPMI_AUTHENTICATION');
    const parting = (step.kind === 'failed' && step.parting) || new Uint8Array(0);
    expect([parting[5], parting[17]]).toEqual([PAYLOAD.rakp3, RMCP_STATUS.invalidIntegrityCheck]);
  });

  it('any byte of the RAKP 2 code, random number or GUID changed -> never established', () => {
    for (let offset = 24; offset < 24 + 16 + 16 + 32; offset += 1) {
      const { handshake, bmc, packet } = playTo('RAKP message 1');
      const answer = Uint8Array.from(bmc.answerPacket(packet) ?? []);
      answer[offset] = (answer[offset] as number) ^ 0x80;
      expect(failureOf(handshake.receive(answer)).code, `offset ${offset}`).toBe('ERR_IPMI_AUTHENTICATION');
    }
  });

  it('any byte of the RAKP 4 code changed -> never established; the words name K_G', () => {
    for (let offset = 24; offset < 24 + 16; offset += 1) {
      const { handshake, bmc, packet } = playTo('RAKP message 3');
      const answer = Uint8Array.from(bmc.answerPacket(packet) ?? []);
      answer[offset] = (answer[offset] as number) ^ 0x80;
      const failure = failureOf(handshake.receive(answer));
      expect(failure.code).toBe('ERR_IPMI_AUTHENTICATION');
      expect(failure.message).toMatch(/K_G/);
    }
  });

  it('other algorithms than asked for, none among them -> ERR_IPMI_CIPHER_SUITE: suite 0 is never taken', () => {
    for (const algorithms of [
      { authentication: 0, integrity: 0, confidentiality: 0 },
      { authentication: 1, integrity: 1, confidentiality: 1 },
      { authentication: 3, integrity: 4, confidentiality: 0 },
    ]) {
      const { handshake, packet } = playTo('Open Session Request');
      const consoleSessionId = Buffer.from(packet).readUInt32LE(20);
      const accepted = { managedSessionId: 5, algorithms };
      const response = { tag: tagOf(packet), status: 0, privilege: 3, consoleSessionId, accepted };
      const step = handshake.receive(setupPacket(PAYLOAD.openSessionResponse, encodeOpenSessionResponse(response)));
      expect(failureOf(step).code).toBe('ERR_IPMI_CIPHER_SUITE');
    }
  });

  it('a BMC without RMCP+ -> ERR_IPMI_PROTOCOL that says so', () => {
    const handshake = newHandshake();
    const packet = sentBy(handshake.start());
    // 81 1C 63 20 rqSeq 38, completion code 00h, channel 1, v1.5 types only, checksum.
    const message = [0x81, 0x1c, 0x63, 0x20, packet[18] as number, 0x38, 0x00, 0x01, 0x15, 0x04, 0, 0, 0, 0, 0];
    const sum = message.slice(3).reduce((total, byte) => total + byte, 0);
    const answer = [...bytesOf('06 00 ff 07 00 00 00 00 00 00 00 00 00 10'), ...message, -sum & 0xff];
    const failure = failureOf(handshake.receive(Uint8Array.from(answer)));
    expect(failure.code).toBe('ERR_IPMI_PROTOCOL');
    expect(failure.message).toMatch(/offers no RMCP\+/);
  });

  it.each([
    ['noResources', 'ERR_IPMI_SESSION', true],
    ['invalidSessionId', 'ERR_IPMI_SESSION', true],
    ['invalidRole', 'ERR_IPMI_PRIVILEGE', false],
    ['unauthorizedRole', 'ERR_IPMI_PRIVILEGE', false],
    ['noResourcesAtRole', 'ERR_IPMI_SESSION', true],
    ['invalidNameLength', 'ERR_IPMI_AUTHENTICATION', false],
    ['unauthorizedName', 'ERR_IPMI_AUTHENTICATION', false],
    ['invalidIntegrityCheck', 'ERR_IPMI_AUTHENTICATION', false],
    ['illegalParameter', 'ERR_IPMI_PROTOCOL', false],
  ] as const)('RAKP message 2 with status %s -> %s', (name, code, retryable) => {
    const { handshake, packet } = playTo('RAKP message 1');
    const refusal = { tag: tagOf(packet), status: RMCP_STATUS[name], consoleSessionId: 0, accepted: null };
    const failure = failureOf(handshake.receive(setupPacket(PAYLOAD.rakp2, encodeRakp2(refusal))));
    expect(failure).toMatchObject({ code, retryable });
    expect(failure.message).toMatch(/RAKP message 1 to BMC bmc\.test:623 \(user "torpor", privilege operator/);
  });

  it('RAKP message 4 with status 0Fh after a proven password -> ERR_IPMI_SESSION: the BMC lost its place', () => {
    const { handshake, packet } = playTo('RAKP message 3');
    const status = RMCP_STATUS.invalidIntegrityCheck;
    const refusal = encodeRakpConfirm({ tag: tagOf(packet), status, sessionId: 0, code: null });
    const failure = failureOf(handshake.receive(setupPacket(PAYLOAD.rakp4, refusal)));
    expect(failure).toMatchObject({ code: 'ERR_IPMI_SESSION', retryable: true });
  });

  it('every status code of table 13-15 -> has words; others have a number', () => {
    for (let status = 1; status <= 0x13; status += 1) {
      const { handshake, packet } = playTo('RAKP message 1');
      const refusal = { tag: tagOf(packet), status, consoleSessionId: 0, accepted: null };
      const step = handshake.receive(setupPacket(PAYLOAD.rakp2, encodeRakp2(refusal)));
      if (step.kind === 'send') continue; // a refused suite: asks what there is
      const known = !/outside the specification/.test(failureOf(step).message);
      expect(known, `status ${status}`).toBe(status <= 0x12);
    }
  });

  it('silence -> the stage is named; only the first stage is not worth another start', () => {
    const atStart = newHandshake();
    atStart.start();
    expect(atStart.silence(3, 3500)).toMatchObject({ startAgain: false, error: { code: 'ERR_IPMI_TIMEOUT' } });
    const later = playTo('RAKP message 3').handshake.silence(3, 3500.4);
    expect(later).toMatchObject({
      startAgain: true,
      error: { message: expect.stringMatching(/to RAKP message 3 \(3 packets in 3500 ms\)/) },
    });
  });

  it('rubbish -> ignored at every stage', () => {
    for (const stage of [
      'Get Channel Authentication Capabilities',
      'Open Session Request',
      'RAKP message 1',
      'RAKP message 3',
    ]) {
      const { handshake } = playTo(stage);
      for (const rubbish of ['', '06', '06 00 ff 07', '06 00 ff 06 00 00 11 be 40 01 00 10', '06 00 ff 07 06 13']) {
        expect(handshake.receive(bytesOf(rubbish)).kind).toBe('ignored');
      }
    }
  });
});
