// Telnet's client side: commands and negotiations are chatter, every other byte is a key; so is a serial line's BREAK. Source: RFC 854,
// RFC 855, RFC 2217.
import { REASON_INPUT, REASON_UNKNOWN_MESSAGE } from '../reasons';
import { giveActive, giveProtocol } from '../verdict';

// Message state: u8 phase, u16 length of the subnegotiation under way.
const LENGTH: usize = 2;
const PHASE_DATA: u8 = 0;
/** After IAC. */
const PHASE_COMMAND: u8 = 1;
/** After IAC and WILL, WONT, DO or DONT. */
const PHASE_OPTION: u8 = 2;
/** Between IAC SB and IAC SE. */
const PHASE_SUB: u8 = 3;
/** After IAC within a subnegotiation. */
const PHASE_SUB_COMMAND: u8 = 4;
/** After IAC SB: the option. */
const PHASE_SUB_OPTION: u8 = 5;
/** Within one of COM-PORT-OPTION: its command, then the value of SET-CONTROL. */
const PHASE_COM_PORT: u8 = 6;
const PHASE_COM_CONTROL: u8 = 7;

const IAC: u8 = 255;
const WILL: u8 = 251;
const SB: u8 = 250;
const SE: u8 = 240;
/** Commands that a key of the user makes: BRK, IP, AO, AYT, EC, EL. */
const BRK: u8 = 243;
const EL: u8 = 248;
/** RFC 2217: what is set of the line is the program's doing, its BREAK is asked for by a person (a console's SysRq, ROM monitors). */
const COM_PORT_OPTION: u8 = 44;
const SET_CONTROL: u8 = 5;
const BREAK_ON: u8 = 5;
/** A subnegotiation's bytes beyond these count: one that never ends hides nobody. Only a Kerberos ticket (RFC 2942) is longer, with its user there. */
const SUB_BYTES_MAX: u32 = 1024;

/** Judges the client's bytes from `from` to `end`. It cannot lose its place: what is not a command is data. */
export function judgeTelnet(message: usize, from: usize, end: usize): void {
  let phase = load<u8>(message);
  let length = <u32>load<u16>(message, LENGTH);
  for (let at = from; at < end; ++at) {
    phase = step(phase, load<u8>(at));
    if (phase < PHASE_SUB) length = 0;
    else if (length < SUB_BYTES_MAX) ++length;
    else giveActive(REASON_UNKNOWN_MESSAGE, length);
  }
  store<u8>(message, phase);
  store<u16>(message, <u16>length, LENGTH);
}

function step(phase: u8, byte: u8): u8 {
  switch (phase) {
    case PHASE_COMMAND:
      return takeCommand(byte);
    case PHASE_OPTION:
      giveProtocol(3);
      return PHASE_DATA;
    case PHASE_SUB_OPTION:
      if (byte === COM_PORT_OPTION) return PHASE_COM_PORT;
      return within(byte);
    case PHASE_COM_PORT:
      if (byte === SET_CONTROL) return PHASE_COM_CONTROL;
      return within(byte);
    case PHASE_COM_CONTROL:
      if (byte === BREAK_ON) giveActive(REASON_INPUT, 3);
      return within(byte);
    case PHASE_SUB:
      return within(byte);
    case PHASE_SUB_COMMAND:
      if (byte !== SE) return PHASE_SUB;
      giveProtocol(2);
      return PHASE_DATA;
    default:
      if (byte === IAC) return PHASE_COMMAND;
      giveActive(REASON_INPUT, 1);
      return PHASE_DATA;
  }
}

function within(byte: u8): u8 {
  return byte === IAC ? PHASE_SUB_COMMAND : PHASE_SUB;
}

function takeCommand(byte: u8): u8 {
  if (byte === SB) return PHASE_SUB_OPTION;
  if (byte >= WILL && byte < IAC) return PHASE_OPTION;
  if (byte === IAC || (byte >= BRK && byte <= EL)) giveActive(REASON_INPUT, 2);
  else giveProtocol(2);
  return PHASE_DATA;
}
