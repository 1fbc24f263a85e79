// Torpor's streams and their clients in one namespace process, beside them a client that goes to the VM without Torpor.
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { TcpProbe } from '../../../src/probes/tcp-probe.ts';
import { VmProber } from '../../../src/probes/vm-prober.ts';
import type { StreamSocket } from '../../../src/streams/stream-socket.ts';
import { CONNECT_BOUND_MS, type ConnectPace, TargetConnector } from '../../../src/streams/target-connector.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { KeptLog } from '../../support/kept-log.ts';
import { serveAgent } from './agent.ts';
import { StreamRig } from './stream-rig.ts';

interface Client {
  text: string;
  end: string;
  readonly socket: Socket;
}

const clients: Client[] = [];
let rig: StreamRig | null = null;
let target = { host: '', port: 0 };
let answeredAtMs: number | null = null;
let prober: VmProber | null = null;

function addClient(host: string, port: number): Promise<number> {
  const socket = connect({ host, port, allowHalfOpen: true, noDelay: true });
  const client: Client = { text: '', end: 'none', socket };
  const index = clients.push(client) - 1;
  socket.on('data', (chunk) => {
    client.text += chunk;
  });
  socket.on('end', () => {
    client.end = 'fin';
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    client.end = error.code ?? 'error';
  });
  return new Promise((resolve, reject) => {
    socket.once('connect', () => resolve(index));
    socket.once('error', reject);
  });
}

function opened(): StreamRig {
  if (rig === null) throw new Error('open() comes first');
  return rig;
}

/** TCP_SYN_SENT, include/net/tcp_states.h. */
const SYN_SENT = '02';

/** From or to a remote port, as the kernel's table has them. */
function connectionsTo(remotePort: number): Array<{ state: string; timer: number }> {
  const port = remotePort.toString(16).toUpperCase().padStart(4, '0');
  const lines = readFileSync('/proc/net/tcp', 'latin1').split('\n').slice(1);
  const fields = lines.map((line) => line.trim().split(/\s+/)).filter(([, , remote]) => remote?.endsWith(`:${port}`));
  return fields.map(([, , , state = '', , timer]) => ({ state, timer: Number(timer?.split(':')[0]) }));
}

serveAgent({
  open: async (host: string, port: number, initiallyHeld: boolean) => {
    await rig?.close();
    target = { host, port };
    rig = await StreamRig.start({ initiallyHeld, listeners: [{ target }] });
  },
  connect: () => addClient('127.0.0.1', opened().port()),
  connectDirectly: () => addClient(target.host, target.port),
  write: (client: number, text: string) => {
    clients[client]?.socket.write(text);
  },
  end: (client: number) => {
    clients[client]?.socket.end();
  },
  see: (client: number) => ({ text: clients[client]?.text, end: clients[client]?.end }),
  hold: () => opened().set.hold(),
  release: () => opened().set.release(null),
  drain: (boundMs: number) => opened().set.drain(boundMs, new AbortController().signal),
  streams: () => opened().set.streams(),
  told: () => opened().seen.told,
  /** Timer column of /proc/net/tcp for connections from or to a remote port: 0 none, 1 retransmission, 2 keepalive. */
  timers: (remotePort: number) => connectionsTo(remotePort).map(({ timer }) => timer),
  /** Connections whose first segment is out and not answered. */
  synsSent: (remotePort: number) => connectionsTo(remotePort).filter(({ state }) => state === SYN_SENT).length,
  clientPort: (client: number) => clients[client]?.socket.localPort,
  /** Milliseconds until a connector has its connection. */
  timeConnect: (pace: ConnectPace) =>
    new Promise((resolve, reject) => {
      const startMs = systemClock.nowMs();
      const onConnected = (socket: StreamSocket) => {
        socket.destroy();
        resolve(systemClock.nowMs() - startMs);
      };
      const owner = { onConnected, onConnectFailed: reject };
      const bound = TargetConnector.boundBy(systemClock);
      new TargetConnector({ target, pace, clock: systemClock, bound, owner });
      // The connector's own timers do not keep a process alive; the agent lives by its channel.
      setTimeout(() => reject(new Error('neither connected nor failed')), 2 * CONNECT_BOUND_MS).unref();
    }),
  /** One question alone: milliseconds until it was answered, or null. */
  timeQuestion: async (timeoutMs: number) => {
    const startMs = systemClock.nowMs();
    const answered = await new TcpProbe(systemClock, target, timeoutMs).ask(new AbortController().signal);
    return answered ? systemClock.nowMs() - startMs : null;
  },
  startProber: (intervalMs: number) => {
    answeredAtMs = null;
    prober = new VmProber({
      vm: 'alice',
      probe: new TcpProbe(systemClock, target, 2000),
      clock: systemClock,
      log: new KeptLog(),
      onResult: ({ answered, atMs }) => {
        if (answered) answeredAtMs ??= atMs;
      },
    });
    prober.setPace(intervalMs);
  },
  proberState: () => ({ answeredAtMs, open: prober?.open ?? 0 }),
  stopProber: () => prober?.stop(),
});
