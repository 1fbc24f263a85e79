// `webSocket` of a listener: what it means, and what is refused with line and nearest name.
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load-config.ts';

function load(options: string) {
  const text = `platforms:
  - name: vdi-01
    power: { bmc: { driver: ipmi, host: 10.0.0.1, user: x, passwordFile: p } }
    vms:
      - name: alice
        listeners:
          - { listen: "0.0.0.0:6080", target: "10.0.1.21:5900", probe: none, ${options} }
          - { listen: "0.0.0.0:22", target: "10.0.1.21:22" }
`;
  return parseConfig(text, 'torpor.yaml', '/etc/torpor');
}

function ruleOf(options: string) {
  return load(options).config.platforms[0]?.vms[0]?.listeners[0]?.webSocket;
}

const DEFAULTS = {
  path: null,
  subprotocols: ['binary'],
  text: 'refuse',
  maxMessageBytes: 1024 * 1024,
  pingEveryMs: 30_000,
  origins: null,
  tokenFile: null,
};

describe('webSocket', () => {
  it('left out -> null; empty -> every default; each key -> as it is, units and paths resolved', () => {
    expect(ruleOf('protocol: rfb')).toBeNull();
    expect(ruleOf('webSocket: {}')).toEqual(DEFAULTS);
    expect(ruleOf('webSocket: ')).toEqual(DEFAULTS);
    const keys =
      'path: /vnc, subprotocols: [binary, torpor-lz4.v1], text: bytes, maxMessage: 64KiB, pingEvery: never, tokenFile: web';
    expect(
      ruleOf(`webSocket: { ${keys}, origins: ["https://Desk.example:443", "http://10.0.0.1:8080/", "*"] }`),
    ).toEqual({
      path: '/vnc',
      subprotocols: ['binary', 'torpor-lz4.v1'],
      text: 'bytes',
      maxMessageBytes: 64 * 1024,
      pingEveryMs: null,
      origins: ['https://desk.example', 'http://10.0.0.1:8080', '*'],
      tokenFile: '/etc/torpor/web',
    });
  });

  it.each([
    [
      'webSocket: { origin: "*" }',
      'torpor.yaml:7: platforms[0].vms[0].listeners[0].webSocket: unknown key `origin`; did you mean `origins`?',
    ],
    ['webSocket: { origins: [desk.example] }', 'write the origin of a page, such as https://desk.example'],
    ['webSocket: { origins: ["https://desk.example/page"] }', 'write the origin of a page'],
    ['webSocket: { origins: [] }', 'the list is empty, so no page could connect'],
    ['webSocket: { path: vnc }', 'write an absolute path, such as /websockify'],
    ['webSocket: { path: "/vnc?x" }', 'write an absolute path'],
    ['webSocket: { subprotocols: ["two words"] }', 'write the name of a subprotocol'],
    ['webSocket: { text: drop }', 'refuse'],
    ['webSocket: { pingEvery: 10ms }', 'is too short'],
    ['webSocket: { maxMessage: 1GiB }', 'maxMessage'],
    ['webSocket: yes', 'webSocket'],
    ['webSocket: {}, routes: [{ hosts: [a], vm: alice, target: "10.0.1.1:1" }]', 'write a listener for each VM'],
    ['webSocket: {}, protocol: http, waitingPage: all', 'only WebSockets are served there'],
  ])('%s -> refused', (options, what) => {
    expect(() => load(options)).toThrow(what);
  });

  it('all pages and no token -> a warning; with a token, or a list -> none', () => {
    expect(load('webSocket: { origins: ["*"] }').warnings.join()).toMatch(
      /every page that a user of this network opens/,
    );
    expect(load('webSocket: { origins: ["*"], tokenFile: web }').warnings).toEqual([]);
    expect(load('webSocket: { origins: ["https://a.example"] }').warnings).toEqual([]);
  });
});
