// Makes hostile answers out of good ones: cut, flipped, spliced, of other types, nested, endless, with other statuses and headers.
import type { HttpAnswer } from '../../../src/power/redfish/http-port.ts';

interface Dice {
  u32(): number;
  below(limit: number): number;
}

const STATUSES = [
  200, 200, 200, 201, 202, 204, 299, 300, 301, 302, 307, 308, 304, 400, 401, 403, 404, 409, 410, 412, 418, 429, 500,
  501, 502, 503, 504, 599, 0, 999,
];
const LOCATIONS = [
  '/redfish/v1/',
  '/',
  '',
  'https://evil.example/redfish/v1/',
  '//evil.example/',
  'http://[::1',
  '/a b',
  `/${'x'.repeat(2000)}`,
  '/redfish/v1/TaskService/TaskMonitors/1',
  'javascript:1',
  '/\u0000',
];
const WORDS = [
  'On',
  'Off',
  'PoweringOn',
  'Paused',
  'PushPowerButton',
  'ForceOff',
  'Running',
  'Completed',
  'Exception',
  'ResetType',
  '__proto__',
  'constructor',
  '/redfish/v1/Systems/1',
  '',
  '\ud800',
  'x'.repeat(5000),
];
const KEYS = [
  '@odata.id',
  'Members',
  'Members@odata.nextLink',
  'PowerState',
  'Actions',
  'target',
  'Links',
  'Chassis',
  'TaskState',
  'error',
  '@Message.ExtendedInfo',
  '__proto__',
  'Reading',
  'PowerControl',
];

/** One answer, changed in one to three ways. */
export function mutateAnswer(answer: HttpAnswer, others: readonly Uint8Array[], dice: Dice): HttpAnswer {
  let mutated = answer;
  for (let rounds = 1 + dice.below(3); rounds > 0; rounds -= 1) mutated = mutateOnce(mutated, others, dice);
  return mutated;
}

function mutateOnce(answer: HttpAnswer, others: readonly Uint8Array[], dice: Dice): HttpAnswer {
  switch (dice.below(8)) {
    case 0:
      return { ...answer, status: pick(STATUSES, dice) };
    case 1:
      return { ...answer, headers: { ...answer.headers, ...hostileHeaders(dice) } };
    case 2:
      return {
        ...answer,
        bodyProblem: dice.below(2) === 0 ? 'it breaks off' : null,
        body: answer.body.subarray(0, dice.below(answer.body.length + 1)),
      };
    case 3:
      return { ...answer, body: flip(answer.body, dice) };
    case 4:
      return { ...answer, body: splice(answer.body, pick(others, dice), dice) };
    default:
      return { ...answer, body: mutateJson(answer.body, dice) };
  }
}

function hostileHeaders(dice: Dice): Record<string, string | undefined> {
  const choices: ReadonlyArray<Record<string, string | undefined>> = [
    { location: pick(LOCATIONS, dice) },
    { location: undefined },
    { 'retry-after': pick(['0', '1', '3600', '-1', 'NaN', '999999999999', 'Wed, 21 Oct 2015 07:28:00 GMT'], dice) },
    { 'x-auth-token': pick(['', 'new token', 'x'.repeat(5000), 'a\r\nb', 'other'], dice) },
    { 'x-auth-token': undefined },
  ];
  return pick(choices, dice);
}

function flip(body: Uint8Array, dice: Dice): Uint8Array {
  const copy = Uint8Array.from(body);
  for (let flips = 1 + dice.below(4); flips > 0 && copy.length > 0; flips -= 1)
    copy[dice.below(copy.length)] = dice.below(256);
  return copy;
}

function splice(body: Uint8Array, other: Uint8Array, dice: Dice): Uint8Array {
  const head = body.subarray(0, dice.below(body.length + 1));
  return Buffer.concat([head, other.subarray(dice.below(other.length + 1))]);
}

function mutateJson(body: Uint8Array, dice: Dice): Uint8Array {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(body));
  } catch {
    value = {};
  }
  return Buffer.from(JSON.stringify(replaceSomewhere(value, dice, 0)) ?? 'null');
}

/** Walks down at random and puts something else there. */
function replaceSomewhere(value: unknown, dice: Dice, depth: number): unknown {
  const isInner = typeof value === 'object' && value !== null && depth < 6;
  if (!isInner || dice.below(4) === 0) return something(dice);
  if (Array.isArray(value)) {
    const copy = [...value];
    if (copy.length === 0 || dice.below(4) === 0) copy.push(something(dice));
    else {
      const index = dice.below(copy.length);
      copy[index] = replaceSomewhere(copy[index], dice, depth + 1);
    }
    return copy;
  }
  const entries = Object.entries(value);
  if (entries.length === 0 || dice.below(6) === 0) return { ...value, [pick(KEYS, dice)]: something(dice) };
  const [key, inner] = entries[dice.below(entries.length)] as [string, unknown];
  if (dice.below(6) === 0) return Object.fromEntries(entries.filter(([name]) => name !== key));
  return { ...value, [key]: replaceSomewhere(inner, dice, depth + 1) };
}

function something(dice: Dice): unknown {
  switch (dice.below(10)) {
    case 0:
      return null;
    case 1:
      return dice.u32() - 0x8000_0000;
    case 2:
      return 1e308;
    case 3:
      return Array.from({ length: dice.below(300) }, () => ({ '@odata.id': pick(LOCATIONS, dice) }));
    case 4:
      return { [pick(KEYS, dice)]: pick(WORDS, dice) };
    case 5:
      return nested(dice.below(90));
    case 6:
      return dice.below(2) === 0;
    case 7:
      return { '@odata.id': pick(LOCATIONS, dice) };
    default:
      return pick(WORDS, dice);
  }
}

function nested(depth: number): unknown {
  let value: unknown = {};
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? { Actions: value } : [value];
  return value;
}

function pick<Value>(values: readonly Value[], dice: Dice): Value {
  return values[dice.below(values.length)] as Value;
}
