// The byte that says how a coded piece is to be read: the same in a record of the link and in a message of torpor-lz4.v1. Knows nothing of
// what stands around it.
import type { CodedPiece, PieceForm } from './link-codec.ts';

/** Bits 1:0: a PieceForm, in this order; 3 is no piece. */
const FORMS: readonly PieceForm[] = ['aside', 'stored', 'linked'];
/** Bits 3:2: the tier in which both ends keep the history (LINK_CODEC_TIERS). */
const TIER_SHIFT = 2;
/** Bit 4: the history begins with this block. */
const FLAG_RESTART = 16;
/** Before a linked block: u16, big-endian, what it restores to. */
export const PIECE_PREFIX_BYTES = 2;

export type PieceHead = Pick<CodedPiece, 'form' | 'tier' | 'isRestart'>;

export function pieceFlags({ form, tier, isRestart }: PieceHead): number {
  return FORMS.indexOf(form) | (tier << TIER_SHIFT) | (isRestart ? FLAG_RESTART : 0);
}

/** Null where they are no piece's. Bits from 5 on are the caller's to look at. */
export function readPieceFlags(flags: number): PieceHead | null {
  const form = FORMS[flags & 3];
  return form === undefined ? null : { form, tier: (flags >> TIER_SHIFT) & 3, isRestart: (flags & FLAG_RESTART) !== 0 };
}
