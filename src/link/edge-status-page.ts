// What an edge does, as JSON over HTTP for programs beside it: a tray icon that says "asleep, waking", a check. Reads only.
import { createServer, type Server } from 'node:http';
import { type Endpoint, formatEndpoint } from '../platform/endpoint.ts';
import { errorText, TorporError } from '../platform/errors.ts';
import type { LinkEdge } from './link-edge.ts';

export class EdgeStatusPage {
  readonly address: Endpoint;
  readonly #server: Server;

  /** Throws ERR_LINK_LISTEN. */
  static async open(listen: Endpoint, edge: Pick<LinkEdge, 'status'>): Promise<EdgeStatusPage> {
    const server = createServer((request, response) => {
      const isRead = request.method === 'GET' || request.method === 'HEAD';
      response.writeHead(isRead ? 200 : 405, { 'content-type': 'application/json', 'cache-control': 'no-store' });
      response.end(isRead ? `${JSON.stringify(edge.status())}\n` : '');
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) => {
        const what = `the edge cannot tell its status on ${formatEndpoint(listen)}: ${errorText(cause)}`;
        reject(new TorporError('ERR_LINK_LISTEN', what, { cause }));
      });
      server.listen(listen.port, listen.host, resolve);
    });
    return new EdgeStatusPage(server);
  }

  private constructor(server: Server) {
    this.#server = server;
    const { address, port } = server.address() as { address: string; port: number };
    this.address = { host: address, port };
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
