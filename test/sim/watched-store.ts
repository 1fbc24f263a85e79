// The memory store of a simulated farm, with a witness of every write: who lives by it, who agreed to what, what was committed when.
import { MemoryWorld, type MemoryWorldOptions } from '../../src/farm/memory-store.ts';
import { PLATFORM_PREFIX } from '../../src/farm/platform-member.ts';
import { instanceOf, type MemberId, type PlatformRecord, parseRecord } from '../../src/farm/platform-record.ts';
import { PRESENCE_PREFIX } from '../../src/farm/presence.ts';
import { recordNeverGoesBack } from './farm-invariants.ts';

/** Of a lease, for which its owner certainly lives for all others, whatever their clocks. */
const CERTAIN_SHARE = 0.9;

/** One suspend that all agreed to, as the store has it. */
export interface Committed {
  readonly proposal: number;
  readonly by: MemberId;
  readonly atMs: number;
  /** Who agreed. */
  readonly agreed: readonly MemberId[];
  /** Who lived, had a say, and did not agree. */
  readonly missing: readonly MemberId[];
}

interface Seen {
  record: PlatformRecord;
  readonly members: Set<MemberId>;
  committed: Committed | null;
}

export class WatchedStore extends MemoryWorld {
  readonly leaseMs: number;
  readonly #onWrong: (invariant: string, why: string) => void;
  readonly #beats = new Map<string, { readonly id: MemberId; readonly atMs: number }>();
  readonly #platforms = new Map<string, Seen>();

  constructor(options: MemoryWorldOptions, leaseMs: number, onWrong: (invariant: string, why: string) => void) {
    super(options);
    this.leaseMs = leaseMs;
    this.#onWrong = onWrong;
  }

  override write(key: string, value: string | null, expected: number): number | null {
    const revision = super.write(key, value, expected);
    if (revision === null || value === null) return revision;
    if (key.startsWith(PRESENCE_PREFIX)) this.#beat(key.slice(PRESENCE_PREFIX.length), value);
    if (key.startsWith(PLATFORM_PREFIX)) this.#changed(key.slice(PLATFORM_PREFIX.length), parseRecord(value));
    return revision;
  }

  /** Its newest beat is younger than any lease may be taken for. That its key was removed changes nothing: who did that ended a lease too early. */
  lives(id: MemberId): boolean {
    const beat = this.#beats.get(instanceOf(id));
    return beat?.id === id && this.clock.nowMs() - beat.atMs < CERTAIN_SHARE * this.leaseMs;
  }

  /** By what stands there now; nobody may have ended it. */
  holdsLease(id: MemberId): boolean {
    const beat = this.#beats.get(instanceOf(id));
    if (beat?.id !== id || this.clock.nowMs() - beat.atMs >= this.leaseMs) return false;
    const entry = this.entry(PRESENCE_PREFIX + instanceOf(id));
    return entry?.value != null && bootOf(entry.value) === id.slice(id.lastIndexOf('@') + 1);
  }

  owner(platform: string): MemberId | null {
    return this.#platforms.get(platform)?.record.owner ?? null;
  }

  /** The last one, whether it still stands or not. */
  committed(platform: string): Committed | null {
    return this.#platforms.get(platform)?.committed ?? null;
  }

  #beat(name: string, value: string): void {
    this.#beats.set(name, { id: `${name}@${bootOf(value)}`, atMs: this.clock.nowMs() });
  }

  #changed(platform: string, record: PlatformRecord | null): void {
    if (record === null) return;
    const seen = this.#platforms.get(platform) ?? { record, members: new Set<MemberId>(), committed: null };
    this.#platforms.set(platform, seen);
    const back = recordNeverGoesBack(seen.record, record);
    if (back !== null) this.#onWrong('recordNeverGoesBack', `${platform}: ${back}`);
    for (const id of Object.keys(record.members)) seen.members.add(id);
    const { phase, proposal, by, members } = record;
    const isKnown = seen.committed?.proposal === proposal && seen.committed.by === by;
    seen.record = record;
    if (phase !== 'committed' || isKnown || by === null) return;
    const living = [...seen.members].filter((id) => this.lives(id));
    const hasAgreed = (id: MemberId) => members[id]?.agreedTo === proposal;
    const missing = living.filter((id) => !hasAgreed(id));
    seen.committed = {
      proposal,
      by,
      atMs: this.clock.nowMs(),
      agreed: Object.keys(members).filter(hasAgreed),
      missing,
    };
  }
}

function bootOf(value: string): string {
  return String(JSON.parse(value).boot);
}
