// IPP's bytes against the examples in the tables of appendix A of RFC 8010 (January 2017), from a transcript of these, and against bytes that are none.
import { describe, expect, it } from 'vitest';
import { HttpBody } from '../../../src/streams/ipp/http-body.ts';
import { IppAnswer } from '../../../src/streams/ipp/ipp-answer.ts';
import { decodeIpp, encodeIpp, IppDecoder, type IppMessage } from '../../../src/streams/ipp/ipp-message.ts';
import { readIppHead } from '../../../src/streams/ipp/ipp-request-head.ts';

/** RFC 8010 appendix A.1, "Print-Job Request"; the document follows. */
const PRINT_JOB = [
  '0101 0002 00000001 01',
  '47 0012',
  hex('attributes-charset'),
  '0005',
  hex('utf-8'),
  '48 001b',
  hex('attributes-natural-language'),
  '0005',
  hex('en-us'),
  '45 000b',
  hex('printer-uri'),
  '002c',
  hex('ipp://printer.example.com/ipp/print/pinetree'),
  '42 0008',
  hex('job-name'),
  '0006',
  hex('foobar'),
  '22 0016',
  hex('ipp-attribute-fidelity'),
  '0001 01',
  '02',
  '21 0006',
  hex('copies'),
  '0004 00000014',
  '44 0005',
  hex('sides'),
  '0013',
  hex('two-sided-long-edge'),
  '03',
].join('');
/** RFC 8010 appendix A.2, "Print-Job Response (Successful)". */
const PRINTED = [
  '0101 0000 00000001 01',
  '47 0012',
  hex('attributes-charset'),
  '0005',
  hex('utf-8'),
  '48 001b',
  hex('attributes-natural-language'),
  '0005',
  hex('en-us'),
  '41 000e',
  hex('status-message'),
  '000d',
  hex('successful-ok'),
  '02',
  '21 0006',
  hex('job-id'),
  '0004 00000093',
  '45 0007',
  hex('job-uri'),
  '0030',
  hex('ipp://printer.example.com/ipp/print/pinetree/147'),
  '23 0009',
  hex('job-state'),
  '0004 00000003',
  '03',
].join('');
/** RFC 8010 appendix A.3, "Print-Job Response (Failure)": a value is without a value ("unsupported"). */
const REFUSED = [
  '0101 040b 00000001 01',
  '47 0012',
  hex('attributes-charset'),
  '0005',
  hex('utf-8'),
  '48 001b',
  hex('attributes-natural-language'),
  '0005',
  hex('en-us'),
  '41 000e',
  hex('status-message'),
  '002f',
  hex('client-error-attributes-or-values-not-supported'),
  '05',
  '21 0006',
  hex('copies'),
  '0004 00000014',
  '10 0005',
  hex('sides'),
  '0000',
  '03',
].join('');

function hex(text: string): string {
  return Buffer.from(text).toString('hex');
}

function bytes(digits: string): Buffer {
  return Buffer.from(digits.replaceAll(' ', ''), 'hex');
}

function decoded(digits: string): IppMessage {
  const result = decodeIpp(bytes(digits));
  if (result.kind !== 'whole') throw new Error(result.kind);
  return result.message;
}

/** In pieces of one byte. */
function answerOf(head: string, body: Buffer): IppAnswer {
  const answer = new IppAnswer();
  for (const byte of Buffer.concat([Buffer.from(head), body])) answer.push(Uint8Array.of(byte));
  return answer;
}

describe('IPP messages', () => {
  it("RFC 8010's Print-Job: -> its operation, attributes and groups; a document behind it is not looked at", () => {
    const result = decodeIpp(Buffer.concat([bytes(PRINT_JOB), Buffer.from('%!PS')]));
    expect(result).toMatchObject({ kind: 'whole', bytes: bytes(PRINT_JOB).length });
    const { version, code, requestId, groups } = decoded(PRINT_JOB);
    expect([version, code, requestId, groups.map(({ tag }) => tag)]).toEqual([0x0101, 2, 1, [1, 2]]);
    expect(groups.flatMap(({ attributes }) => attributes.map(({ name }) => name))).toEqual([
      'attributes-charset',
      'attributes-natural-language',
      'printer-uri',
      'job-name',
      'ipp-attribute-fidelity',
      'copies',
      'sides',
    ]);
  });

  it.each([PRINT_JOB, PRINTED, REFUSED])('decoded and encoded again -> the same bytes', (digits) => {
    expect(Buffer.from(encodeIpp(decoded(digits))).equals(bytes(digits))).toBe(true);
  });

  it('collections and sets (RFC 8010 section 3.1.6): -> the same bytes again, all of it values of one attribute', () => {
    const collection = [
      '0200 0000 00000007 04',
      '34 0011',
      hex('media-col-default'),
      '0000',
      '4a 0000 000a',
      hex('media-size'),
      '34 0000 0000',
      '4a 0000 000b',
      hex('x-dimension'),
      '21 0000 0004 00005280',
      '37 0000 0000',
      '37 0000 0000',
      '44 0005',
      hex('sides'),
      '0009',
      hex('one-sided'),
      '44 0000 0013',
      hex('two-sided-long-edge'),
      '03',
    ].join('');
    const message = decoded(collection);
    expect(message.groups[0]?.attributes.map(({ name, values }) => [name, values.length])).toEqual([
      ['media-col-default', 7],
      ['sides', 2],
    ]);
    expect(Buffer.from(encodeIpp(message)).equals(bytes(collection))).toBe(true);
  });

  it('cut at every place -> more is to come; a value of nothing -> broken', () => {
    const whole = bytes(PRINT_JOB);
    for (let end = 0; end < whole.length; end += 1) expect(decodeIpp(whole.subarray(0, end)).kind).toBe('more');
    const decoder = new IppDecoder();
    for (const byte of whole.subarray(0, -1)) expect(decoder.push(Uint8Array.of(byte)).kind).toBe('more');
    expect(decoder.push(Buffer.from('\x03%!PS', 'latin1'))).toEqual(decodeIpp(whole));
    expect(Buffer.from(decoder.rest).toString()).toBe('%!PS');
    expect(decodeIpp(bytes('0101 0002 00000001 44 0000 0000')).kind).toBe('broken');
    expect(decodeIpp(bytes('0101 0002 00000001 01 44 0000 0000')).kind).toBe('broken');
  });
});

describe('HttpBody', () => {
  it('chunks with extensions and trailers, a byte at a time -> their content, and where the next message begins', () => {
    const body = new HttpBody('chunked');
    const wire = Buffer.from('4;a=b\r\nWiki\r\n00005\r\npedia\r\n0\r\nX: y\r\n\r\nPOST');
    const content: Uint8Array[] = [];
    let used = 0;
    for (const byte of wire) {
      const taken = body.push(Uint8Array.of(byte));
      content.push(...taken.content);
      used += taken.used;
    }
    expect([Buffer.concat(content).toString(), wire.subarray(used).toString(), body.isDone]).toEqual([
      'Wikipedia',
      'POST',
      true,
    ]);
  });

  it.each(['zz\r\n', '4\r\nWikiXX\n', '4\nWiki', `${'1'.repeat(5000)}`])('%j -> broken', (wire) => {
    const body = new HttpBody('chunked');
    body.push(Buffer.from(wire));
    expect(body.isBroken).toBe(true);
  });
});

describe('readIppHead', () => {
  const good = 'POST /ipp/print HTTP/1.1\r\nHost: p:631\r\nContent-Type: application/ipp\r\n';

  it('a request of IPP -> where it goes, how its body comes, what it waits for', () => {
    const text = `${good}Content-Length: 12\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`;
    expect(readIppHead(Buffer.from(text))).toEqual({
      headBytes: text.length,
      path: '/ipp/print',
      host: 'p:631',
      framing: 12,
      wantsContinue: true,
      wantsClose: true,
      hasCredentials: false,
    });
    for (let end = 0; end < text.length; end += 1) expect(readIppHead(Buffer.from(text.slice(0, end)))).toBe('more');
  });

  it.each([
    '\x16\x03\x01',
    'GET / HTTP/1.1\r\n\r\n',
    `${good}\r\n`,
    `${good}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`,
    `${good}Content-Length: 5\r\nContent-Length: 6\r\n\r\n`,
    `${good}Transfer-Encoding: gzip, chunked\r\n\r\n`,
    `${good}Content-Length: 5\r\nUpgrade: TLS/1.2\r\n\r\n`,
    'POST /x HTTP/1.1\r\nHost: p\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\n',
    'POST /x HTTP/1.0\r\nHost: p\r\nContent-Type: application/ipp\r\nContent-Length: 5\r\n\r\n',
    `POST /${'x'.repeat(20_000)}`,
  ])('%j -> is the printer to answer', (text) => {
    expect(readIppHead(Buffer.from(text, 'latin1'))).toBe('other');
  });
});

describe('IppAnswer', () => {
  const head = (body: Buffer) => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`;

  it("RFC 8010's answers, behind a 100, by length, in chunks, to the end -> taken; refused with its name", () => {
    const yes = bytes(PRINTED);
    expect(answerOf(`HTTP/1.1 100 Continue\r\n\r\n${head(yes)}`, yes).outcome).toMatchObject({ kind: 'taken' });
    const chunked = Buffer.concat([Buffer.from(`${yes.length.toString(16)}\r\n`), yes, Buffer.from('\r\n0\r\n\r\n')]);
    const inChunks = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
    expect(answerOf(inChunks, chunked).outcome).toMatchObject({ kind: 'taken' });
    const toEnd = answerOf('HTTP/1.0 200 OK\r\n\r\n', yes);
    expect(toEnd.outcome).toBeNull();
    toEnd.end();
    expect(toEnd.outcome).toMatchObject({ kind: 'taken' });
    expect(answerOf(head(bytes(REFUSED)), bytes(REFUSED)).outcome).toEqual({
      kind: 'refused',
      why: 'it answered client-error-attributes-or-values-not-supported (0x040b)',
    });
  });

  it.each([
    ['HTTP/1.1 401 Unauthorized\r\n\r\n', 'it answered HTTP 401 Unauthorized: it wants credentials'],
    ['HTTP/1.1 426 Upgrade Required\r\n\r\n', 'it wants TLS'],
    ['HTTP/1.1 404 Not Found\r\n\r\n', 'it answered HTTP 404 Not Found'],
    ['SSH-2.0-x\r\n\r\n', 'its answer is no HTTP'],
    ['HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhtml', 'its answer is no IPP'],
  ])('%j -> refused: %s', (text, expected) => {
    const { outcome } = answerOf(text, Buffer.alloc(0));
    expect(outcome?.kind === 'refused' && outcome.why).toContain(expected);
  });
});
