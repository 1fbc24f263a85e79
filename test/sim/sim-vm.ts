// A VM of a simulated platform: its kernel acknowledges what arrives while the host runs, its service answers half of what it hears.
import type { Endpoint } from '../../src/platform/endpoint.ts';
import type { Clock } from '../../src/platform/ports.ts';
import { type SocketKey, socketKey } from '../../src/streams/proc-net-tcp.ts';
import type { ByteAccount } from './byte-account.ts';
import type { ProcessClock } from './process-clock.ts';
import { type FarEnd, SimSocket } from './sim-sockets.ts';

/** By their places. */
export const VM_NAMES = ['alice', 'bert', 'cora', 'dora'] as const;
const PORT = 3389;
/** The number that a client says first: u32, before its own bytes. */
export const NUMBER_BYTES = 4;
const FIRST_PORT = 20_000;
const CONNECT_AGAIN_MS = 1000;

/** Both directions of one client's stream. */
export interface StreamAccounts {
  readonly there: ByteAccount;
  readonly back: ByteAccount;
}

export interface VmWorld {
  readonly clock: Clock;
  isRunning(): boolean;
  /** One way between Torpor and the VM, milliseconds. Infinite: what is sent now is lost, and sent again. */
  travelMs(): number;
  /** Something was sent towards the VM, by that process. */
  onSent(what: string, life: ProcessClock): void;
  accountsOf(client: number): StreamAccounts;
  onHeard(client: number): void;
  onWrong(why: string): void;
}

/** One connection, as the VM has it. */
class VmConnection implements FarEnd {
  readonly socket: SimSocket;
  readonly key: SocketKey;
  readonly life: ProcessClock;
  unackedBytes = 0;
  isOver = false;
  readonly #vm: SimVm;
  #segments: (Buffer | 'end')[] = [];
  #isOnTheWay = false;
  #head = Buffer.alloc(0);
  #client: number | null = null;
  #accounts: StreamAccounts | null = null;
  #owedBytes = 0;
  #answersDue = 0;
  #hasEnded = false;

  constructor(vm: SimVm, life: ProcessClock, port: number) {
    this.#vm = vm;
    this.life = life;
    const ends = {
      localAddress: '10.0.0.1',
      localPort: port,
      remoteAddress: vm.target.host,
      remotePort: vm.target.port,
    };
    this.socket = new SimSocket(life, ends);
    this.socket.far = this;
    this.key = socketKey(ends) as SocketKey;
    this.#connect();
  }

  #connect(): void {
    const { clock, isRunning, travelMs } = this.#vm.world;
    const ms = travelMs();
    const isThere = Number.isFinite(ms) && isRunning();
    clock.schedule(isThere ? ms : CONNECT_AGAIN_MS, () => {
      if (this.isOver) return;
      if (isThere) this.socket.arriveConnected();
      else this.#connect();
    });
  }

  onBytes(bytes: Buffer): void {
    this.#vm.world.onSent(`${bytes.length} bytes`, this.life);
    this.unackedBytes += bytes.length;
    this.#segments.push(bytes);
    this.#travel();
  }

  onEnd(): void {
    this.#vm.world.onSent('a FIN', this.life);
    this.unackedBytes += 1;
    this.#segments.push('end');
    this.#travel();
  }

  onReset(): void {
    this.#cut();
  }

  /** The host lost its memory: nobody knows the connection any more. */
  forget(): void {
    const { clock } = this.#vm.world;
    const hadBytes = this.unackedBytes > 0;
    this.#cut();
    // Whoever has sent something is told so by a RST; whoever has not does not hear of it, until it does.
    if (hadBytes) clock.schedule(1, () => this.socket.arriveReset('ECONNRESET'));
    else this.socket.far = new ResettingEnd(clock, this.socket);
  }

  #cut(): void {
    this.isOver = true;
    this.unackedBytes = 0;
    this.#segments = [];
    if (this.#accounts === null) return;
    this.#accounts.there.isCut = true;
    this.#accounts.back.isCut = true;
  }

  /** In order, one after the other: what is lost or meets a sleeper is sent again. */
  #travel(): void {
    if (this.#isOnTheWay || this.#segments.length === 0 || this.isOver) return;
    this.#isOnTheWay = true;
    const { clock, isRunning, travelMs } = this.#vm.world;
    const ms = travelMs();
    clock.schedule(Number.isFinite(ms) ? ms : CONNECT_AGAIN_MS, () => {
      this.#isOnTheWay = false;
      if (this.isOver) return;
      if (!Number.isFinite(ms) || !isRunning()) {
        clock.schedule(CONNECT_AGAIN_MS, () => this.#travel());
        return;
      }
      const segments = this.#segments;
      this.#segments = [];
      this.unackedBytes = 0;
      for (const segment of segments) {
        if (segment === 'end') this.#hearEnd();
        else this.#hear(segment);
      }
    });
  }

  #hear(bytes: Buffer): void {
    let rest = bytes;
    if (this.#accounts === null) {
      this.#head = Buffer.concat([this.#head, bytes]);
      if (this.#head.length < NUMBER_BYTES) return;
      this.#client = this.#head.readUInt32BE(0);
      this.#accounts = this.#vm.world.accountsOf(this.#client);
      rest = this.#head.subarray(NUMBER_BYTES);
    }
    if (rest.length > 0) {
      this.#accounts.there.hear(rest);
      this.#owe(rest.length);
    }
    this.#vm.world.onHeard(this.#client as number);
  }

  #hearEnd(): void {
    this.#hasEnded = true;
    if (this.#accounts !== null) this.#accounts.there.hasEnded = true;
    this.#endIfDone();
  }

  #owe(bytes: number): void {
    this.#owedBytes += bytes / 2;
    const answer = Math.floor(this.#owedBytes);
    this.#owedBytes -= answer;
    if (answer === 0) return;
    this.#answersDue += 1;
    this.#later(() => {
      this.#answersDue -= 1;
      const { back } = this.#accounts as StreamAccounts;
      const told = Buffer.alloc(answer, `answer ${this.#client}.${back.sentBytes} `);
      back.send(told, this.#vm.world.clock.nowMs());
      this.socket.arrive(told);
      this.#endIfDone();
    });
  }

  /** Whoever sleeps answers when he is awake again. */
  #later(run: () => void): void {
    const { clock, isRunning } = this.#vm.world;
    clock.schedule(0.3, () => {
      if (this.isOver) return;
      if (isRunning()) run();
      else clock.schedule(CONNECT_AGAIN_MS, () => this.#later(run));
    });
  }

  #endIfDone(): void {
    if (this.#hasEnded && this.#answersDue === 0 && !this.isOver) {
      this.isOver = true;
      this.socket.arriveEnd();
    }
  }
}

class ResettingEnd implements FarEnd {
  readonly #clock: Clock;
  readonly #socket: SimSocket;

  constructor(clock: Clock, socket: SimSocket) {
    this.#clock = clock;
    this.#socket = socket;
  }

  onBytes(): void {
    this.#clock.schedule(1, () => this.#socket.arriveReset('ECONNRESET'));
  }

  onEnd(): void {
    this.onBytes();
  }

  onReset(): void {}
}

export class SimVm {
  readonly name: string;
  readonly target: Endpoint;
  /** Its services start this late after their host: nobody answers before. */
  upFromMs = Number.NEGATIVE_INFINITY;
  readonly world: VmWorld;
  /** When its host last came back without its memory: it knows no connection that is older. */
  lostMemoryAtMs = Number.NEGATIVE_INFINITY;
  #connections: VmConnection[] = [];
  #ports = 0;

  constructor(place: number, world: VmWorld) {
    this.name = VM_NAMES[place] as string;
    this.target = { host: `10.0.1.${21 + place}`, port: PORT };
    this.world = world;
  }

  connect(life: ProcessClock): SimSocket {
    this.#ports += 1;
    const made = new VmConnection(this, life, FIRST_PORT + (this.#ports % 40_000));
    this.#connections = this.#connections.filter(({ isOver }) => !isOver);
    this.#connections.push(made);
    return made.socket;
  }

  /** What /proc/net/tcp of that process's machine would show. */
  unacked(life: ProcessClock): Map<SocketKey, number> {
    const unacked = new Map<SocketKey, number>();
    for (const { key, unackedBytes, life: whose } of this.#connections)
      if (unackedBytes > 0 && whose === life) unacked.set(key, unackedBytes);
    return unacked;
  }

  loseMemory(): void {
    this.lostMemoryAtMs = this.world.clock.nowMs();
    for (const connection of this.#connections) if (!connection.isOver) connection.forget();
    this.#connections = [];
  }
}
