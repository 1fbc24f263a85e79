// iSCSI PDUs of an initiator. Source: RFC 7143 section 11. Leaves chunk boundaries to messages.ts. Sessions with header digests
// are not understood: their PDUs are 4 bytes longer, which loses the place at once.
import { REASON_HANDSHAKE, REASON_UNKNOWN_MESSAGE } from '../reasons';
import { giveActive, giveProtocol, giveWork } from '../verdict';
import { LOST, NEED_MORE } from './step';

/** Basic header segment. */
const HEADER_BYTES: u32 = 48;
const NOP_OUT: u32 = 0x00;
const SCSI_COMMAND: u32 = 0x01;
const LOGIN: u32 = 0x03;
const DATA_OUT: u32 = 0x05;
const LARGEST_OPCODE: u32 = 0x10;
const CDB: usize = 32;
/** Flags R and W of a SCSI Command. */
const MOVES_DATA: u8 = 0x60;

/**
 * SCSI commands by which a host looks whether the disk is there, and what it is like: SPC-4 TEST UNIT READY, REQUEST SENSE, INQUIRY, MODE SENSE,
 * REPORT LUNS; SBC-3 READ CAPACITY; MMC-6 GET EVENT STATUS NOTIFICATION. None moves what is on the disk.
 */
const TEST_UNIT_READY: u8 = 0x00;
const REQUEST_SENSE: u8 = 0x03;
const INQUIRY: u8 = 0x12;
const MODE_SENSE_6: u8 = 0x1a;
const MODE_SENSE_10: u8 = 0x5a;
const READ_CAPACITY_10: u8 = 0x25;
const GET_EVENT_STATUS: u8 = 0x4a;
const REPORT_LUNS: u8 = 0xa0;

/** One step through an initiator's bytes; see messages.ts. */
export function stepIscsi(header: usize, have: u32): i64 {
  if (have < HEADER_BYTES) return NEED_MORE;
  const opcode = <u32>load<u8>(header) & 0x3f;
  // Bytes 2 and 3 are zero in every PDU of an initiator, also a login's versions. In the middle of one they hardly ever are.
  if (opcode > LARGEST_OPCODE || load<u16>(header, 2) !== 0) return LOST;
  const dataBytes = bswap(load<u32>(header, 4)) & 0xffffff;
  const length = <i64>HEADER_BYTES + 4 * <i64>load<u8>(header, 4) + <i64>((dataBytes + 3) & ~3);
  if (opcode === NOP_OUT) giveProtocol(HEADER_BYTES);
  else if (opcode === SCSI_COMMAND) judgeCommand(load<u8>(header, CDB), (load<u8>(header, 1) & MOVES_DATA) !== 0);
  else if (opcode === DATA_OUT) giveWork(<u32>length);
  else giveActive(opcode === LOGIN ? REASON_HANDSHAKE : REASON_UNKNOWN_MESSAGE, <u32>length);
  return length;
}

function judgeCommand(command: u8, movesData: bool): void {
  const isLook =
    (command === TEST_UNIT_READY && !movesData) ||
    command === REQUEST_SENSE ||
    command === INQUIRY ||
    command === MODE_SENSE_6 ||
    command === MODE_SENSE_10 ||
    command === READ_CAPACITY_10 ||
    command === GET_EVENT_STATUS ||
    command === REPORT_LUNS;
  if (isLook) giveProtocol(HEADER_BYTES);
  else giveWork(HEADER_BYTES);
}
