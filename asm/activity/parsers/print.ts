// Raw printing: a job is work, a status query that repeats is a poll. Source: HP PJL Technical Reference, chapters 2 and 7.

import { PROTOCOL_PRINT } from '../protocols';
import { giveWork } from '../verdict';
import { judgeRequest } from './requests';

/** No query of a printer's state needs more; what does is a job. */
const QUERY_BYTES: u32 = 256;
const ESCAPE: u8 = 0x1b;
const AT: u8 = 0x40;

/** Judges one read: only a short one that starts as PJL does may be a query, and counts until it keeps a period. */
export function judgePrint(family: u32, from: usize, bytes: u32, now: u32): void {
  const first = load<u8>(from);
  if (bytes <= QUERY_BYTES && (first === ESCAPE || first === AT))
    judgeRequest(PROTOCOL_PRINT, family, from, bytes, now);
  else giveWork(bytes);
}
