// The user's desk: a screen that nobody sees (Xvfb), a keyboard that nobody touches (xdotool), and one client program on it.
import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawnTied } from '../../support/spawn-tied.ts';
import { endChild } from './end-child.ts';
import { pipeText } from './pipe-text.ts';
import { displayOf } from './x-server.ts';

export const DESK_PROGRAMS = ['Xvfb', 'xdotool'] as const;
/** Size of the remote desktop. The screen is larger: a viewer whose desktop fills its user's screen makes room for bars. */
export const DESKTOP = { width: 800, height: 600 } as const;
const SCREEN_SIZE = '1024x768x24';

/** Field numbers of XWDFileHeader, 32 bits each, most significant byte first. Source: X11/XWDFile.h. */
const XWD_HEADER_SIZE = 0;
const XWD_BYTES_PER_LINE = 12;
const XWD_COLOURS = 19;
const XWD_COLOUR_BYTES = 12;

export class VirtualDesk {
  readonly display: string;
  readonly #server: ChildProcess;
  readonly #keyboard: ChildProcess;
  readonly #frameFile: string;
  readonly #programs: ChildProcess[] = [];

  private constructor(server: ChildProcess, display: string, frameFolder: string) {
    this.#server = server;
    this.display = display;
    this.#frameFile = join(frameFolder, 'Xvfb_screen0');
    // xdotool reads commands from its standard input: no process start lies between a key and its moment.
    this.#keyboard = this.run('xdotool', ['-']);
  }

  /** An empty screen; its frame buffer lies in a file of `folder`. */
  static async start(folder: string): Promise<VirtualDesk> {
    const frameFolder = mkdtempSync(join(folder, 'frame-'));
    const args = [
      '-displayfd',
      '1',
      '-screen',
      '0',
      SCREEN_SIZE,
      '-nolisten',
      'tcp',
      '-fbdir',
      frameFolder,
      '-noreset',
    ];
    const server = spawnTied('Xvfb', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    return new VirtualDesk(server, await displayOf(server), frameFolder);
  }

  /** Runs a program on this desk. It ends with the desk. */
  run(program: string, args: readonly string[], home?: string): ChildProcess {
    const env = { ...process.env, DISPLAY: this.display, ...(home === undefined ? {} : { HOME: home }) };
    const child = spawnTied(program, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
    pipeText(child);
    this.#programs.push(child);
    return child;
  }

  /** Gives the keyboard to the window whose title matches, as a window manager would. */
  focus(title: string): void {
    this.#keyboard.stdin?.write(`search --onlyvisible --name ${title} windowfocus --sync\n`);
  }

  /** One key, pressed and released. */
  press(key: string): void {
    this.#keyboard.stdin?.write(`key ${key}\n`);
  }

  /** A fingerprint of the rows from `fromRow` to `endRow`, as the user sees them. */
  fingerprint(fromRow: number, endRow: number): string {
    const file = readFileSync(this.#frameFile);
    const field = (number: number) => file.readUInt32BE(number * 4);
    const pixels = field(XWD_HEADER_SIZE) + field(XWD_COLOURS) * XWD_COLOUR_BYTES;
    const rowBytes = field(XWD_BYTES_PER_LINE);
    const rows = file.subarray(pixels + fromRow * rowBytes, pixels + endRow * rowBytes);
    return createHash('sha256').update(rows).digest('hex');
  }

  async end(): Promise<void> {
    for (const program of this.#programs) await endChild(program);
    await endChild(this.#server);
  }
}
