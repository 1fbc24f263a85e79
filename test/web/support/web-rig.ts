// A listener that speaks WebSocket in a StreamRig, and clients of the library ws that remember what they saw.

import { expect } from 'vitest';
import { type ClientOptions, WebSocket } from 'ws';
import type { WebSocketRule } from '../../../src/platform/web-socket-rule.ts';
import { comesTrue } from '../../support/eventually.ts';

export const WEB_RULE: WebSocketRule = {
  path: null,
  subprotocols: ['binary'],
  text: 'refuse',
  maxMessageBytes: 1024 * 1024,
  pingEveryMs: null,
  origins: null,
  tokenFile: null,
};

export class WebClient {
  readonly socket: WebSocket;
  readonly messages: Buffer[] = [];
  readonly pongs: string[] = [];
  pings = 0;
  /** null: it is open. */
  closed: { readonly code: number; readonly reason: string } | null = null;
  /** Of an answer that was no 101. */
  refused: { readonly status: number; readonly text: string; readonly headers: Record<string, unknown> } | null = null;

  constructor(port: number, options: ClientOptions & { path?: string; offers?: string[] } = {}) {
    const { path = '/', offers = [], ...rest } = options;
    this.socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, offers, { perMessageDeflate: false, ...rest });
    this.socket.on('message', (data) => this.messages.push(data as Buffer));
    this.socket.on('pong', (data) => this.pongs.push(data.toString()));
    this.socket.on('ping', () => {
      this.pings += 1;
    });
    this.socket.on('error', () => {});
    this.socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
    });
    this.socket.on('unexpected-response', (_request, response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += String(chunk);
      });
      response.on('end', () => {
        this.refused = { status: response.statusCode ?? 0, text, headers: response.headers };
      });
    });
  }

  get bytes(): Buffer {
    return Buffer.concat(this.messages);
  }

  async opened(): Promise<this> {
    await comesTrue(() => expect(this.socket.readyState).toBe(WebSocket.OPEN));
    return this;
  }

  async ended(): Promise<number> {
    await comesTrue(() => expect(this.closed).not.toBe(null));
    return this.closed?.code ?? 0;
  }

  async turnedAway(): Promise<number> {
    await comesTrue(() => expect(this.refused).not.toBe(null));
    return this.refused?.status ?? 0;
  }
}
