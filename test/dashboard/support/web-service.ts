// A VM that is a small web site: it answers every request by its path, and remembers what it was asked.
import type { VmConnection, VmService } from '../../../src/power/simulated/vm-connection.ts';

export class WebService implements VmService {
  /** `GET /`, in order. */
  readonly asked: string[] = [];
  readonly #heads = new WeakMap<VmConnection, string>();

  received(connection: VmConnection, bytes: Uint8Array): void {
    const heads = (this.#heads.get(connection) ?? '') + Buffer.from(bytes).toString('latin1');
    const parts = heads.split('\r\n\r\n');
    this.#heads.set(connection, parts.pop() as string);
    for (const head of parts) this.#answer(connection, head);
  }

  #answer(connection: VmConnection, head: string): void {
    const [method, path] = head.split(' ');
    this.asked.push(`${method} ${path}`);
    const body = `<!doctype html><title>The wiki</title><h1>Welcome to ${path}</h1>`;
    const lines = [
      'HTTP/1.1 200 OK',
      'Content-Type: text/html',
      `Content-Length: ${body.length}`,
      'Connection: keep-alive',
    ];
    connection.write(Buffer.from(`${lines.join('\r\n')}\r\n\r\n${method === 'HEAD' ? '' : body}`));
  }
}
