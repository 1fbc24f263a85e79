// What a listener says about datagrams: how it is written, and what means nothing there.
import { describe, expect, it } from 'vitest';
import { parseListeners } from './support/parse-listeners.ts';

const UDP = 'listen: "udp:0.0.0.0:3391", target: "udp:10.0.1.21:3391"';
const TCP = 'listen: "0.0.0.0:3391", target: "10.0.1.21:3391"';

describe('UDP listeners in the configuration', () => {
  it('an address of datagrams -> as it is written, with its defaults; a listener of connections knows nothing of it', () => {
    const [datagrams, connections] = parseListeners([UDP, TCP]).config.platforms[0]?.vms[0]?.listeners ?? [];
    expect(datagrams).toMatchObject({
      listen: { host: 'udp:0.0.0.0:3391', port: 0 },
      target: { host: 'udp:10.0.1.21:3391', port: 0 },
      protocol: 'raw',
      wakeRate: { count: 20, perMs: 3_600_000 },
      probe: { kind: 'none' },
      udp: { datagrams: 'wake', holdForMs: 30_000, flowIdleMs: 120_000 },
    });
    expect(connections).not.toHaveProperty('udp');
  });

  it('its own rules, IPv6, a probe by ICMP -> as they are written', () => {
    const rules = 'udp: { datagrams: count, holdFor: 5s, flowIdle: 1h }, probe: icmp, wakeRate: none';
    const { config } = parseListeners([`listen: "udp:[::]:514", target: "udp:[2001:db8::7]:514", ${rules}`]);
    expect(config.platforms[0]?.vms[0]?.listeners[0]).toMatchObject({
      listen: { host: 'udp:[::]:514' },
      target: { host: 'udp:[2001:db8::7]:514' },
      udp: { datagrams: 'count', holdForMs: 5000, flowIdleMs: 3_600_000 },
      probe: { kind: 'icmp' },
      wakeRate: null,
    });
  });

  it('a socket of datagrams that systemd names -> with the same defaults; the same name for connections is another', () => {
    const named = 'listen: "udp:systemd:syslog", target: "udp:10.0.1.21:514"';
    const [listener] = parseListeners([named, TCP.replace('0.0.0.0:3391', 'systemd:syslog')]).config.platforms[0]
      ?.vms[0]?.listeners ?? [undefined];
    expect(listener).toMatchObject({
      listen: { host: 'udp:systemd:syslog', port: 0 },
      probe: { kind: 'none' },
      udp: { datagrams: 'wake' },
    });
    expect(() => parseListeners([named, named])).toThrow('already taken');
  });

  it.each([
    ['listen: "udp:systemd:", target: "udp:10.0.1.21:3391"', 'FileDescriptorName='],
    ['listen: "udp:systemd:a", target: "udp:systemd:b"', 'is no address'],
    ['listen: "udp:3391", target: "udp:10.0.1.21:3391"', 'is no address'],
    ['listen: "udp:0.0.0.0:3391", target: "udp:10.0.1.21:0"', 'has port 0'],
    [`${UDP}, webSocket: `, 'it is for connections'],
    ['listen: "udp:0.0.0.0:3391", target: "10.0.1.21:3391"', 'write target: "udp:10.0.1.21:3391"'],
    ['listen: "0.0.0.0:3391", target: "udp:10.0.1.21:3391"', 'only a listener of datagrams'],
    [`${TCP}, udp: { datagrams: count }`, 'it is about datagrams'],
    [`${UDP}, udp: { datagrams: maybe }`, 'maybe'],
    [`${UDP}, proxyProtocol: { send: v2 }`, 'datagrams have none'],
    [`${UDP}, waitingPage: browsers`, 'datagrams have none'],
    [`${UDP}, record: true`, 'datagrams have none'],
    [`${UDP}, wakeOn: preface`, 'datagrams have none'],
    [`${UDP}, protocol: rdp`, 'datagrams have none'],
    [`${UDP}, socketMode: "0600"`, 'only a Unix socket has a mode'],
    [`${UDP}, probe: tcp`, 'takes no connection'],
    ['listen: "udp:127.0.0.1:53", target: "udp:127.0.0.1:53"', 'is Torpor itself'],
    ['listen: "udp:0.0.0.0:53", target: "udp:127.0.0.1:53"', 'is Torpor itself'],
    [`${TCP}, routes: [{ vm: one, hosts: [a.example], target: "udp:10.0.1.21:3391" }]`, 'not datagrams'],
  ])('%s -> refused: %s', (listener, expected) => {
    expect(() => parseListeners([listener])).toThrow(expected);
  });

  it('the same port twice, also by a wildcard -> refused; the same port for connections -> taken', () => {
    expect(() => parseListeners([UDP, UDP.replace('0.0.0.0', '127.0.0.1')])).toThrow('already taken');
    expect(() => parseListeners([UDP, TCP])).not.toThrow();
  });

  it('workers above 1 -> refused', () => {
    expect(() => parseListeners([UDP], 'workers: 2\n')).toThrow('no listener can take datagrams');
  });
});
