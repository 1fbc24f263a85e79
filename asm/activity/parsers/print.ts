// Raw printing: a job is work, a question after the printer's state is chatter, and what else is short and keeps a period is a poll.
// Source: HP PJL Technical Reference, chapters 2 (Universal Exit Language), 3 (COMMENT) and 7 (INFO, INQUIRE, DINQUIRE, ECHO, USTATUS).
//
// Message state: that of requests.ts, then u8 phase, u8 bytes matched within it, u32 first letters of the command.
import { PROTOCOL_PRINT } from '../protocols';
import { giveProtocol, giveWork } from '../verdict';
import { judgeRequest, REQUEST_STATE_BYTES } from './requests';

const PHASE: usize = REQUEST_STATE_BYTES;
const MATCHED: usize = PHASE + 1;
const WORD: usize = PHASE + 4;

/** Between lines of PJL: how every connection starts. */
const PHASE_LINE: u8 = 0;
/** Within ESC %-12345X. */
const PHASE_EXIT: u8 = 1;
/** Within "@PJL " and the first letters of its command. */
const PHASE_COMMAND: u8 = 2;
/** In what is left of a line that asks. */
const PHASE_QUESTION: u8 = 3;
/** In a job, which only an exit sequence ends. */
const PHASE_JOB: u8 = 4;
/** Within what may be the exit sequence that ends a job. */
const PHASE_JOB_EXIT: u8 = 5;

/** No poll of a printer needs more; what does is a job. */
const QUERY_BYTES: u32 = 256;
const ESCAPE: u8 = 0x1b;
const AT: u8 = 0x40;
const SPACE: u8 = 0x20;
const LINE_FEED: u8 = 0x0a;
const CARRIAGE_RETURN: u8 = 0x0d;

/** ESC %-12345X, little-endian: its first four bytes, the next four, and the last. */
const EXIT_FIRST: u32 = 0x312d251b;
const EXIT_SECOND: u32 = 0x35343332;
const EXIT_LAST: u8 = 0x58;
const EXIT_BYTES: u8 = 9;
/** "@PJL", little-endian; a space and four letters follow it. */
const PREFIX: u32 = 0x4c4a5040;
const PREFIX_BYTES: u8 = 4;
const COMMAND_BYTES: u8 = 9;

// The first four letters of the commands that only ask, little-endian.
const INFO: u32 = 0x4f464e49;
const INQUIRE: u32 = 0x55514e49;
const DINQUIRE: u32 = 0x514e4944;
const ECHO: u32 = 0x4f484345;
const USTATUS: u32 = 0x41545355;
const COMMENT: u32 = 0x4d4d4f43;

/** Judges one read of `bytes` bytes. */
export function judgePrint(message: usize, family: u32, from: usize, bytes: u32, now: u32): void {
  const first = load<u8>(from);
  const isLine = first === ESCAPE || (first === AT && load<u8>(message, PHASE) === PHASE_LINE);
  let isJob = false;
  for (let at = from; at < from + bytes; ++at) {
    if (step(message, load<u8>(at))) isJob = true;
  }
  if (!isJob) giveProtocol(bytes);
  else if (isLine && bytes <= QUERY_BYTES) {
    judgeRequest(PROTOCOL_PRINT, message, family, from, bytes, now);
    store<u8>(message, PHASE_LINE, PHASE);
  } else giveWork(bytes);
}

/** Takes one byte; answers whether it belongs to a job. */
function step(message: usize, byte: u8): bool {
  const phase = load<u8>(message, PHASE);
  if (phase === PHASE_LINE) return startLine(message, byte);
  if (phase === PHASE_QUESTION) {
    if (byte === LINE_FEED) store<u8>(message, PHASE_LINE, PHASE);
    return false;
  }
  if (phase === PHASE_COMMAND) return stepCommand(message, byte);
  if (phase === PHASE_JOB) {
    if (byte === ESCAPE) enter(message, PHASE_JOB_EXIT);
    return true;
  }
  return stepExit(message, byte, phase === PHASE_JOB_EXIT);
}

function enter(message: usize, phase: u8): void {
  store<u8>(message, phase, PHASE);
  store<u8>(message, 1, MATCHED);
}

function startLine(message: usize, byte: u8): bool {
  if (byte === LINE_FEED || byte === CARRIAGE_RETURN) return false;
  if (byte === ESCAPE) enter(message, PHASE_EXIT);
  else if (byte === AT) enter(message, PHASE_COMMAND);
  else return startJob(message);
  return false;
}

function startJob(message: usize): bool {
  store<u8>(message, PHASE_JOB, PHASE);
  return true;
}

/** Within an exit sequence: one that is none is a job's. */
function stepExit(message: usize, byte: u8, isJob: bool): bool {
  const matched = load<u8>(message, MATCHED);
  if (byte !== exitByte(matched)) {
    if (byte === ESCAPE) enter(message, PHASE_JOB_EXIT);
    else startJob(message);
    return true;
  }
  store<u8>(message, matched + 1, MATCHED);
  if (matched + 1 === EXIT_BYTES) store<u8>(message, PHASE_LINE, PHASE);
  return isJob;
}

function exitByte(index: u8): u8 {
  if (index < 4) return <u8>(EXIT_FIRST >> (index * 8));
  return index < 8 ? <u8>(EXIT_SECOND >> ((index - 4) * 8)) : EXIT_LAST;
}

/** Within "@PJL" and its command: "@PJL" alone asks for nothing, and is no job. */
function stepCommand(message: usize, byte: u8): bool {
  const matched = load<u8>(message, MATCHED);
  store<u8>(message, matched + 1, MATCHED);
  if (matched < PREFIX_BYTES) return byte === <u8>(PREFIX >> (matched * 8)) ? false : startJob(message);
  if (matched === PREFIX_BYTES) {
    if (byte === LINE_FEED) store<u8>(message, PHASE_LINE, PHASE);
    else if (byte === CARRIAGE_RETURN) store<u8>(message, PHASE_QUESTION, PHASE);
    else if (byte !== SPACE) return startJob(message);
    return false;
  }
  store<u32>(message, (load<u32>(message, WORD) >> 8) | ((<u32>byte) << 24), WORD);
  if (matched + 1 < COMMAND_BYTES) return false;
  if (!isAsking(load<u32>(message, WORD))) return startJob(message);
  store<u8>(message, PHASE_QUESTION, PHASE);
  return false;
}

function isAsking(word: u32): bool {
  return (
    word === INFO || word === INQUIRE || word === DINQUIRE || word === ECHO || word === USTATUS || word === COMMENT
  );
}
