// Proofs of power paths: one file per platform in the state folder, replaced whole and on disk before `write` resolves.
import { join } from 'node:path';
import { errorText, TorporError } from '../platform/errors.ts';
import type { PlatformProof } from '../platform/proof.ts';
import { PlatformFolder } from './platform-folder.ts';

/** Version of the file's form. A file of another version is refused, not guessed at. */
const FORM_VERSION = 1;

export class ProofStore {
  readonly #files: PlatformFolder;

  /** `directory` is made at the first write. */
  constructor(directory: string) {
    this.#files = new PlatformFolder(join(directory, 'proofs'));
  }

  pathOf(platform: string): string {
    return this.#files.pathOf(platform);
  }

  /** Null where none was ever written. Rejects with ERR_PROOF where what is there cannot be read. */
  async read(platform: string): Promise<PlatformProof | null> {
    const path = this.pathOf(platform);
    const text = await this.#files.read(platform).catch((thrown: unknown) => {
      throw proofError(`cannot read the proof ${path}: ${errorText(thrown)}`, thrown);
    });
    if (text === null) return null;
    try {
      return parseProof(JSON.parse(text));
    } catch (thrown) {
      throw proofError(
        `the proof ${path} cannot be used (${errorText(thrown)}): run torpor check --prove again`,
        thrown,
      );
    }
  }

  /** Resolves when the proof is on disk (fsync), else rejects with ERR_PROOF. */
  async write(proof: PlatformProof): Promise<void> {
    try {
      await this.#files.write(proof.platform, `${JSON.stringify({ form: FORM_VERSION, ...proof }, null, 2)}\n`);
    } catch (thrown) {
      throw proofError(`cannot write the proof ${this.pathOf(proof.platform)}: ${errorText(thrown)}`, thrown);
    }
  }
}

function proofError(message: string, cause: unknown): TorporError {
  return new TorporError('ERR_PROOF', message, { cause });
}

const WITNESSES: readonly unknown[] = ['sensor', 'command', 'power-bit', 'watts', 'none'];

/** What the decisions will rest on is looked at; the rest is for people. */
function parseProof(value: unknown): PlatformProof {
  const proof = value as PlatformProof & { form?: unknown };
  const isObject = typeof value === 'object' && value !== null;
  if (!isObject || proof.form !== FORM_VERSION) throw new Error('not a proof of this version');
  const { learned, wokeBy } = proof;
  const fits =
    typeof proof.at === 'string' &&
    typeof proof.fingerprint === 'string' &&
    typeof proof.why === 'string' &&
    (wokeBy === null || typeof wokeBy === 'string') &&
    (wokeBy === null) === (learned === null);
  if (!fits || (learned !== null && !isLearned(learned))) throw new Error('it is damaged');
  return proof;
}

function isLearned(learned: NonNullable<PlatformProof['learned']>): boolean {
  const { witness, watts, suspendTimeoutMs, wakeTimeoutMs, idleWatts } = learned;
  const bounded = watts === null || (Number.isFinite(watts.asleepAtMost) && watts.awakeAtLeast > watts.asleepAtMost);
  const tells = witness !== 'watts' || watts !== null;
  const idles = idleWatts == null || (Number.isFinite(idleWatts) && idleWatts >= 0);
  return WITNESSES.includes(witness) && bounded && tells && idles && suspendTimeoutMs > 0 && wakeTimeoutMs > 0;
}
