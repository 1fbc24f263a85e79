// The vectors as WebAssembly text, for interpreters that can call exports but write no memory: the module's own text with one
// function per vector added, that answers 0 or the line at which it failed. Leaves running it to the test.
import { expandBytes, type Operand, type Operation, type Vector } from './vectors.ts';

/**
 * `moduleText`: the core as wasm2wat prints it. Each vector needs a fresh instance, so each makes a module of its own, which has
 * one export, `run`.
 */
export function addVector(moduleText: string, vector: Vector): string {
  const numbers = exportedFunctions(moduleText);
  const body = moduleText
    .trimEnd()
    .replace(/\)$/, '')
    .replaceAll(/^ {2}\(export "(?!memory")[^\n]*\)$/gm, '');
  const writer = new VectorWriter(numbers);
  for (const each of vector.operations) writer.add(each);
  return `${body}${writer.finish()})`;
}

/** Export name -> function index and whether it answers an i64. */
function exportedFunctions(text: string): Map<string, { index: number; wide: boolean }> {
  const wideTypes = new Set(
    [...text.matchAll(/\(type \(;(\d+);\) \(func[^\n]*\(result i64\)\)\)/g)].map(([, number]) => Number(number)),
  );
  const typeOf = new Map(
    [...text.matchAll(/\(func \(;(\d+);\) \(type (\d+)\)/g)].map(([, index, type]) => [Number(index), Number(type)]),
  );
  return new Map(
    [...text.matchAll(/\(export "([^"]+)" \(func (\d+)\)\)/g)].map(([, name, number]) => {
      const index = Number(number);
      return [name as string, { index, wide: wideTypes.has(typeOf.get(index) ?? -1) }];
    }),
  );
}

class VectorWriter {
  readonly #functions: Map<string, { index: number; wide: boolean }>;
  readonly #code: string[] = [];
  readonly #segments: string[] = [];
  readonly #locals = new Set<string>();

  constructor(functions: Map<string, { index: number; wide: boolean }>) {
    this.#functions = functions;
  }

  add(each: Operation): void {
    switch (each.kind) {
      case 'put': {
        const bytes = expandBytes(each.bytes);
        const segment = `$bytes${this.#segments.length}`;
        this.#segments.push(`(data ${segment} "${escapeBytes(bytes)}")`);
        this.#code.push(
          `(memory.init ${segment} ${value(each.place)} (i32.const 0) (i32.const ${bytes.length})) (data.drop ${segment})`,
        );
        break;
      }
      case 'see':
        for (const [index, byte] of expandBytes(each.bytes).entries()) {
          const place = value({ ...each.place, plus: each.place.plus + index });
          this.#failUnless(`(i32.eq (i32.load8_u ${place}) (i32.const ${byte}))`, each.line);
        }
        break;
      case 'below':
        this.#failUnless(`(i32.lt_s ${value(each.operand)} (i32.const ${each.limit}))`, each.line);
        break;
      case 'call':
        this.#failUnless(`(i32.eq ${this.#call(each.name, each.operands)} (i32.const ${each.expected}))`, each.line);
        break;
      case 'let':
        this.#locals.add(each.variable);
        this.#code.push(`(local.set $${each.variable} ${this.#call(each.name, each.operands)})`);
        this.#failUnless(`(i32.ge_s (local.get $${each.variable}) (i32.const 0))`, each.line);
        break;
    }
  }

  finish(): string {
    const locals = [...this.#locals].map((name) => `(local $${name} i32)`).join(' ');
    const code = this.#code.join('\n    ');
    return `${this.#segments.join('\n')}\n  (func (export "run") (result i32) ${locals}\n    ${code}\n    i32.const 0)\n`;
  }

  #call(name: string, operands: readonly Operand[]): string {
    const found = this.#functions.get(name);
    if (found === undefined) throw new Error(`the module has no export ${name}`);
    const call = `(call ${found.index} ${operands.map(value).join(' ')})`;
    return found.wide ? `(i32.wrap_i64 ${call})` : call;
  }

  #failUnless(condition: string, line: number): void {
    this.#code.push(`(if (i32.eqz ${condition}) (then (return (i32.const ${line}))))`);
  }
}

function value({ name, plus }: Operand): string {
  return name === null ? `(i32.const ${plus})` : `(i32.add (local.get $${name}) (i32.const ${plus}))`;
}

function escapeBytes(bytes: Uint8Array): string {
  return [...bytes].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('');
}
