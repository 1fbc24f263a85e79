// The small parts by themselves: JSON that is distrusted, links, a BMC's words, fingerprints, resources of real shapes.
import { describe, expect, it } from 'vitest';
import { allowedInActionInfo, readComputerSystem } from '../../../src/power/redfish/computer-system.ts';
import { oneLine, readMessages } from '../../../src/power/redfish/extended-info.ts';
import {
  field,
  fieldAt,
  listField,
  parseJsonObject,
  readingField,
  textField,
} from '../../../src/power/redfish/json-document.ts';
import { powerBitOf, toPowerState } from '../../../src/power/redfish/power-state.ts';
import { didNothing, saysAlreadyOn, statusError } from '../../../src/power/redfish/redfish-error.ts';
import { isSamePath, lastSegment, redirectPath, toPath } from '../../../src/power/redfish/service-link.ts';
import { formatFingerprint, parseFingerprint } from '../../../src/power/redfish/tls-trust.ts';

const bytes = (text: string) => Buffer.from(text);

describe('JSON', () => {
  it.each([
    ['', 'its body is empty'],
    ['nonsense', 'its body is no JSON'],
    ['{"a":1', 'its body is no JSON'],
    ['[1,2]', 'its body is no JSON object'],
    ['null', 'its body is no JSON object'],
    ['7', 'its body is no JSON object'],
    [`${'{"a":'.repeat(65)}1${'}'.repeat(65)}`, 'its JSON is nested more than 64 deep'],
    ['['.repeat(500_000), 'its JSON is nested more than 64 deep'],
  ])('%.20s -> refused', (text, why) => {
    expect(() => parseJsonObject(bytes(text), 'GET /x')).toThrow(`GET /x: the answer makes no sense: ${why}`);
  });

  it('brackets and escapes in strings, a byte order mark, bytes that are no UTF-8 -> read', () => {
    expect(parseJsonObject(bytes(`{"a":"${'[{'.repeat(200)}\\"]"}`), '')).toEqual({ a: `${'[{'.repeat(200)}"]` });
    expect(parseJsonObject(bytes('\ufeff{"a":1}'), '')).toEqual({ a: 1 });
    expect(textField(parseJsonObject(Buffer.concat([bytes('{"a":"'), Buffer.of(0xff), bytes('"}')]), ''), 'a')).toBe(
      '\ufffd',
    );
  });

  it('what is inherited, or of another type -> not there', () => {
    const hostile = parseJsonObject(bytes('{"__proto__":{"polluted":1},"constructor":5,"list":{"length":3}}'), '');
    expect(field(hostile, 'toString')).toBeUndefined();
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect(textField(hostile, 'constructor')).toBeNull();
    expect(listField(hostile, 'list', 5)).toEqual([]);
    expect(fieldAt('text', 'length', 'x')).toBeUndefined();
  });

  it.each([
    [184, 184],
    [{ Reading: 184.5 }, 184.5],
    [-1, null],
    ['184', null],
    [null, null],
    [{ Reading: null }, null],
    [Number.POSITIVE_INFINITY, null],
  ])('a reading of %j -> %s', (given, wanted) => {
    expect(readingField({ watts: given }, 'watts')).toBe(wanted);
  });
});

describe('links', () => {
  it.each([
    ['/redfish/v1/Systems/1', '/redfish/v1/Systems/1'],
    ['/redfish/v1/Systems?$skip=50', '/redfish/v1/Systems?$skip=50'],
    ['https://bmc.example/redfish/v1/Tasks/1', '/redfish/v1/Tasks/1'],
    ['/redfish/../../etc', '/etc'],
    ['', null],
    [null, null],
    ['javascript:alert(1)', null],
    ['/a b', null],
    ['/a\r\nX-Evil: 1', null],
    ['/ä', null],
    [`/${'x'.repeat(1100)}`, null],
    ['https://[', null],
  ])('%.40s -> %s', (link, path) => {
    expect(toPath(link)).toBe(path);
  });

  it('redirects -> on the same BMC only', () => {
    expect(redirectPath('/redfish/v1/', '10.0.0.1')).toBe('/redfish/v1/');
    expect(redirectPath('https://10.0.0.1/x', '10.0.0.1')).toBe('/x');
    expect(redirectPath('https://[fe80::1]/x', 'fe80::1')).toBe('/x');
    expect(redirectPath('https://10.0.0.2/x', '10.0.0.1')).toBeNull();
    expect(redirectPath('//10.0.0.2/x', '10.0.0.1')).toBeNull();
    expect(redirectPath(undefined, '10.0.0.1')).toBeNull();
  });

  it('a slash at the end -> the same resource', () => {
    expect(isSamePath('/a/1/', '/a/1')).toBe(true);
    expect(lastSegment('/redfish/v1/Systems/System.Embedded.1/')).toBe('System.Embedded.1');
  });
});

describe("a BMC's words", () => {
  // Shapes and texts as in public reports: docs/redfish-quirks.md.
  it.each([
    [
      'iDRAC',
      {
        error: {
          '@Message.ExtendedInfo': [{ Message: 'Server is already powered ON.', MessageId: 'IDRAC.1.6.PSU501' }],
        },
      },
      'Server is already powered ON. (IDRAC.1.6.PSU501)',
    ],
    [
      'iDRAC, one object for the list',
      { error: { '@Message.ExtendedInfo': { MessageId: 'Base.1.0.InternalError', Message: 'internal error' } } },
      'internal error (Base.1.0.InternalError)',
    ],
    [
      'iLO, ids alone',
      {
        error: {
          '@Message.ExtendedInfo': [
            { MessageArgs: ['Power is off'], MessageID: 'iLO.0.10.InvalidOperationForSystemState' },
          ],
        },
      },
      'iLO.0.10.InvalidOperationForSystemState: Power is off',
    ],
    ['only a sentence', { error: { code: 'x', message: 'Something\nhappened\u0007' } }, 'Something happened'],
    ['nothing', {}, ''],
    ['nonsense', { error: { '@Message.ExtendedInfo': [null, 7, 'x', { Message: 5 }] } }, ''],
  ])('%s -> one line', (_, body, text) => {
    expect(readMessages(body, (line) => line).text).toBe(text);
  });

  it('far too many, far too long -> bounded', () => {
    const many = Array.from({ length: 1000 }, (_, index) => ({ Message: `${index} ${'x'.repeat(1000)}` }));
    expect(readMessages({ error: { '@Message.ExtendedInfo': many } }, (line) => line).text.length).toBeLessThan(1100);
    expect(oneLine('a\u001b[31m\u2028b')).toBe('a [31m b');
  });

  it('a status -> whether the action was certainly not carried out, and whether it was on already', () => {
    const answerOf = (status: number, id: string) => ({
      status,
      headers: { 'retry-after': '7' },
      body: bytes(JSON.stringify({ error: { '@Message.ExtendedInfo': [{ MessageId: id }] } })),
      bodyProblem: null,
    });
    const conflict = statusError('x', answerOf(409, 'IDRAC.2.8.PSU501'), (text) => text);
    expect([didNothing(conflict), saysAlreadyOn(conflict)]).toEqual([true, true]);
    const busy = statusError('x', answerOf(503, 'Base.1.8.ServiceTemporarilyUnavailable'), (text) => text);
    expect(busy).toMatchObject({ code: 'ERR_REDFISH_BUSY', retryable: true, retryAfterMs: 7000 });
    expect([didNothing(busy), saysAlreadyOn(busy), didNothing(new Error('x'))]).toEqual([false, false, false]);
  });
});

describe('fingerprints', () => {
  const PAIRS = Array.from({ length: 32 }, (_, index) => (255 - index).toString(16).toUpperCase());

  it('as openssl prints it, bare, in any case -> the same bytes, and back', () => {
    const colons = `SHA256:${PAIRS.join(':')}`;
    const wanted = Uint8Array.from({ length: 32 }, (_, index) => 255 - index);
    expect(parseFingerprint(colons)).toEqual(wanted);
    expect(parseFingerprint(PAIRS.join('').toLowerCase())).toEqual(wanted);
    expect(formatFingerprint(wanted)).toBe(colons);
  });

  it.each([['SHA256:00'], [''], [`${PAIRS.join(':')}:00`], ['SHA1:ab'], [PAIRS.join(' ')]])('%.12s -> none', (text) => {
    expect(parseFingerprint(text)).toBeNull();
  });
});

describe('systems', () => {
  it.each([
    ['On', true],
    ['Off', false],
    ['PoweringOn', null],
    ['PoweringOff', null],
    ['Paused', null],
    ['on', null],
    [1, null],
  ])('PowerState %s -> power bit %s', (state, bit) => {
    expect(powerBitOf(toPowerState(state))).toBe(bit);
  });

  it('lists inline, by ActionInfo, empty, of other types -> what is told', () => {
    const action = (more: object) =>
      readComputerSystem('/s', { Actions: { '#ComputerSystem.Reset': { target: '/s/Reset', ...more } } }).reset;
    expect(action({ 'ResetType@Redfish.AllowableValues': ['On', 7, 'ForceOff'] })?.allowed).toEqual(['On', 'ForceOff']);
    expect(action({ 'ResetType@Redfish.AllowableValues': [] })?.allowed).toBeNull();
    expect(action({ '@Redfish.ActionInfo': '/s/ResetActionInfo' })).toEqual({
      target: '/s/Reset',
      allowed: null,
      actionInfoPath: '/s/ResetActionInfo',
    });
    expect(readComputerSystem('/s', {}).reset).toBeNull();
    const parameters = [
      { Name: 'Other', AllowableValues: ['x'] },
      { Name: 'ResetType', AllowableValues: ['On', 1] },
    ];
    expect(allowedInActionInfo({ Parameters: parameters })).toEqual(['On']);
    expect(allowedInActionInfo({ Parameters: 'none' })).toBeNull();
  });
});
