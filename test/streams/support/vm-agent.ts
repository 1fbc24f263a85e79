// The VM of a namespace test: a service that answers each line with its number, and remembers what it got and when.
import { createServer, type Socket } from 'node:net';
import { serveAgent } from './agent.ts';

interface Connection {
  text: string;
  end: 'none' | 'fin' | 'rst';
  acceptedAtMs: number;
  firstByteAtMs: number | null;
  readonly socket: Socket;
}

const PORT = 7000;
const connections: Connection[] = [];
const nowMs = () => performance.timeOrigin + performance.now();

const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
  const connection: Connection = { text: '', end: 'none', acceptedAtMs: nowMs(), firstByteAtMs: null, socket };
  connections.push(connection);
  socket.on('data', (chunk) => {
    connection.firstByteAtMs ??= nowMs();
    connection.text += chunk;
    const lines = String(chunk).split('\n').length - 1;
    for (let line = 0; line < lines; line += 1) socket.write('ok\n');
  });
  socket.on('end', () => {
    if (connection.end === 'none') connection.end = 'fin';
  });
  socket.on('error', () => {
    connection.end = 'rst';
  });
});

serveAgent({
  listen: () => new Promise<number>((resolve) => server.listen({ host: '0.0.0.0', port: PORT }, () => resolve(PORT))),
  forget: () => {
    for (const { socket } of connections.splice(0)) socket.destroy();
  },
  seen: () => connections.map(({ socket: _, ...seen }) => seen),
  endAll: () => {
    for (const { socket } of connections) socket.end();
  },
});
