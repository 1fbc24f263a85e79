// One Torpor's own UDP port of a simulated platform's BMC, so that it is known who pressed.
import { createSocket, type Socket } from 'node:dgram';
import type { SimulatedPlatform } from '../../../src/power/simulated/simulated-platform.ts';

export class BmcDoor implements AsyncDisposable {
  readonly #socket: Socket;
  #isAnswering = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** `onPress` is called for presses that came through this door alone. */
  static async open({ bmc, host }: SimulatedPlatform, onPress: () => void): Promise<BmcDoor> {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(0, '127.0.0.1', resolve);
    });
    const door = new BmcDoor(socket);
    host.onPress(() => {
      if (door.#isAnswering) onPress();
    });
    // A Torpor that was killed answers with ICMP.
    socket.on('error', () => {});
    socket.on('message', (packet, from) => {
      door.#isAnswering = true;
      const answer = bmc.answerPacket(packet);
      door.#isAnswering = false;
      if (answer !== null) socket.send(answer, from.port, from.address);
    });
    return door;
  }

  get port(): number {
    return this.#socket.address().port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }
}
