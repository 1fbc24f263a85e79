// What a listener says about Unix sockets and sockets of systemd: how they are written, and what means nothing there.
import { describe, expect, it } from 'vitest';
import { parseListeners } from './support/parse-listeners.ts';

function load(...listeners: string[]) {
  return parseListeners(listeners);
}

const TARGET = 'target: "10.0.0.7:22"';
const SOCKET = `listen: "unix:/run/torpor/one.sock", ${TARGET}`;

describe('Unix sockets in the configuration', () => {
  it('paths and names -> as they are written; the mode by its octal digits; no bound of wakes by default', () => {
    const listenerOf = (text: string) => load(text).config.platforms[0]?.vms[0]?.listeners[0];
    expect(listenerOf(`${SOCKET}, wakeOn: input`)).toMatchObject({
      listen: { host: 'unix:/run/torpor/one.sock', port: 0 },
      wakeRate: null,
    });
    expect(listenerOf(SOCKET)).not.toHaveProperty('socketMode');
    for (const mode of ['0660', '"0660"', '660'])
      expect(listenerOf(`${SOCKET}, socketMode: ${mode}`)).toMatchObject({ socketMode: 0o660 });
    expect(listenerOf('listen: "systemd:alice", target: "unix:/run/vm.sock", probe: banner')).toMatchObject({
      listen: { host: 'systemd:alice', port: 0 },
      target: { host: 'unix:/run/vm.sock', port: 0 },
    });
  });

  it.each([
    [`listen: "unix:alice.sock", ${TARGET}`, 'an absolute path'],
    [`listen: "unix:/run/${'x'.repeat(90)}", ${TARGET}`, 'at most 90 bytes'],
    [`listen: "systemd:", ${TARGET}`, 'FileDescriptorName='],
    [`listen: "127.0.0.1:1", target: "systemd:alice"`, 'no address'],
    [`${SOCKET}, socketMode: "0999"`, 'an octal mode'],
    [`listen: "127.0.0.1:1", ${TARGET}, socketMode: "0600"`, 'only a Unix socket has a mode'],
    [`${SOCKET}, allowFrom: [10.0.0.0/8]`, 'clients of a Unix socket have no address'],
    [`${SOCKET}, maxPerSource: 5`, 'clients of a Unix socket have no address'],
    [`${SOCKET}, proxyProtocol: { acceptFrom: [127.0.0.1] }`, 'has no address to be believed by'],
    ['listen: "127.0.0.1:1", target: "unix:/run/vm.sock", probe: icmp', 'cannot be pinged'],
    ['listen: "unix:/run/a.sock", target: "unix:/run/a.sock", probe: banner', 'is Torpor itself'],
  ])('%s -> refused: %s', (listener, expected) => {
    expect(() => load(listener)).toThrow(expected);
  });

  it.each(['unix:/run/a.sock', 'systemd:alice'])('%s twice -> refused', (listen) => {
    const text = `listen: "${listen}", ${TARGET}`;
    expect(() => load(text, text)).toThrow('is already taken by');
  });

  it('a connect as the probe of a Unix socket -> a warning: it proves nothing of the VM', () => {
    const warningsOf = (probe: string) => load(`listen: "127.0.0.1:1", target: "unix:/run/vm.sock"${probe}`).warnings;
    expect(warningsOf('').join()).toContain('also while the VM sleeps');
    expect(warningsOf(', probe: banner')).toEqual([]);
  });
});
