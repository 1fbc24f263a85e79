// Where VMs are that were moved off the platform of their configuration, and which moves were begun, on disk: a restart finds them where they run.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorText, TorporError } from '../platform/errors.ts';
import type { EvacuationMove } from '../platform/evacuation-rule.ts';
import { writeDurably } from './durable-file.ts';

interface Kept {
  /** By VM. */
  readonly places: Readonly<Record<string, string>>;
  readonly begun: readonly EvacuationMove[];
}

export class EvacuationBook {
  readonly #path: string;
  readonly #places: Map<string, string>;
  #begun: readonly EvacuationMove[];
  #tail: Promise<void> = Promise.resolve();

  private constructor(path: string, { places, begun }: Kept) {
    this.#path = path;
    this.#places = new Map(Object.entries(places));
    this.#begun = begun;
  }

  /** Rejects with ERR_JOURNAL where the file is there and cannot be read: clients would be counted where their VMs are not. */
  static async open(stateDir: string): Promise<EvacuationBook> {
    const path = join(stateDir, 'evacuated.json');
    try {
      return new EvacuationBook(path, readKept(JSON.parse(await readFile(path, 'utf8'))));
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'ENOENT')
        return new EvacuationBook(path, { places: {}, begun: [] });
      const what = `where VMs were moved to cannot be read from ${path}: ${errorText(thrown)}; ${advise(thrown, stateDir)}`;
      throw new TorporError('ERR_JOURNAL', what, { cause: thrown });
    }
  }

  /** Platforms by VM, of those that are not where their configuration says. */
  get places(): ReadonlyMap<string, string> {
    return this.#places;
  }

  /** Their ends were not noted. */
  get begun(): readonly EvacuationMove[] {
    return this.#begun;
  }

  noteBegun(move: EvacuationMove): Promise<void> {
    this.#begun = [...this.#begun, move];
    return this.#write();
  }

  /** Rejects with ERR_JOURNAL; then it holds until Torpor ends, and the move counts as begun after that. */
  noteMoved(move: EvacuationMove): Promise<void> {
    this.#places.set(move.vm, move.to);
    return this.noteStayed(move);
  }

  noteStayed({ vm }: EvacuationMove): Promise<void> {
    this.#begun = this.#begun.filter((move) => move.vm !== vm);
    return this.#write();
  }

  #write(): Promise<void> {
    const text = `${JSON.stringify({ places: Object.fromEntries(this.#places), begun: this.#begun })}\n`;
    const written = this.#tail.then(() => writeDurably(this.#path, text));
    this.#tail = written.catch(() => {});
    return written.catch((thrown: unknown) => {
      const what = `cannot write to ${this.#path} where VMs are: ${errorText(thrown)}`;
      throw new TorporError('ERR_JOURNAL', what, { cause: thrown });
    });
  }
}

/** It is read at every start, first of all that lies there: mostly the folder is the problem, and no VM was ever moved. */
function advise(thrown: unknown, stateDir: string): string {
  const { code } = thrown as NodeJS.ErrnoException;
  if (code === 'ENOTDIR') return `${stateDir} is not a folder: set stateDir to one`;
  if (code === 'EACCES')
    return `${stateDir} is another user's: run Torpor as that user, or give it to this one (chown -R)`;
  return 'delete it once each VM is back on the platform of its configuration';
}

function readKept(value: unknown): Kept {
  const { places, begun } = (value ?? {}) as Partial<Kept>;
  const isText = (each: unknown) => typeof each === 'string';
  const arePlaces = typeof places === 'object' && places !== null && Object.values(places).every(isText);
  const areMoves = Array.isArray(begun) && begun.every((move) => [move?.vm, move?.from, move?.to].every(isText));
  if (!arePlaces || !areMoves) throw new Error('it is no list of places and moves');
  return { places, begun };
}
