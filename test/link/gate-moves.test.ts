// A gate that is moved from address to address, as a reloaded configuration does it: what it has left behind is forgotten once nobody needs it.
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TcpServices } from '../../src/link/gate-services.ts';
import { LinkGate } from '../../src/link/link-gate.ts';
import { makeLinkKeys } from '../../src/link/link-keys.ts';
import { type LinkKeyFiles, readLinkKeys } from '../../src/link/link-tls.ts';
import { systemClock } from '../../src/system-clock.ts';
import { eventually } from '../support/eventually.ts';
import { KeptLog } from '../support/kept-log.ts';
import { freePort } from '../support/ports.ts';
import { TempFolder } from '../support/temp-folder.ts';

const MOVES = 5;
const RESUME_MS = 1000;
const host = '127.0.0.1';

let folder: TempFolder;
let keys: LinkKeyFiles;

beforeAll(async () => {
  folder = new TempFolder('gate-moves');
  await makeLinkKeys(folder.path, [{ name: 'gate', role: 'gate' }], Date.now());
  keys = await readLinkKeys(folder.path, 'gate');
}, 60_000);
afterAll(() => folder.remove());

it('LinkGate: moved five times, with a connection to its first address -> that is kept until it ends, all others are forgotten at once', async () => {
  const log = new KeptLog();
  const services = new TcpServices([], log);
  const first = { host, port: await freePort() };
  const gate = await LinkGate.start({ listen: first, keys, services, resumeMs: RESUME_MS, clock: systemClock, log });
  const guest = connect(first.port, host);
  await new Promise((resolve) => guest.once('connect', resolve));
  for (let move = 0; move < MOVES; move += 1)
    await gate.change({ listen: { host, port: await freePort() }, keys, resumeMs: RESUME_MS });
  await eventually('those without connections to be forgotten', () => gate.listenerCount <= 2);
  guest.destroy();
  await eventually('the first to be forgotten', () => gate.listenerCount === 1);
  gate.leave();
  await eventually('none to be left', () => gate.listenerCount === 0);
  await gate.takeBack();
  expect(gate.listenerCount).toBe(1);
  await gate.close();
});
