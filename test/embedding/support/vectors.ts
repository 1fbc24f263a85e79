// The vectors of core.vectors, read and run against an instance of the module. Imports nothing, so that a browser runs it as it is.

/** A number, or the answer that was kept under a name, plus a number. */
export interface Operand {
  readonly name: string | null;
  readonly plus: number;
}

export interface Repeated {
  readonly hex: string;
  readonly times: number;
}

export type Operation =
  | {
      readonly line: number;
      readonly kind: 'put' | 'see';
      readonly place: Operand;
      readonly bytes: readonly Repeated[];
    }
  | {
      readonly line: number;
      readonly kind: 'call';
      readonly name: string;
      readonly operands: readonly Operand[];
      readonly expected: number;
    }
  | {
      readonly line: number;
      readonly kind: 'let';
      readonly variable: string;
      readonly name: string;
      readonly operands: readonly Operand[];
    }
  | { readonly line: number; readonly kind: 'below'; readonly operand: Operand; readonly limit: number };

export interface Vector {
  readonly title: string;
  readonly operations: readonly Operation[];
}

/** What is used of an instance. */
export interface Instance {
  readonly memory: { readonly buffer: ArrayBufferLike };
  readonly functions: Readonly<Record<string, (...operands: number[]) => number | bigint>>;
}

/** Reads the file; throws an Error that names the line that is none. */
export function parseVectors(text: string): Vector[] {
  const vectors: Array<{ title: string; operations: Operation[] }> = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const content = raw.trim();
    if (content === '' || content.startsWith('#')) continue;
    if (content.startsWith('vector ')) vectors.push({ title: content.slice(7), operations: [] });
    else {
      const vector = vectors.at(-1);
      if (vector === undefined) throw new Error(`line ${index + 1} stands before the first vector`);
      vector.operations.push(parseOperation(content.split(/\s+/), index + 1));
    }
  }
  return vectors;
}

function parseOperation([kind = '', ...words]: string[], line: number): Operation {
  const [first = '', second = '', ...rest] = words;
  if ((kind === 'put' || kind === 'see') && words.length > 1) {
    return {
      line,
      kind,
      place: parseOperand(first, line),
      bytes: words.slice(1).map((word) => parseBytes(word, line)),
    };
  }
  if (kind === 'call' && words.length > 2 && words.at(-2) === '=') {
    const operands = words.slice(1, -2).map((word) => parseOperand(word, line));
    return { line, kind, name: first, operands, expected: parseNumber(words.at(-1) ?? '', line) };
  }
  if (kind === 'let' && words.length > 1) {
    return { line, kind, variable: first, name: second, operands: rest.map((word) => parseOperand(word, line)) };
  }
  if (kind === 'below' && words.length === 2) {
    return { line, kind, operand: parseOperand(first, line), limit: parseNumber(second, line) };
  }
  throw new Error(`line ${line} is no operation: ${kind} ${words.join(' ')}`);
}

function parseOperand(word: string, line: number): Operand {
  const match = /^([a-z]\w*)(?:\+(\d+))?$/.exec(word);
  if (match === null) return { name: null, plus: parseNumber(word, line) };
  return { name: match[1] as string, plus: Number(match[2] ?? 0) };
}

function parseBytes(word: string, line: number): Repeated {
  const match = /^((?:[0-9a-f]{2})+)(?:\*(\d+))?$/.exec(word);
  if (match === null) throw new Error(`line ${line}: ${word} is no bytes`);
  return { hex: match[1] as string, times: Number(match[2] ?? 1) };
}

function parseNumber(word: string, line: number): number {
  if (!/^-?\d+$/.test(word)) throw new Error(`line ${line}: ${word} is no number`);
  return Number(word) | 0;
}

/** The bytes, repeated as told. */
export function expandBytes(items: readonly Repeated[]): Uint8Array {
  const all: number[] = [];
  for (const { hex, times } of items) {
    const once = (hex.match(/../g) ?? []).map((digits) => Number.parseInt(digits, 16));
    for (let count = times; count > 0; count -= 1) for (const byte of once) all.push(byte);
  }
  return Uint8Array.from(all);
}

/** Runs one vector; answers what every call answered, and throws an Error with the line at the first difference. */
export function runVector(vector: Vector, { memory, functions }: Instance): number[] {
  const names = new Map<string, number>();
  const answers: number[] = [];
  const resolve = ({ name, plus }: Operand, line: number): number => {
    if (name === null) return plus;
    const value = names.get(name);
    if (value === undefined) throw new Error(`line ${line}: ${name} has no value`);
    return value + plus;
  };
  const invoke = (name: string, operands: readonly Operand[], line: number): number => {
    const run = functions[name];
    if (run === undefined) throw new Error(`line ${line}: the module has no export ${name}`);
    const answer = Number(run(...operands.map((operand) => resolve(operand, line)))) | 0;
    answers.push(answer);
    return answer;
  };
  for (const each of vector.operations) {
    const { line } = each;
    if (each.kind === 'put') {
      new Uint8Array(memory.buffer).set(expandBytes(each.bytes), resolve(each.place, line));
    } else if (each.kind === 'see') {
      seeBytes(new Uint8Array(memory.buffer), resolve(each.place, line), expandBytes(each.bytes), line);
    } else if (each.kind === 'below') {
      const value = resolve(each.operand, line);
      if (value >= each.limit) throw new Error(`line ${line}: ${value} is not below ${each.limit}`);
    } else if (each.kind === 'call' || each.kind === 'let') {
      const answer = invoke(each.name, each.operands, line);
      if (each.kind === 'call' && answer !== each.expected) {
        throw new Error(`line ${line}: ${each.name} answered ${answer}, not ${each.expected}`);
      }
      if (each.kind === 'let') {
        if (answer < 0) throw new Error(`line ${line}: ${each.name} answered ${answer}`);
        names.set(each.variable, answer);
      }
    }
  }
  return answers;
}

function seeBytes(memory: Uint8Array, place: number, expected: Uint8Array, line: number): void {
  for (const [index, byte] of expected.entries()) {
    const found = memory[place + index];
    if (found !== byte) throw new Error(`line ${line}: byte ${index} is ${found}, not ${byte}`);
  }
}
