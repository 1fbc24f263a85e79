// What stands in the store about one platform, and every change of it, as pure functions: who owns it, who agreed to what.
import type { OwnShare } from '../platform/share.ts';

/** The format that this Torpor writes, and the newest that it can take part in. */
export const RECORD_VERSION = 1;
/** Why a call off happened is text of people and peers; more of it is cut. */
const WHY_LENGTH_MAX = 200;

/** `NAME@BOOT`: one run of one Torpor. A name alone says nothing about who is meant after a crash. */
export type MemberId = string;

/** awake: nothing is under way. proposed: the owner asks. committed: all agreed; it may be pressed, or sleeps. */
export type RecordPhase = 'awake' | 'proposed' | 'committed';

export interface MemberRecord {
  readonly active: number;
  readonly newestDeadlineMs: number | null;
  readonly keeps: string | null;
  /** The proposal for which it holds its streams; null: none. */
  readonly agreedTo: number | null;
}

/** Fields that this Torpor does not know are kept as they are: a newer one wrote them. */
export interface PlatformRecord {
  /** Of who wrote it last. */
  readonly version: number;
  /** Who knows a lower version than this takes no part. */
  readonly needs: number;
  readonly owner: MemberId | null;
  /** Grows with each change of owner. */
  readonly epoch: number;
  readonly phase: RecordPhase;
  /** The number of the last proposal. */
  readonly proposal: number;
  /** Who proposed it. */
  readonly by: MemberId | null;
  readonly forced: boolean;
  /** Why it went back to `awake` last, for people. */
  readonly why: string;
  readonly members: Readonly<Record<MemberId, MemberRecord>>;
}

/** A changed record, the same one where there is nothing to do, or why it cannot be. */
export type Change = PlatformRecord | { readonly refused: string };

/** Whether that run of that Torpor still counts: it is there, or its lease is not over. */
export type IsLive = (id: MemberId) => boolean;

export const EMPTY_RECORD: PlatformRecord = {
  version: RECORD_VERSION,
  needs: 1,
  owner: null,
  epoch: 0,
  phase: 'awake',
  proposal: 0,
  by: null,
  forced: false,
  why: '',
  members: {},
};

const NO_SHARE: MemberRecord = { active: 0, newestDeadlineMs: null, keeps: null, agreedTo: null };

export function instanceOf(id: MemberId): string {
  return id.slice(0, id.lastIndexOf('@'));
}

/** Null: it cannot be read, or is of a kind that this Torpor must not touch. */
export function parseRecord(text: string): PlatformRecord | null {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof read !== 'object' || read === null) return null;
  const record = { ...EMPTY_RECORD, ...read } as PlatformRecord;
  const isKnown =
    typeof record.needs === 'number' &&
    record.needs <= RECORD_VERSION &&
    Number.isSafeInteger(record.epoch) &&
    Number.isSafeInteger(record.proposal) &&
    ['awake', 'proposed', 'committed'].includes(record.phase) &&
    typeof record.members === 'object' &&
    record.members !== null &&
    Object.values(record.members).every(isMemberRecord);
  return isKnown ? record : null;
}

export function formatRecord(record: PlatformRecord): string {
  return JSON.stringify({ ...record, version: Math.max(record.version, RECORD_VERSION) });
}

/** Who must agree, and whose count counts. */
export function liveMembers(record: PlatformRecord, isLive: IsLive): Array<[MemberId, MemberRecord]> {
  return Object.entries(record.members).filter(([id]) => isLive(id));
}

/**
 * Puts `me` in, or changes what it says, and leaves out who is dead. Whoever became active calls off what the owner wants; in an
 * operator's forced sleep only a wish for a wake does.
 */
export function tell(record: PlatformRecord, me: MemberId, own: OwnShare, isLive: IsLive): PlatformRecord {
  const before = record.members[me] ?? NO_SHARE;
  const mine = { ...before, active: own.active, newestDeadlineMs: own.newestDeadlineMs, keeps: own.keeps };
  const others = Object.entries(record.members).filter(([id]) => id !== me && isLive(id));
  const told = { ...record, members: { ...Object.fromEntries(others), [me]: mine } };
  if (own.active > 0 && !record.forced) return callOff(told, `${instanceOf(me)} has ${own.active} active`);
  if (own.keeps !== null && record.phase === 'proposed') return callOff(told, `${instanceOf(me)}: ${own.keeps}`);
  return told;
}

/** Takes `me` out, and what it holds. */
export function leave(record: PlatformRecord, me: MemberId): PlatformRecord {
  if (record.owner !== me && record.members[me] === undefined) return record;
  const { [me]: _, ...members } = record.members;
  const left = { ...record, members };
  if (record.owner !== me) return left;
  const given = { ...left, owner: null, epoch: record.epoch + 1 };
  return record.phase === 'proposed' ? callOff(given, `${instanceOf(me)} has stopped`) : given;
}

/**
 * `me` becomes the owner where nobody who lives is it. What was proposed is called off: nobody may press for it any more. What was
 * committed stays so: it may have been pressed, and evidence must tell.
 */
export function takeOver(record: PlatformRecord, me: MemberId, isLive: IsLive): PlatformRecord {
  if (record.owner === me || (record.owner !== null && isLive(record.owner))) return record;
  const former = record.owner;
  const taken = { ...record, owner: me, epoch: record.epoch + 1 };
  return record.phase === 'proposed' ? callOff(taken, `its owner ${instanceOf(former ?? me)} is gone`) : taken;
}

/** The owner gives it to another who lives and takes part; only while nothing is under way. */
export function handOver(record: PlatformRecord, me: MemberId, to: MemberId, isLive: IsLive): PlatformRecord {
  const isPossible = record.owner === me && record.phase === 'awake' && to in record.members && isLive(to);
  return isPossible ? { ...record, owner: to, epoch: record.epoch + 1 } : record;
}

export function propose(record: PlatformRecord, me: MemberId, forced: boolean, isLive: IsLive): Change {
  if (record.owner !== me) return { refused: `${describeOwner(record)} owns it` };
  if (record.phase === 'proposed' && record.by === me) return record;
  if (record.phase !== 'awake') return { refused: 'a suspend is under way' };
  const against = reasonAgainst(record, forced, isLive);
  if (against !== null) return { refused: against };
  const proposal = record.proposal + 1;
  const mine = { ...(record.members[me] ?? NO_SHARE), agreedTo: proposal };
  const members = { ...record.members, [me]: mine };
  return { ...record, phase: 'proposed', proposal, by: me, forced, members };
}

/** Also takes an agreement back; once it is committed that calls it off like a wish for a wake. */
export function answer(
  record: PlatformRecord,
  me: MemberId,
  proposal: number,
  held: boolean,
  why: string,
): PlatformRecord {
  if (record.phase === 'awake' || record.proposal !== proposal) return record;
  const before = record.members[me] ?? NO_SHARE;
  const agreedTo = held ? proposal : null;
  if (before.agreedTo === agreedTo && held) return record;
  const answered = { ...record, members: { ...record.members, [me]: { ...before, agreedTo } } };
  return held ? answered : callOff(answered, `${instanceOf(me)}: ${why}`);
}

/** Null: all who live have agreed, and nothing speaks against it. Else for people. */
export function missingAgreement(record: PlatformRecord, isLive: IsLive): string | null {
  const against = reasonAgainst(record, record.forced, isLive);
  if (against !== null) return against;
  const silent = liveMembers(record, isLive).filter(([, { agreedTo }]) => agreedTo !== record.proposal);
  return silent.length === 0 ? null : `${silent.map(([id]) => instanceOf(id)).join(', ')} did not answer`;
}

export function commit(record: PlatformRecord, me: MemberId, proposal: number, isLive: IsLive): Change {
  if (record.owner !== me || record.by !== me) return { refused: `${describeOwner(record)} owns it` };
  if (record.proposal !== proposal || record.phase === 'awake') return { refused: record.why };
  if (record.phase === 'committed') return record;
  const missing = missingAgreement(record, isLive);
  return missing === null ? { ...record, phase: 'committed' } : { refused: missing };
}

/** Back to `awake`, whatever was under way; its members' agreements end with it. */
export function callOff(record: PlatformRecord, why: string): PlatformRecord {
  if (record.phase === 'awake') return record;
  const members = Object.entries(record.members).map(([id, member]) => [id, { ...member, agreedTo: null }] as const);
  return {
    ...record,
    phase: 'awake',
    forced: false,
    why: why.slice(0, WHY_LENGTH_MAX),
    members: Object.fromEntries(members),
  };
}

/** The owner's word that nothing is pressed any more for what stands, or that it runs again. */
export function end(record: PlatformRecord, me: MemberId, why: string): PlatformRecord {
  return record.owner === me ? callOff(record, why) : record;
}

function reasonAgainst(record: PlatformRecord, forced: boolean, isLive: IsLive): string | null {
  for (const [id, { active, keeps }] of liveMembers(record, isLive)) {
    if (active > 0 && !forced) return `${instanceOf(id)} has ${active} active`;
    if (keeps !== null) return `${instanceOf(id)}: ${keeps}`;
  }
  return null;
}

function describeOwner({ owner }: PlatformRecord): string {
  return owner === null ? 'nobody' : instanceOf(owner);
}

function isMemberRecord(member: unknown): boolean {
  if (typeof member !== 'object' || member === null) return false;
  const { active, keeps, agreedTo } = member as Partial<MemberRecord>;
  const isKept = keeps === null || typeof keeps === 'string';
  const isAgreed = agreedTo === null || Number.isSafeInteger(agreedTo);
  return Number.isSafeInteger(active) && isKept && isAgreed;
}
