// OpenIPMI's ipmi_sim as a peer: started on a free port with its state in a folder of its own; the chassis is a file.
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../../support/eventually.ts';
import { freePort } from '../../support/ports.ts';

export const OPEN_IPMI_USER = 'admin';
export const OPEN_IPMI_PASSWORD = 'secret123';
/** Limited to operator. */
export const OPEN_IPMI_OPERATOR = 'operator';

/**
 * What ipmi_sim calls for chassis commands: `hook 0x20 get|set NAME [VALUE]...`. Keeps the power bit in the file `power`
 * and writes each `set` to the file `deeds`.
 */
const CHASSIS_SCRIPT = `#!/bin/sh
cd "$(dirname "$0")" || exit 1
shift
verb=$1
shift
if [ "$verb" = get ]; then
  for name in "$@"; do
    case $name in
      power) echo "power:$(cat power)" ;;
      boot) echo "boot:default" ;;
      *) echo "$name:0" ;;
    esac
  done
elif [ "$verb" = set ]; then
  while [ $# -ge 2 ]; do
    echo "$1 $2" >>deeds
    if [ "$1" = power ]; then echo "$2" >power; fi
    shift 2
  done
fi
`;

function lanConfig(folder: string, udpPort: number, kcsPort: number, kg: string | undefined): string {
  return `name "peer"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 ${udpPort}
    priv_limit admin
    allowed_auths_callback none md2 md5 straight
    allowed_auths_user none md2 md5 straight
    allowed_auths_operator none md2 md5 straight
    allowed_auths_admin none md2 md5 straight
    guid a123456789abcdefa123456789abcdef${kg === undefined ? '' : `\n    bmc_key "${kg}"`}
  endlan
  chassis_control "${join(folder, 'hook')} 0x20"
  serial kcs 127.0.0.1 ${kcsPort} codec VM
  user 1 false "" "nouse" user 10 none md2 md5 straight
  user 2 true "${OPEN_IPMI_USER}" "${OPEN_IPMI_PASSWORD}" admin 10 none md2 md5 straight
  user 3 true "${OPEN_IPMI_OPERATOR}" "${OPEN_IPMI_PASSWORD}" operator 10 none md2 md5 straight
`;
}

/** Sensor 1: System ACPI Power State in a compact record. Sensor 2: a power meter of 2 W a step in a full record. */
function emulatorConfig(folder: string): string {
  return `mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
sel_enable 0x20 1000 0x0a
sensor_add 0x20 0 1 0x22 0x6f poll 50 file "${join(folder, 'acpistate')}"
sensor_set_event_support 0x20 0 1 enable scanning per-state 111111111111111 111111111111111 111111111111111 000000000000000
main_sdr_add 0x20 00 00 0x51 0x02 0x25 0x20 00 01 07 01 0x67 0x40 0x22 0x6f 0xff 0x3f 00 00 0xff 0x3f 0xc0 00 00 01 00 00 00 00 00 00 00 0xca 0x41 0x43 0x50 0x49 0x20 0x53 0x74 0x61 0x74 0x65
sensor_add 0x20 0 2 0x0b 0x01 poll 50 file "${join(folder, 'watts')}"
sensor_set_event_support 0x20 0 2 enable scanning per-state 000000000000000 000000000000000 000000000000000 000000000000000
main_sdr_add 0x20 00 00 0x51 0x01 0x34 0x20 00 02 07 01 0x7f 0x40 0x0b 0x01 00 00 00 00 00 00 00 0x06 00 00 02 00 00 00 00 00 00 0x50 0x64 0x32 0xff 00 00 00 00 00 00 00 00 00 00 00 00 0xc9 0x50 0x77 0x72 0x20 0x4d 0x65 0x74 0x65 0x72
mc_enable 0x20
`;
}

/** A running ipmi_sim. */
export class OpenIpmiBmc {
  readonly port: number;
  readonly #folder: string;
  readonly #program: string;
  #child: ChildProcess | null = null;

  private constructor(program: string, folder: string, port: number) {
    this.#program = program;
    this.#folder = folder;
    this.port = port;
  }

  /** `kg`: the BMC's own key, as text without blanks. */
  static async start(program: string, kg?: string): Promise<OpenIpmiBmc> {
    const folder = await mkdtemp(join(tmpdir(), 'torpor-ipmi-sim-'));
    const port = await freePort();
    await mkdir(join(folder, 'state'));
    await writeFile(join(folder, 'lan.conf'), lanConfig(folder, port, await freePort(), kg));
    await writeFile(join(folder, 'bmc.emu'), emulatorConfig(folder));
    await writeFile(join(folder, 'hook'), CHASSIS_SCRIPT);
    await chmod(join(folder, 'hook'), 0o755);
    const bmc = new OpenIpmiBmc(program, folder, port);
    await bmc.setPower(true);
    await bmc.setAcpiOffset(0);
    await bmc.setWatts(184);
    await writeFile(join(folder, 'deeds'), '');
    await bmc.#spawn();
    return bmc;
  }

  async #spawn(): Promise<void> {
    const file = (name: string) => join(this.#folder, name);
    const args = ['-n', '-p', '-c', file('lan.conf'), '-f', file('bmc.emu'), '-s', file('state')];
    const child = spawn(this.#program, args, { stdio: 'ignore' });
    this.#child = child;
    const hasStarted = async () => child.exitCode !== null || (await answersPing(this.port));
    await eventually('ipmi_sim to answer a presence ping', hasStarted, { everyMs: 50 });
    if (child.exitCode !== null) throw new Error(`ipmi_sim ended with exit code ${child.exitCode}`);
  }

  /** As a BMC reset: the process is killed and started anew, sessions are gone. */
  async restart(): Promise<void> {
    await this.#kill();
    await this.#spawn();
  }

  async #kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  async setPower(on: boolean): Promise<void> {
    await writeFile(join(this.#folder, 'power'), on ? '1\n' : '0\n');
  }

  /** Offset of sensor type 22h that is asserted: 0 for S0, 3 for S3, 5 for S5. ipmi_sim reads the file every 50 ms. */
  async setAcpiOffset(offset: number): Promise<void> {
    await writeFile(join(this.#folder, 'acpistate'), `${1 << offset}\n`);
  }

  async setWatts(watts: number): Promise<void> {
    await writeFile(join(this.#folder, 'watts'), `${watts / 2}\n`);
  }

  /** What chassis control was told to set, in order: `power 1`, `shutdown 1`. */
  async deeds(): Promise<string[]> {
    return (await readFile(join(this.#folder, 'deeds'), 'utf8')).split('\n').filter((line) => line !== '');
  }

  async stop(): Promise<void> {
    await this.#kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** The ASF presence ping of IPMI v2.0 section 13.2.3, written out. */
const PING = Buffer.from('06 00 ff 06 00 00 11 be 80 01 00 00'.replaceAll(' ', ''), 'hex');

function answersPing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    const end = (answered: boolean) => {
      clearTimeout(timer);
      socket.close();
      resolve(answered);
    };
    const timer = setTimeout(() => end(false), 200);
    socket.once('message', () => end(true));
    socket.on('error', () => {});
    socket.send(PING, port, '127.0.0.1');
  });
}
