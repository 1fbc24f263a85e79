// What the kernel itself tells of TCP connections: whether both ends of one on loopback are open, who listens, how many were taken.
import { readFileSync } from 'node:fs';

/** TCP_ESTABLISHED, include/net/tcp_states.h. */
const ESTABLISHED = '01';
/** TCP_LISTEN. */
const LISTEN = '0A';

/** True where both ends of the connection between two local ports are ESTABLISHED: neither a FIN nor a RST was sent. */
export function bothEndsEstablished(portA: number, portB: number): boolean {
  const ends = socketsIn(ESTABLISHED).map(([local, remote]) => `${local}>${remote}`);
  return ends.includes(`${portA}>${portB}`) && ends.includes(`${portB}>${portA}`);
}

/** True where somebody listens on the port by IPv4. Asked so, nobody is kept from it and nobody connects. */
export function isListenedOn(port: number): boolean {
  return socketsIn(LISTEN).some(([local]) => local === port);
}

/** The local and the remote port of each IPv4 socket in the state. */
function socketsIn(wanted: string): Array<[number, number]> {
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state]) => state === wanted)
    .map(([, local, remote]) => [portOf(local), portOf(remote)]);
}

/** `0100007F:1F90`: the port is hexadecimal, in order. */
function portOf(address: string | undefined): number {
  return Number.parseInt(address?.split(':')[1] ?? '', 16);
}

/** Connections that this network namespace has accepted since it is there, read or not: PassiveOpens of RFC 4022. */
export function passiveOpens(): number {
  const [names = [], values = []] = readFileSync('/proc/net/snmp', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('Tcp:'))
    .map((line) => line.split(' '));
  return Number(values[names.indexOf('PassiveOpens')]);
}
