import { describe, expect, it } from 'vitest';
import { addUnacked, socketKey } from '../../src/streams/proc-net-tcp.ts';

// The line that Documentation/networking/proc_net_tcp.rst explains field by field, joined as the kernel prints it:
// local 172.16.3.1:40012, remote 172.16.3.3:6000, state 01 (established), transmit queue 0x150, receive queue 0.
const DOCUMENTED =
  '  46: 010310AC:9C4C 030310AC:1770 01 00000150:00000000 01:00000019 00000000  1000        0 54165785 4 cd1e6040 25 4 27 3 -1';
const HEADER =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     ';
const HEADER6 =
  '  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';

// Lines made by hand from the format strings of net/ipv4/tcp_ipv4.c ("%4d: %08X:%04X %08X:%04X %02X %08X:%08X ...") and
// net/ipv6/tcp_ipv6.c (four words per address), for a little-endian machine.
const LISTENING =
  '   0: 0100007F:1F90 00000000:0000 0A 00000003:00000000 00:00000000 00000000     0        0 33873 1 0000000000000000 100 0 0 10 0';
const LAST_ACK =
  '   1: 0A01000A:D431 1501000A:0D3D 09 0000000B:00000000 01:00000014 00000002     0        0 0 2 0000000000000000 40 4 30 10 -1';
const ACKNOWLEDGED =
  '   2: 0A01000A:D432 1501000A:0D3D 01 00000000:000000FF 00:00000000 00000000     0        0 40000 1 0000000000000000 20 4 30 10 -1';
const V6 =
  '   0: B80D0120000000000000000001000000:CAFE B80D0120000000000000000002000000:0016 04 00000024:00000000 01:00000014 00000001     0        0 0 2 0000000000000000 40 4 30 10 -1';
const MAPPED =
  '   1: 0000000000000000FFFF00000A01000A:B000 0000000000000000FFFF00001501000A:0D3D 01 00010000:00000000 01:00000014 00000001     0        0 50 2 0000000000000000 40 4 30 10 -1';

function read(text: string, endian: 'LE' | 'BE' = 'LE'): Map<string, number> {
  const unacked = new Map<string, number>();
  addUnacked(text, unacked, endian);
  return unacked;
}

function key(local: string, localPort: number, remote: string, remotePort: number, endian: 'LE' | 'BE' = 'LE') {
  return socketKey({ localAddress: local, localPort, remoteAddress: remote, remotePort }, endian);
}

describe('addUnacked', () => {
  it('the documented line: established -> its transmit queue of 0x150 bytes, found by its addresses', () => {
    const unacked = read(`${HEADER}\n${DOCUMENTED}\n`);
    expect([...unacked.values()]).toEqual([336]);
    expect(unacked.get(key('172.16.3.1', 40_012, '172.16.3.3', 6000) as string)).toBe(336);
  });

  it('a listening socket: its backlog in the same column -> not counted', () => {
    expect(read(`${HEADER}\n${LISTENING}\n`).size).toBe(0);
  });

  it('LAST_ACK: closed by its process, FIN and data unacknowledged -> counted', () => {
    expect(read(LAST_ACK).get(key('10.0.1.10', 54_321, '10.0.1.21', 3389) as string)).toBe(11);
  });

  it('everything acknowledged: bytes only in the receive queue -> not counted', () => {
    expect(read(ACKNOWLEDGED).size).toBe(0);
  });

  it('IPv6: four words per address, each turned -> found by its written form', () => {
    const unacked = read(`${HEADER6}\n${V6}\n`);
    expect(unacked.get(key('2001:db8::1', 51_966, '2001:db8::2', 22) as string)).toBe(36);
  });

  it('IPv4-mapped in tcp6: the socket names itself either way -> the same connection', () => {
    const unacked = read(MAPPED);
    expect(unacked.get(key('::ffff:10.0.1.10', 45_056, '::ffff:10.0.1.21', 3389) as string)).toBe(65_536);
    expect(unacked.get(key('10.0.1.10', 45_056, '10.0.1.21', 3389) as string)).toBe(65_536);
  });

  it('a big-endian kernel: words in network order -> found too', () => {
    const line = DOCUMENTED.replace('010310AC', 'AC100301').replace('030310AC', 'AC100303');
    expect(read(line, 'BE').get(key('172.16.3.1', 40_012, '172.16.3.3', 6000, 'BE') as string)).toBe(336);
  });

  it('headers, empty and torn lines -> skipped', () => {
    expect(read(`${HEADER}\n\n   3: 0100007F:1F90 01\n   4: zz\n${DOCUMENTED.slice(0, 45)}\n`).size).toBe(0);
  });
});

describe('socketKey', () => {
  it('one address written in several ways -> one key', () => {
    const ways = ['fe80::1:2', 'fe80:0:0:0:0:0:1:2', 'fe80::0001:0002%eth0', 'fe80::0.1.0.2'];
    const keys = ways.map((way) => key(way, 1, '::1', 2));
    expect(new Set(keys).size).toBe(1);
    expect(keys[0]).toBe('000080FE000000000000000002000100:0001 00000000000000000000000001000000:0002');
  });

  it('what is no address: a socket that lost its handle -> null', () => {
    expect(key('', 1, '10.0.0.1', 2)).toBeNull();
    expect(key('10.0.0.1', 1, 'alice', 2)).toBeNull();
  });
});
