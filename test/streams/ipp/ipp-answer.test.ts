// A printer's answer as it is read from a socket: in memory that the next read uses again.
import { describe, expect, it } from 'vitest';
import { IppAnswer } from '../../../src/streams/ipp/ipp-answer.ts';
import { attributesOf, encodeIpp, GROUP, TAG, textAttribute, textsOf } from '../../../src/streams/ipp/ipp-message.ts';

const LOCATION = Array.from({ length: 40 }, (_, floor) => `floor ${floor}`).join(', ');

/** As HTTP/1.1, with its body in chunks or by its length. */
function answerBytes(isChunked: boolean): Buffer {
  const attributes = [textAttribute(TAG.text, 'printer-location', LOCATION)];
  const body = encodeIpp({ version: 0x0200, code: 0, requestId: 1, groups: [{ tag: GROUP.printer, attributes }] });
  const framing = isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`;
  const head = Buffer.from(`HTTP/1.1 200 OK\r\nContent-Type: application/ipp\r\n${framing}\r\n\r\n`);
  if (!isChunked) return Buffer.concat([head, body]);
  return Buffer.concat([head, Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n0\r\n\r\n')]);
}

describe('IppAnswer', () => {
  it.each([
    [true, 7],
    [true, 100],
    [false, 7],
    [false, 100],
  ])('in chunks: %s, reads of %i bytes into one buffer -> what the printer said', (isChunked, readBytes) => {
    const bytes = answerBytes(isChunked);
    const memory = Buffer.alloc(readBytes);
    const answer = new IppAnswer();
    for (let at = 0; at < bytes.length; at += readBytes) {
      const read = bytes.copy(memory, 0, at, at + readBytes);
      answer.push(memory.subarray(0, read));
    }
    memory.fill(0);
    const { outcome } = answer;
    expect(
      outcome?.kind === 'taken' ? textsOf(attributesOf(outcome.message, GROUP.printer), 'printer-location') : outcome,
    ).toEqual([LOCATION]);
  });
});
