// A client of one Torpor whose every byte is accounted for: each line is answered once and in order, and the VM has received what was sent, by SHA-256.
import { createHash } from 'node:crypto';
import type { VmConnection } from '../../../src/power/simulated/vm-connection.ts';
import { LineClient } from '../../support/line-client.ts';
import type { Exchange } from './farm-judge.ts';

const ANSWER_BOUND_MS = 90_000;
/** Lines are up to so long: some are of one packet, some of many. */
const LINE_CHARS_MAX = 20_000;
const NEVER_MS = Number.POSITIVE_INFINITY;

export class Talk {
  readonly id: string;
  readonly platform: string;
  readonly torpor: string;
  readonly exchanges: Array<Omit<Exchange, 'goneMs'>> = [];
  /** Since when its Torpor is gone, and it with that; wall clock milliseconds. */
  goneMs = NEVER_MS;
  readonly #client: LineClient;
  readonly #bootId: () => string;
  readonly #sent: string[] = [];
  #answeredBytes = 0;
  #answered = 0;

  private constructor(id: string, at: { platform: string; torpor: string }, client: LineClient, bootId: () => string) {
    this.id = id;
    this.platform = at.platform;
    this.torpor = at.torpor;
    this.#client = client;
    this.#bootId = bootId;
  }

  /** `bootId`: of the VM's host, which keeps it while its memory is kept. */
  static async begin(
    id: string,
    at: { readonly platform: string; readonly torpor: string; readonly port: number },
    bootId: () => string,
  ): Promise<Talk> {
    return new Talk(id, at, await LineClient.connect(at.port), bootId);
  }

  /** Sends a line that ends with `what`, and resolves once exactly that was answered, in its turn. */
  async ask(what: string): Promise<void> {
    const number = this.#sent.length + 1;
    const line = `${this.id} ${fill(`${this.id} ${number}`)} ${what}`;
    this.#sent.push(`${line}\n`);
    const sentMs = Date.now();
    const answer = await this.#client.ask(line, ANSWER_BOUND_MS);
    const expected = `vmalice n=${number} boot=${this.#bootId()} ${line}`;
    if (answer !== expected) throw new Error(`${this.id}: line ${number} was answered with: ${shorten(answer)}`);
    if (this.#client.unread.length > 0) throw new Error(`${this.id}: a line was answered twice`);
    this.#answered = number;
    this.#answeredBytes += Buffer.byteLength(`${answer}\n`);
    const { platform, torpor } = this;
    this.exchanges.push({ platform, torpor, sentMs, answeredMs: Date.now() });
  }

  /** What is wrong with the bytes, in words. Where the connection is gone the VM may have received less, and nothing else. */
  findFaults(connection: VmConnection | undefined): string[] {
    if (connection === undefined) return this.#answered === 0 ? [] : [`${this.id}: the VM never heard of it`];
    const sent = Buffer.from(this.#sent.join(''));
    const { bytesReceived, bytesSent } = connection;
    const isSame = connection.receivedSha256() === sha256(sent.subarray(0, bytesReceived));
    const faults: string[] = [];
    if (!isSame)
      faults.push(`${this.id}: the first ${bytesReceived} bytes that the VM received are not those that were sent`);
    if (this.goneMs !== NEVER_MS) return faults;
    if (bytesReceived !== sent.length)
      faults.push(`${this.id}: the VM received ${bytesReceived} of ${sent.length} bytes`);
    if (bytesSent !== this.#answeredBytes)
      faults.push(`${this.id}: the VM sent ${bytesSent} bytes, and ${this.#answeredBytes} came`);
    return faults;
  }

  /** Both ways, of what was answered. */
  get bytes(): number {
    return Buffer.byteLength(this.#sent.slice(0, this.#answered).join('')) + this.#answeredBytes;
  }

  end(): void {
    this.#client.destroy();
  }
}

/** Text that differs from line to line, in its length, too. */
function fill(seed: string): string {
  const digest = sha256(seed);
  const length = Number.parseInt(digest.slice(0, 8), 16) % LINE_CHARS_MAX;
  return digest.repeat(Math.ceil(length / digest.length)).slice(0, length);
}

function sha256(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function shorten(line: string): string {
  return line.length <= 200 ? line : `${line.slice(0, 100)}...${line.slice(-100)}`;
}
