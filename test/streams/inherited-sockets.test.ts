// Sockets that a process is given: whose variables count, which addresses match. That clients are served by them is test/e2e's.
import { readdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { InheritedSockets, type ListeningHandle } from '../../src/streams/inherited-sockets.ts';
import { TempFolder } from '../support/temp-folder.ts';

function socketAt(host: string, port: number, closed: number[] = []) {
  const handle: ListeningHandle = { fd: port, getsockname: () => 0, close: () => void closed.push(port) };
  return { endpoint: { host, port }, handle };
}

describe('inherited sockets', () => {
  it('variables meant for another process -> nothing is taken, and they do not go on to children', () => {
    const env: Record<string, string | undefined> = {
      LISTEN_PID: '1',
      LISTEN_FDS: '3',
      LISTEN_FDNAMES: 'a:b:c',
      HOME: '/',
    };
    expect(InheritedSockets.take(env, 4711).left).toEqual([]);
    expect(env).toEqual({ HOME: '/' });
  });

  it.each([
    ['0.0.0.0', '0.0.0.0', true],
    ['::', '0.0.0.0', true],
    ['::', '::', true],
    ['0.0.0.0', '::', false],
    ['127.0.0.1', 'localhost', true],
    ['10.0.0.1', '10.0.0.2', false],
    ['0.0.0.0', '10.0.0.2', false],
  ])('a socket on %s, a listener on %s -> taken: %s', (bound, wanted, isTaken) => {
    const sockets = new InheritedSockets([socketAt(bound, 3389)]);
    expect(sockets.claim({ host: wanted, port: 3390 })).toBeNull();
    expect(sockets.claim({ host: wanted, port: 3389 }) !== null).toBe(isTaken);
    // Once.
    expect(sockets.claim({ host: wanted, port: 3389 })).toBeNull();
  });

  it('those that nobody took -> named, then closed; those that were taken stay open', () => {
    const closed: number[] = [];
    const sockets = new InheritedSockets([socketAt('10.0.0.1', 1, closed), socketAt('::', 2, closed)]);
    sockets.claim({ host: '10.0.0.1', port: 1 });
    expect(sockets.left).toEqual(['[::]:2']);
    sockets.close();
    expect(closed).toEqual([2]);
  });

  it('by name -> the socket that systemd calls so, once; none, or two of that name -> ERR_STREAM_LISTEN that says what to do', () => {
    const named = (name: string, port: number) => ({ ...socketAt('0.0.0.0', port), name });
    const sockets = new InheritedSockets([named('alice', 1), named('bob', 2), named('twice', 3), named('twice', 4)]);
    const claim = (name: string) => sockets.claim({ host: `systemd:${name}`, port: 0 });
    expect(claim('alice')?.endpoint.port).toBe(1);
    expect(claim('alice')).toBeNull();
    expect(sockets.missing({ host: 'systemd:alice', port: 0 }).message).toContain('systemd gave bob, twice, twice');
    expect(() => claim('twice')).toThrow('systemd gave 2 sockets of that name');
    // By its address still.
    expect(sockets.claim({ host: '0.0.0.0', port: 2 })?.name).toBe('bob');
    expect(sockets.left).toEqual(['0.0.0.0:3 (twice)', '0.0.0.0:4 (twice)']);
  });

  it('datagrams and connections at one address, or of one name -> each to the listener of its kind', () => {
    const both = (host: string, port: number) => [socketAt(host, port), socketAt(`udp:${host}:${port}`, 0)];
    const sockets = new InheritedSockets([
      ...both('127.0.0.1', 514),
      ...both('127.0.0.1', 515).map((each) => ({ ...each, name: 'log' })),
      socketAt('udp:[::]:516', 0),
    ]);
    const claimed = (host: string, port = 0) => sockets.claim({ host, port })?.endpoint ?? null;
    expect(claimed('127.0.0.1', 514)).toEqual({ host: '127.0.0.1', port: 514 });
    expect([claimed('udp:127.0.0.1:513'), claimed('udp:127.0.0.1:514')?.host]).toEqual([null, 'udp:127.0.0.1:514']);
    expect([claimed('udp:systemd:log')?.host, claimed('udp:systemd:log')]).toEqual(['udp:127.0.0.1:515', null]);
    expect(claimed('systemd:log')).toEqual({ host: '127.0.0.1', port: 515 });
    // systemd binds :: for both families.
    expect([claimed('0.0.0.0', 516), claimed('udp:0.0.0.0:516')?.host]).toEqual([null, 'udp:[::]:516']);
    expect(sockets.left).toEqual([]);
  });

  it('what one Torpor tells the next -> descriptors, and which of them have names', () => {
    const tcp = { fd: 20, name: null, ownsFile: false };
    const unix = { fd: 21, name: 'unix:/run/a.sock', ownsFile: true };
    expect(InheritedSockets.tell([tcp], 4)).toEqual({ TORPOR_LISTEN_FDS: '4:1' });
    expect(InheritedSockets.tell([tcp, unix], 4)).toEqual({
      TORPOR_LISTEN_FDS: '4:2',
      TORPOR_LISTEN_NAMES: '[[5,"unix:/run/a.sock",true]]',
    });
    expect(InheritedSockets.tell([tcp], 4, 3)).toEqual({ TORPOR_LISTEN_FDS: '4:1', TORPOR_FLOW_FDS: '5:3' });
  });

  it('the file of a Unix socket that nobody took -> goes, where it came from a Torpor; stays, where it is systemd’s', () => {
    using folder = new TempFolder('inherited');
    const paths = ['own.sock', 'systemd.sock'].map((name) => folder.file(name));
    for (const path of paths) writeFileSync(path, '');
    const sockets = paths.map((path, at) => ({
      ...socketAt(`unix:${path}`, 0),
      ownsFile: at === 0,
    }));
    new InheritedSockets(sockets).close();
    expect(readdirSync(folder.path)).toEqual(['systemd.sock']);
  });
});
