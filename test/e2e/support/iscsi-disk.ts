// A disk by iSCSI: tgtd, Linux' target in user space, with a relay in front of it that can keep what an initiator sends to itself.
import { once } from 'node:events';
import { truncateSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { eventually } from '../../support/eventually.ts';
import { freePort } from '../../support/ports.ts';
import { findProgram } from '../../support/requirements.ts';
import { spawnTied } from '../../support/spawn-tied.ts';
import { TempFolder } from '../../support/temp-folder.ts';

export const DISK_NAME = 'iqn.2026-01.example:disk';
const DISK_BYTES = 16 * 1024 * 1024;
/** Pings that are not answered before the target takes its initiator for gone. */
const PINGS_UNANSWERED = 1000;

/** Runs a program to its end. `env` is added to this process' own. */
export async function runProgram(name: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const { child, said } = startProgram(name, args, env);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output: said.text };
}

export function startProgram(name: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawnTied(findProgram(name) ?? name, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const said = { text: '' };
  for (const output of [child.stdout, child.stderr])
    output?.setEncoding('utf8').on('data', (text: string) => {
      said.text += text;
    });
  return { child, said };
}

export class IscsiDisk implements AsyncDisposable {
  /** Of the relay. */
  readonly port: number;
  readonly #folder: TempFolder;
  readonly #daemon: ReturnType<typeof startProgram>;
  readonly #relay: Server;
  readonly #sockets = new Set<Socket>();
  #trap: { leftBytes: number; readonly onSprung: () => void } | null = null;
  #withheld: Array<() => void> | null = null;
  bytesFromTarget = 0;

  private constructor(port: number, targetPort: number, folder: TempFolder, daemon: ReturnType<typeof startProgram>) {
    this.port = port;
    this.#folder = folder;
    this.#daemon = daemon;
    this.#relay = createServer((client) => this.#join(client, connect(targetPort, '127.0.0.1')));
  }

  /** A target with one disk, which asks its initiators every second whether they are there (NOP-In). */
  static async start(): Promise<IscsiDisk> {
    const folder = new TempFolder('iscsi');
    const image = folder.file('disk.raw');
    writeFileSync(image, '');
    truncateSync(image, DISK_BYTES);
    const [port, targetPort] = [await freePort(), await freePort()];
    const env = { TGT_IPC_SOCKET: folder.file('ipc') };
    const daemon = startProgram('tgtd', ['-f', '--iscsi', `portal=127.0.0.1:${targetPort}`], env);
    const disk = new IscsiDisk(port, targetPort, folder, daemon);
    const admin = async (...words: string[]) => {
      const { code, output } = await runProgram('tgtadm', ['--lld', 'iscsi', ...words], env);
      if (code !== 0) throw new Error(`tgtadm ${words.join(' ')}: ${output}`);
      return true;
    };
    await eventually('tgtd', () => admin('--mode', 'target', '--op', 'show'), { context: () => daemon.said.text });
    await admin('--mode', 'target', '--op', 'new', '--tid', '1', '-T', DISK_NAME);
    await admin('--mode', 'logicalunit', '--op', 'new', '--tid', '1', '--lun', '1', '-b', image);
    await admin('--mode', 'target', '--op', 'bind', '--tid', '1', '-I', 'ALL');
    await admin('--mode', 'target', '--op', 'update', '--tid', '1', '-n', 'nop_interval', '-v', '1');
    await admin('--mode', 'target', '--op', 'update', '--tid', '1', '-n', 'nop_count', '-v', String(PINGS_UNANSWERED));
    disk.#relay.listen(port, '127.0.0.1');
    await once(disk.#relay, 'listening');
    return disk;
  }

  /**
   * Resolves once initiators have sent more than so many bytes from now on. The chunk in which they do, and all that they send from then on, does
   * not reach the target before `release`. What the target sends passes.
   */
  trapAfter(bytes: number): Promise<void> {
    return new Promise((resolve) => {
      this.#trap = { leftBytes: bytes, onSprung: resolve };
    });
  }

  release(): void {
    const withheld = this.#withheld ?? [];
    this.#withheld = null;
    for (const pass of withheld) pass();
  }

  #join(client: Socket, target: Socket): void {
    for (const [socket, other] of [
      [client, target],
      [target, client],
    ] as const) {
      this.#sockets.add(socket);
      // Hundreds of requests, one after the other: none waits for an acknowledgement.
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('end', () => other.end());
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    client.on('data', (chunk) => this.#onClient(chunk, target));
    target.on('data', (chunk) => {
      this.bytesFromTarget += chunk.length;
      client.write(chunk);
    });
  }

  #onClient(chunk: Buffer, target: Socket): void {
    const trap = this.#trap;
    if (trap !== null) {
      trap.leftBytes -= chunk.length;
      if (trap.leftBytes < 0) {
        this.#trap = null;
        this.#withheld = [];
        trap.onSprung();
      }
    }
    if (this.#withheld === null) target.write(chunk);
    else this.#withheld.push(() => target.write(chunk));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#relay.close();
    for (const socket of this.#sockets) socket.destroy();
    const over = once(this.#daemon.child, 'close');
    // It ends by no other signal while it has targets.
    this.#daemon.child.kill('SIGKILL');
    await over;
    this.#folder.remove();
  }
}
