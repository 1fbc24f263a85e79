// The history's thread: SQLite blocks at each call, and a slow disk must not block the bytes of the main thread.
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../system-clock.ts';
import { HistoryEngine } from './history-engine.ts';
import type { EngineSettings, ToEngine } from './history-messages.ts';

const port = parentPort;
if (port === null) throw new Error('history-thread.ts runs as a worker thread only');
const engine = new HistoryEngine(workerData as EngineSettings, systemClock, (message) => port.postMessage(message));
port.on('message', (message: ToEngine) => {
  engine.take(message);
  if (message.kind === 'close') port.close();
});
engine.start();
