// A web client end to end: the built Torpor with two workers between a WebSocket of the library ws and a simulated platform.
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { eventually } from '../support/eventually.ts';
import { askForSleep, ON_REQUEST } from './support/scene.ts';
import { E2E_TIMEOUT_MS, PLATFORM, Stage } from './support/stage.ts';

/** Answered one after the other, while the platform sleeps. */
const PINGS = 50;

describe('torpor run with a web listener', { timeout: E2E_TIMEOUT_MS }, () => {
  test('sleep: the only client idle -> asleep under its WebSocket, each ping answered meanwhile, its next message wakes, once', async () => {
    await using stage = await Stage.open();
    stage.configure({ ...ON_REQUEST, workers: 2, ...stage.alice({ webSocket: { pingEvery: '1s' } }) });
    const torpor = await stage.run();
    await stage.readyToSleep(torpor);
    const socket = new WebSocket(`ws://127.0.0.1:${stage.listenPort}/websockify`, ['binary']);
    try {
      let text = '';
      let pongs = 0;
      let isClosed = false;
      socket.on('message', (data) => {
        text += String(data);
      });
      socket.on('pong', () => {
        pongs += 1;
      });
      socket.on('close', () => {
        isClosed = true;
      });
      await eventually('the WebSocket to be open', () => socket.readyState === WebSocket.OPEN);
      socket.send(Buffer.from('one\n'));
      await eventually('the first answer', () => text.includes(' n=1 '));
      await askForSleep({ torpor });
      await torpor.waitForState(PLATFORM, 'asleep');
      for (let sent = 1; sent <= PINGS; sent += 1) {
        socket.ping();
        await eventually('the pong', () => pongs === sent, { everyMs: 5 });
      }
      // Torpor pings by itself, too, and nothing of all that woke anybody.
      expect((await torpor.platform(PLATFORM)).state).toBe('asleep');
      expect(stage.platform.host.powerState()).toBe('S3');
      expect(stage.platform.host.buttonPresses).toBe(1);

      socket.send(Buffer.from('two\n'));
      socket.send(Buffer.from('three\n'));
      await eventually('both answers', () => text.trimEnd().split('\n').length >= 3, { withinMs: 60_000 });
      expect(
        text
          .trimEnd()
          .split('\n')
          .map((line) => line.replace(/boot=\S+ /, '')),
      ).toEqual([
        expect.stringMatching(/ n=1 one$/),
        expect.stringMatching(/ n=2 two$/),
        expect.stringMatching(/ n=3 three$/),
      ]);
      expect(isClosed).toBe(false);
      socket.close();
      await eventually('the goodbye', () => isClosed);
    } finally {
      socket.terminate();
    }
  });
});
