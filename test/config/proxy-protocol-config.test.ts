// What a listener says about PROXY headers: defaults, values, refusals, doubts.
import { describe, expect, it } from 'vitest';
import { parseListeners } from './support/parse-listeners.ts';

function load(options: string) {
  return parseListeners([`listen: "127.0.0.1:2222", target: "10.0.0.7:22", ${options}`]);
}

function ruleOf(options: string): object | undefined {
  return load(options).config.platforms[0]?.vms[0]?.listeners[0]?.proxyProtocol;
}

describe('proxyProtocol', () => {
  it('left out, accepted from, sent -> none, the networks, the version', () => {
    expect(ruleOf('protocol: ssh')).toEqual({ acceptFrom: null, send: null });
    expect(ruleOf('proxyProtocol: { acceptFrom: [10.0.9.4] }')).toEqual({
      acceptFrom: [{ bytes: Uint8Array.of(10, 0, 9, 4), prefixBits: 32 }],
      send: null,
    });
    expect(ruleOf('proxyProtocol: { send: v1 }')).toEqual({ acceptFrom: null, send: 'v1' });
  });

  it.each([
    ['proxyProtocol: { accept: true }', 'known here: acceptFrom, send'],
    ['proxyProtocol: { acceptFrom: [] }', 'write the addresses of the proxies'],
    ['proxyProtocol: { acceptFrom: ["proxy.example"] }', 'is no network'],
    ['proxyProtocol: { send: v3 }', 'v1, v2'],
    ['proxyProtocol: v2', 'a mapping'],
  ])('%s -> refused: %s', (options, expected) => {
    expect(() => load(options)).toThrow(expected);
  });

  it('everybody is believed -> a warning; a network -> none', () => {
    expect(load('proxyProtocol: { acceptFrom: ["0.0.0.0/0"] }').warnings.join()).toContain('may claim any address');
    expect(load('proxyProtocol: { acceptFrom: [10.0.0.0/8] }').warnings).toEqual([]);
  });
});
