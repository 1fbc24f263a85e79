// What a platform of the rig says and was told, for tests: the lines of its service, its chassis commands by meaning, and the
// configuration of a Torpor in front of it.
import type { LineClient } from '../support/line-client.ts';
import type { TorporApi } from '../support/torpor-api.ts';
import type { PlatformSetUp } from '../support/torpor-config.ts';
import type { ChassisCommand, Rig } from './rig.ts';

/**
 * More than the 60 s after which a wake has failed, and room for the next: the emulated guest of a busy machine may answer each probe
 * later than a probe waits.
 */
const ANSWER_BOUND_MS = 150_000;
/** A guard that could not be judged in time, as on a busy machine, is judged anew after a minute: room for two of them. */
export const ASLEEP_BOUND_MS = 200_000;

/** One line of vm-service: `vm1 n=3 boot=8f4fbb11 the line`. */
const ANSWER = /^vm1 n=(?<count>\d+) boot=(?<boot>[0-9a-f]{8}) (?<line>.*)$/;

export interface Answer {
  readonly count: number;
  readonly boot: string;
  readonly line: string;
}

export async function readAnswer(client: LineClient): Promise<Answer> {
  const text = await client.readLine(ANSWER_BOUND_MS);
  const { count, boot, line } = ANSWER.exec(text)?.groups ?? {};
  if (count === undefined || boot === undefined || line === undefined) throw new Error(`no answer of vm1: ${text}`);
  return { count: Number(count), boot, line };
}

export function askService(client: LineClient, line: string): Promise<Answer> {
  client.write(`${line}\n`);
  return readAnswer(client);
}

export function presses(commands: readonly ChassisCommand[]): ChassisCommand[] {
  return commands.filter((command) => command.name === 'shutdown');
}

/** Commands that would cost the guest its memory. */
export function destructive(commands: readonly ChassisCommand[]): ChassisCommand[] {
  return commands.filter(({ name, value }) => name === 'reset' || (name === 'power' && value === '0'));
}

/** `boot=… suspends=3`: the value behind a name. */
export function field(text: string, name: string): string | undefined {
  return new RegExp(`(?:^| )${name}=(\\S+)`).exec(text)?.[1];
}

/**
 * To be asked of a sleeper, which it does not wake: whoever wakes it finds it awake for as long as a test counts. By its idle timeout alone it
 * would be pressed again 0.5 s after a slow wake, and a busy machine starts no program sooner.
 */
export async function stayAwakeOnceWoken(torpor: TorporApi, platform: string): Promise<void> {
  const [status, body] = await torpor.ask(platform, 'inhibit', { for: '10m', why: 'what it did is counted' });
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
}

/** A platform that is the rig, its first service behind one listener. */
export function rigSetUp(rig: Rig, platform: string, listenPort: number): PlatformSetUp {
  return {
    platform,
    bmc: rig.facts.bmc,
    // The guest ignores its button in the second after it resumed, as hosts do.
    idleTimeout: '2s',
    disconnectGrace: '500ms',
    drowsyFor: '500ms',
    vms: [
      {
        name: 'vm1',
        listenPort,
        target: `127.0.0.1:${rig.facts.vmPorts[0]}`,
        // QEMU's user network accepts connections for a suspended guest: only an exchange tells.
        probe: { kind: 'exchange', send: 'probe\n', expect: 'vm1 n=' },
      },
    ],
  };
}
