// Hostile requests for a WebSocket: nothing throws, and what is let in reads the same to Node's own HTTP parser, which is another reader of them.
// TORPOR_FUZZ_UPGRADES sets the count.
import { createServer, type IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { headBytes, readRequestHead } from '../../src/web/request-head.ts';
import { judgeUpgrade } from '../../src/web/upgrade-request.ts';
import { drawSeed } from '../core/support/seed.ts';
import { makeRandom } from '../streams/support/checked-traffic.ts';
import { spoil } from '../streams/support/spoil.ts';
import { duplexPair } from './support/duplex-pair.ts';
import { WEB_RULE } from './support/web-rig.ts';

const REQUESTS = Number(process.env.TORPOR_FUZZ_UPGRADES ?? 20_000);
/** Of those that are let in, so many are shown to Node: it takes a stream for each. */
const COMPARED = Math.floor(REQUESTS / 40);
const SEED = drawSeed('upgrade requests');
const RULE = { ...WEB_RULE, path: '/websockify', subprotocols: ['binary', 'x.v1'], tokenFile: 'file' };
const TOKEN = 'correct-horse-battery';

function request(...more: string[]): Buffer {
  const lines = [
    'Host: desk.example',
    'Upgrade: websocket',
    'Connection: keep-alive, Upgrade',
    'Sec-WebSocket-Version: 13',
  ];
  const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';
  return Buffer.from(`GET /websockify?token=${TOKEN} HTTP/1.1\r\n${[...lines, key, ...more].join('\r\n')}\r\n\r\n`);
}

const GOOD: readonly Buffer[] = [
  request(),
  request('Origin: https://desk.example', 'Sec-WebSocket-Protocol: binary'),
  request('Sec-WebSocket-Protocol: other, x.v1', `Authorization: Bearer ${TOKEN}`, 'User-Agent: someone'),
  request('Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits', 'Sec-WebSocket-Protocol: binary'),
];

/** What Node makes of it; null: it is no request to upgrade. */
function readByNode(bytes: Buffer): Promise<IncomingMessage | null> {
  return new Promise((resolve) => {
    const server = createServer(() => resolve(null));
    server.on('upgrade', resolve);
    server.on('clientError', () => resolve(null));
    const [far, near] = duplexPair();
    server.emit('connection', near);
    far.end(bytes);
  });
}

describe('upgrade requests', () => {
  it(`${REQUESTS} hostile ones -> nothing throws; who is let in showed a token, and Node reads the same request`, async () => {
    const random = makeRandom(SEED);
    const seen = new Map<number, number>();
    let compared = 0;
    for (let count = 0; count < REQUESTS; count += 1) {
      const bytes = spoil(GOOD[random(GOOD.length)] as Buffer, random);
      const length = headBytes(bytes);
      if (length === null) continue;
      const text = bytes.toString('latin1', 0, length - 4);
      let wasAsked = false;
      const judgement = judgeUpgrade(text, RULE, (shown) => {
        wasAsked = true;
        return shown.includes(TOKEN);
      });
      const status = 'status' in judgement ? judgement.status : 101;
      seen.set(status, (seen.get(status) ?? 0) + 1);
      if ('status' in judgement) {
        expect(judgement.why).not.toContain('horse');
        continue;
      }
      expect(wasAsked).toBe(true);
      if (judgement.subprotocol !== null) expect(RULE.subprotocols).toContain(judgement.subprotocol);
      if (compared >= COMPARED) continue;
      compared += 1;
      const theirs = await readByNode(bytes.subarray(0, length));
      const ours = readRequestHead(text);
      if (typeof ours === 'string' || theirs === null) throw new Error(`Node does not read ${JSON.stringify(text)}`);
      expect(theirs.url?.split('?')[0]).toBe(ours.path);
      for (const name of ['host', 'origin', 'sec-websocket-key', 'sec-websocket-protocol', 'authorization'])
        expect([name, theirs.headers[name]]).toEqual([name, ours.headers.get(name)]);
    }
    console.log(
      `upgrade requests: ${[...seen]
        .sort()
        .map(([status, count]) => `${status}: ${count}`)
        .join(', ')}`,
    );
    // A fuzzer that meets one branch only tests nothing.
    for (const status of [101, 400, 401, 403, 404, 405, 426])
      expect([status, seen.get(status) ?? 0]).not.toEqual([status, 0]);
    expect(compared).toBe(COMPARED);
  });
});
