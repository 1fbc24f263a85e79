// A bad network before a BMC: a UDP relay that loses, doubles, delays and overtakes datagrams, slips in broken and old ones, and remembers all.
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';

/** Change them at any time; they act on the next datagram, each way. */
export interface LineFaults {
  /** 0 to 100. */
  lossPercent: number;
  /** 0 to 100: these arrive twice. */
  doublePercent: number;
  /** Each datagram waits between these, milliseconds: they overtake each other where the two differ. */
  delayMs: readonly [least: number, most: number];
  /** Before each datagram come a copy that is cut, one with a bit turned, and the whole datagram before it, once more. */
  mangles: boolean;
}

/** Bounds what a long test remembers. */
const REMEMBERED_MAX = 10_000;

type Send = (datagram: Buffer) => void;

export class BadLine implements AsyncDisposable {
  readonly faults: LineFaults = { lossPercent: 0, doublePercent: 0, delayMs: [0, 0], mangles: false };
  /** What consoles sent, oldest first, as it was sent. */
  readonly fromConsole: Buffer[] = [];
  /** Broken and old datagrams that were slipped in. */
  mangled = 0;
  readonly #bmcPort: number;
  readonly #front: Socket = createSocket('udp4');
  /** One socket towards the BMC for each port of a console. */
  readonly #backs = new Map<number, Socket>();
  readonly #ways = new Map<number, Send>();
  readonly #before = new Map<Send, Buffer>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #dice: number;

  private constructor(bmcPort: number, seed: number) {
    this.#bmcPort = bmcPort;
    this.#dice = seed;
    this.#front.on('message', (datagram, from) => this.#toBmc(datagram, from));
  }

  static async open(bmcPort: number, seed = 1): Promise<BadLine> {
    const line = new BadLine(bmcPort, seed);
    await new Promise<void>((resolve) => line.#front.bind(0, '127.0.0.1', resolve));
    return line;
  }

  /** Where Torpor believes its BMC to be. */
  get port(): number {
    return this.#front.address().port;
  }

  /** Sends the BMC all that any console ever sent, from a port of its own, as a listener on the network could. */
  async replay(): Promise<void> {
    const thief = createSocket('udp4');
    for (const datagram of [...this.fromConsole]) {
      await new Promise<void>((resolve) => thief.send(datagram, this.#bmcPort, '127.0.0.1', () => resolve()));
    }
    await new Promise<void>((resolve) => thief.close(resolve));
  }

  #toBmc(datagram: Buffer, from: RemoteInfo): void {
    if (this.fromConsole.length < REMEMBERED_MAX) this.fromConsole.push(datagram);
    this.#carry(datagram, this.#wayToBmc(from));
  }

  #wayToBmc(from: RemoteInfo): Send {
    const known = this.#ways.get(from.port);
    if (known !== undefined) return known;
    const back = createSocket('udp4');
    const toConsole: Send = (datagram) => this.#front.send(datagram, from.port, from.address);
    back.on('message', (datagram) => this.#carry(datagram, toConsole));
    this.#backs.set(from.port, back);
    const way: Send = (datagram) => back.send(datagram, this.#bmcPort, '127.0.0.1');
    this.#ways.set(from.port, way);
    return way;
  }

  #carry(datagram: Buffer, send: Send): void {
    const { lossPercent, doublePercent, mangles } = this.faults;
    if (mangles) for (const other of this.#mangle(datagram, send)) this.#later(other, send);
    this.#before.set(send, datagram);
    if (this.#roll() * 100 < lossPercent) return;
    this.#later(datagram, send);
    if (this.#roll() * 100 < doublePercent) this.#later(datagram, send);
  }

  #mangle(datagram: Buffer, send: Send): Buffer[] {
    const cut = datagram.subarray(0, Math.floor(this.#roll() * datagram.length));
    const forged = Buffer.from(datagram);
    const at = Math.floor(this.#roll() * forged.length);
    forged[at] = (forged[at] as number) ^ (1 << Math.floor(this.#roll() * 8));
    const old = this.#before.get(send);
    const all = old === undefined ? [cut, forged] : [cut, forged, old];
    this.mangled += all.length;
    return all;
  }

  #later(datagram: Buffer, send: Send): void {
    const [least, most] = this.faults.delayMs;
    const delayMs = least + this.#roll() * (most - least);
    if (delayMs === 0) {
      send(datagram);
      return;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      send(datagram);
    }, delayMs);
    this.#timers.add(timer);
  }

  /** A die with a seed (an LCG with Knuth's constants), 0 to 1. */
  #roll(): number {
    this.#dice = (Math.imul(this.#dice, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#dice / 0x1_0000_0000;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    const sockets = [this.#front, ...this.#backs.values()];
    await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))));
  }
}
