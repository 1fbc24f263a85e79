// Part of the composition root: what the proof on record still says about a platform as it is configured now.
import { powerFingerprint } from './config/power-fingerprint.ts';
import type { PlatformConfig } from './config/torpor-config.ts';
import { ProofStore } from './history/proof-store.ts';
import { errorText } from './platform/errors.ts';
import type { ProofOnRecord } from './power/combined-driver.ts';

/** Reads the record each time, so that a running Torpor notices a new proof. Does not reject. */
export function proofReader(stateDir: string, platform: PlatformConfig): () => Promise<ProofOnRecord> {
  const store = new ProofStore(stateDir);
  const fingerprint = powerFingerprint(platform.power);
  const again = `run torpor check --prove ${platform.name} again`;
  return async () => {
    try {
      const proof = await store.read(platform.name);
      if (proof === null) return { state: 'none' };
      const at = proof.at.slice(0, 10);
      if (proof.fingerprint !== fingerprint) {
        return { state: 'stale', why: `the proof of ${at} was made with another power configuration: ${again}` };
      }
      const { wokeBy, learned } = proof;
      if (wokeBy === null || learned === null) {
        return { state: 'stale', why: `the proof of ${at} failed (${proof.why}): ${again}` };
      }
      return { state: 'valid', at, wokeBy, learned };
    } catch (thrown) {
      return { state: 'stale', why: errorText(thrown) };
    }
  };
}
