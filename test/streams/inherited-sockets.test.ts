// Sockets that a process is given: whose variables count, which addresses match. That clients are served by them is test/e2e's.
import { describe, expect, it } from 'vitest';
import { InheritedSockets, type ListeningHandle } from '../../src/streams/inherited-sockets.ts';

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
});
