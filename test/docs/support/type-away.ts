// Somebody at a keyboard while a page's commands run.
import { setTimeout as sleep } from 'node:timers/promises';
import type { LineClient } from '../../support/line-client.ts';

/** Well within the idle time-outs of the pages' platforms. */
const TYPE_EVERY_MS = 300;

/** Somebody types until told to stop, so that it does not matter how long a command takes to start. */
export function typeAway(client: LineClient): AsyncDisposable {
  let goesOn = true;
  const typed = (async () => {
    while (goesOn) {
      await client.ask('ls');
      await sleep(TYPE_EVERY_MS);
    }
  })();
  return {
    [Symbol.asyncDispose]: () => {
      goesOn = false;
      return typed;
    },
  };
}
