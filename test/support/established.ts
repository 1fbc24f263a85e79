// Whether the kernel still holds both ends of a loopback TCP connection open, read from its own table.
import { readFileSync } from 'node:fs';

/** TCP_ESTABLISHED, include/net/tcp_states.h. */
const ESTABLISHED = '01';

/** True where both ends of the connection between two local ports are ESTABLISHED: neither a FIN nor a RST was sent. */
export function bothEndsEstablished(portA: number, portB: number): boolean {
  const ends = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state]) => state === ESTABLISHED)
    .map(([, local, remote]) => `${portOf(local)}>${portOf(remote)}`);
  return ends.includes(`${portA}>${portB}`) && ends.includes(`${portB}>${portA}`);
}

/** `0100007F:1F90`: the port is hexadecimal, in order. */
function portOf(address: string | undefined): number {
  return Number.parseInt(address?.split(':')[1] ?? '', 16);
}
