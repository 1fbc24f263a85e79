// Guacamole instructions of a client, in WebSocket messages: "LENGTH.OPCODE,LENGTH.VALUE;". The client answers pictures (sync) and
// blobs (ack), and says that it is there (nop, and twice a second a ping of the tunnel, whose opcode is empty) by itself; every other
// instruction is somebody's. Source: Apache Guacamole manual, "Guacamole protocol reference"; guacamole-common-js, Tunnel.js.
//
// State, from `guacamole`: u8 bytes kept of the instruction, 7 bytes unused, then its first 8 bytes.

import { REASON_INPUT } from '../reasons';
import { giveActive, giveProtocol } from '../verdict';

const START: usize = 8;
/** With so many bytes an instruction is told. */
const START_BYTES: u8 = 8;
const SEMICOLON: u8 = 0x3b;

// First bytes, little-endian.
const SYNC: u32 = 0x79732e34; // "4.sync,"
const SYNC_END: u32 = 0x2c636e;
const NOP: u32 = 0x6f6e2e33; // "3.nop;"
const NOP_END: u32 = 0x3b70;
const ACK: u32 = 0x63612e33; // "3.ack,"
const ACK_END: u32 = 0x2c6b;
const TUNNEL: u32 = 0x2c2e30; // "0.,"
const KEY: u32 = 0x656b2e33; // "3.key,"
const KEY_END: u32 = 0x2c79;
const MOUSE: u32 = 0x6f6d2e35; // "5.mouse,"
const MOUSE_END: u32 = 0x2c657375;
const SIZE: u32 = 0x69732e34; // "4.size,"
const SIZE_END: u32 = 0x2c657a;
const MASK_2: u32 = 0xffff;
const MASK_3: u32 = 0xffffff;

/** Whether the first 8 bytes of a connection's first message, 0 where it has fewer, are an instruction of a client. */
export function isGuacamole(start: usize): bool {
  const first = load<u32>(start);
  const second = load<u32>(start, 4);
  return (
    isChatter(first, second) ||
    (first === KEY && (second & MASK_2) === KEY_END) ||
    (first === MOUSE && second === MOUSE_END) ||
    (first === SIZE && (second & MASK_3) === SIZE_END)
  );
}

function isChatter(first: u32, second: u32): bool {
  return (
    (first === SYNC && (second & MASK_3) === SYNC_END) ||
    (first === NOP && (second & MASK_2) === NOP_END) ||
    (first === ACK && (second & MASK_2) === ACK_END) ||
    (first & MASK_3) === TUNNEL
  );
}

/** Judges a piece of a message: an instruction as soon as its first bytes tell what it is. */
export function judgeGuacamole(guacamole: usize, from: usize, bytes: u32): void {
  for (let at = from; at < from + bytes; ++at) {
    const byte = load<u8>(at);
    const have = load<u8>(guacamole);
    if (have < START_BYTES) {
      if (have === 0) store<u64>(guacamole, 0, START);
      store<u8>(guacamole + have, byte, START);
      store<u8>(guacamole, have + 1);
      if (have + 1 === START_BYTES || byte === SEMICOLON) judgeInstruction(guacamole);
    }
    if (byte === SEMICOLON) store<u8>(guacamole, 0);
  }
}

/** A message ends: with an instruction, or it is none of Guacamole's. */
export function endGuacamole(guacamole: usize, bytes: u32): void {
  if (load<u8>(guacamole) !== 0) giveActive(REASON_INPUT, bytes);
  store<u8>(guacamole, 0);
}

function judgeInstruction(guacamole: usize): void {
  const bytes = load<u8>(guacamole);
  if (isChatter(load<u32>(guacamole, START), load<u32>(guacamole, START + 4))) giveProtocol(bytes);
  else giveActive(REASON_INPUT, bytes);
}
