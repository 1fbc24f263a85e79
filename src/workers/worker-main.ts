// The program of a worker process: ties a StreamWorker to the channel of the process that started it, and ends with that.
import type { ListeningHandle } from '../streams/inherited-sockets.ts';
import { systemClock } from '../system-clock.ts';
import { keepYoungHeapSmall } from '../young-heap.ts';
import type { ToWorker } from './messages.ts';
import { Outbox } from './outbox.ts';
import { StreamWorker } from './stream-worker.ts';

keepYoungHeapSmall();
// A signal to the group of processes, or to all of a service, is the main process's: it delivers first, and says when to end.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

const outbox = new Outbox({
  clock: systemClock,
  send: (packet, sent) => process.send?.(packet, undefined, undefined, sent),
  onOverflow: () => {
    process.stderr.write('torpor: the main process takes no messages any more; this worker ends\n');
    process.exit(1);
  },
});
const worker = new StreamWorker({
  clock: systemClock,
  post: (message) => outbox.post(message),
  onEnded: () => process.exit(0),
});
process.on('message', (message, handle) =>
  worker.take(message as ToWorker, (handle ?? null) as ListeningHandle | null),
);
process.on('disconnect', () => process.exit(0));
