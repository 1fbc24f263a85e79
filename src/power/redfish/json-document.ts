// A BMC's JSON, read with distrust: bounded in size and depth, and every property asked for by its type. Meaning is left to others.
import { TorporError } from '../../platform/errors.ts';

export type JsonObject = { readonly [key: string]: unknown };

/** Redfish nests a dozen levels at most. */
const MAX_DEPTH = 64;
/** Links and texts that are longer are no links and texts. */
const MAX_TEXT_CHARS = 2048;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** The object that stands in a body. Throws ERR_REDFISH_PROTOCOL; `where` says what was asked for. */
export function parseJsonObject(body: Uint8Array, where: string): JsonObject {
  if (depthOf(body) > MAX_DEPTH) throw malformed(where, `its JSON is nested more than ${MAX_DEPTH} deep`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(body));
  } catch {
    // The parser's own words quote the text, and a text of a BMC may hold anything.
    throw malformed(where, body.length === 0 ? 'its body is empty' : 'its body is no JSON');
  }
  if (!isObject(value)) throw malformed(where, 'its body is no JSON object');
  return value;
}

export function malformed(where: string, why: string): TorporError {
  return new TorporError('ERR_REDFISH_PROTOCOL', `${where}: the answer makes no sense: ${why}`);
}

/** Brackets open at most, strings left out. */
function depthOf(body: Uint8Array): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let index = 0; index < body.length; index += 1) {
    const byte = body[index] as number;
    if (inString) {
      if (byte === BACKSLASH) index += 1;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === 0x7b || byte === 0x5b) {
      depth += 1;
      if (depth > deepest) deepest = depth;
    } else if (byte === 0x7d || byte === 0x5d) depth -= 1;
  }
  return deepest;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A property of an object, or undefined: of anything else, and of what it only inherits. */
export function field(value: unknown, key: string): unknown {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** As `field`, several levels down. */
export function fieldAt(value: unknown, ...keys: readonly string[]): unknown {
  let inner = value;
  for (const key of keys) inner = field(inner, key);
  return inner;
}

export function textField(value: unknown, key: string): string | null {
  const text = field(value, key);
  return typeof text === 'string' && text.length <= MAX_TEXT_CHARS ? text : null;
}

/** The first `max` entries of a list; none where there is no list. */
export function listField(value: unknown, key: string, max: number): readonly unknown[] {
  const list = field(value, key);
  return Array.isArray(list) ? list.slice(0, max) : [];
}

/** The texts among a list's first `max` entries; null where there is no list at all. */
export function textListField(value: unknown, key: string, max: number): readonly string[] | null {
  if (!Array.isArray(field(value, key))) return null;
  return listField(value, key, max).filter(
    (entry): entry is string => typeof entry === 'string' && entry.length <= MAX_TEXT_CHARS,
  );
}

/** A measured value: a number from 0 up, else null. A Sensor excerpt (`{ "Reading": 184 }`) counts as its reading. */
export function readingField(value: unknown, key: string): number | null {
  const given = field(value, key);
  const reading = isObject(given) ? field(given, 'Reading') : given;
  return typeof reading === 'number' && Number.isFinite(reading) && reading >= 0 ? reading : null;
}
