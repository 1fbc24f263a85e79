// Peer: TigerVNC. Its viewer is greeted in its sleeping server's place, answers, and goes on with the server itself.
import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { afterEach, expect, it } from 'vitest';
import type { StreamStatus } from '../../src/platform/ports.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/ports.ts';
import { describeWhere, requires } from '../support/requirements.ts';
import { spawnTied } from '../support/spawn-tied.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { StreamRig } from './support/stream-rig.ts';

/** Versions, security and ServerInit are some 70 bytes from the server, 14 from the client: beyond, pixels are asked for and come. */
const DRAWN_BYTES = 150;

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Starts a program; it is gone when the test is over. */
function start(
  name: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  stdio: Array<'ignore' | 'pipe'>,
): ChildProcess {
  const child = spawnTied(name, args, { env: { ...process.env, ...env }, stdio });
  const over = new Promise((resolve) => child.once('close', resolve));
  closers.push(async () => {
    child.kill('SIGKILL');
    await over;
  });
  return child;
}

/** An X server that is its own VNC server; answers its display. */
async function startDesktop(rfbPort: number): Promise<string> {
  const args = [
    '-displayfd',
    '3',
    '-rfbport',
    String(rfbPort),
    '-localhost',
    '-SecurityTypes',
    'None',
    '-geometry',
    '320x240',
  ];
  const server = start('Xtigervnc', args, {}, ['ignore', 'ignore', 'ignore', 'pipe']);
  let said = '';
  (server.stdio[3] as Readable).setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  return eventually('the X server’s display', () => (/^\d+\n/.test(said) ? `:${said.trim()}` : null));
}

describeWhere(requires(['Xtigervnc', 'xtigervncviewer']), 'TigerVNC through a listener with banner: serve', () => {
  it('a viewer at a sleeper -> greeted, its answer wakes, and its session draws as any other', async () => {
    const home = new TempFolder('viewer');
    closers.push(() => home.remove());
    const rfbPort = await freePort();
    await startDesktop(rfbPort);
    const display = await startDesktop(await freePort());
    const rig = await StreamRig.start({
      target: rfbPort,
      listeners: [{ protocol: 'rfb', wakeOn: 'preface', banner: 'serve', activity: 'learned' }],
    });
    closers.push(() => rig.close());
    const view = () =>
      start(
        'xtigervncviewer',
        [`127.0.0.1::${rig.port()}`, '-SecurityTypes', 'None'],
        { DISPLAY: display, HOME: home.path },
        ['ignore', 'ignore', 'ignore'],
      );
    const isDrawn = (stream: StreamStatus | undefined) =>
      stream !== undefined && Math.min(stream.bytesFromClient, stream.bytesToClient) > DRAWN_BYTES;

    const first = view();
    await eventually('the first viewer’s screen', () => isDrawn(rig.set.streams()[0]));
    first.kill('SIGKILL');
    await eventually('its end', () => rig.set.streams().every(({ mode }) => mode === 'closed'));
    rig.set.hold();

    view();
    await eventually('the wake', () => rig.seen.of('held-activity').length > 0);
    expect(rig.seen.of('held-activity').map(({ why }) => why)).toEqual(['valid start of rfb']);
    const waiting = rig.set.streams().at(-1);
    expect(waiting).toMatchObject({ mode: 'holding', bytesFromClient: 12, bytesToClient: 12, heldBytes: 12 });
    rig.set.release(null);
    await eventually('the second viewer’s screen', () => isDrawn(rig.set.streams().at(-1)));
    expect(rig.set.streams().at(-1)).toMatchObject({ id: waiting?.id, mode: 'flowing', speaks: 'rfb' });
  });
});
