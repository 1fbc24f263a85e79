// A piece of configuration as the documentation shows it, put where it belongs in a configuration that is complete otherwise.
import { parse, stringify } from 'yaml';
import { parseConfig } from '../../../src/config/load-config.ts';

type Mapping = Record<string, unknown>;

const LISTENER: Mapping = { listen: '127.0.0.1:10022', target: '127.0.0.1:22', protocol: 'ssh', device: 'terminal' };
const BMC: Mapping = { driver: 'ipmi', host: '10.0.9.11', user: 'torpor', passwordFile: '/etc/torpor/bmc.password' };
const REDFISH: Mapping = { ...BMC, driver: 'redfish' };
const PROXMOX: Mapping = {
  driver: 'proxmox',
  url: 'https://pve-2:8006',
  node: 'pve-1',
  tokenId: 'torpor@pve!power',
  tokenFile: '/t',
};
const HOSTS: readonly Mapping[] = [
  { driver: 'ssh', host: '10.0.1.5' },
  { driver: 'command', sleep: 'true', wake: 'true', state: 'echo S0' },
  { driver: 'libvirt', domain: 'nested' },
  PROXMOX,
];
const VM: Mapping = { name: 'alice', listeners: [LISTENER] };
const PLATFORM: Mapping = { name: 'vdi-01', power: { sleep: 'S3', bmc: BMC }, vms: [VM] };
const FILE: Mapping = { stateDir: '/var/lib/torpor', platforms: [PLATFORM] };

/** What stands where the reader has something of their own: any value of that shape. */
const ELLIPSES: ReadonlyArray<readonly [string, string]> = [
  ['SHA256:…', `SHA256:${'AB:'.repeat(32).slice(0, -1)}`],
  ['AB:CD:…', 'AB:'.repeat(32).slice(0, -1)],
];

/** The places where a piece may stand, from the outermost in: a file made of it. */
const PLACES: ReadonlyArray<(piece: Mapping) => Mapping> = [
  (piece) => fill({ ...FILE, ...piece }),
  (piece) => fill(fileOf({ ...PLATFORM, ...piece })),
  (piece) => fileOf({ ...PLATFORM, vms: [fill({ ...VM, ...piece }, VM)] }),
  ...[{}, { protocol: 'http', device: 'web' }, { protocol: 'rfb', device: 'desktop', wakeOn: 'preface' }].map(
    (kind) => (piece: Mapping) =>
      fileOf({ ...PLATFORM, vms: [{ ...VM, listeners: [{ ...LISTENER, ...kind, ...piece }] }] }),
  ),
  (piece) => fileOf({ ...PLATFORM, power: { sleep: 'S3', bmc: BMC, ...piece } }),
  ...[BMC, REDFISH].map(
    (bmc) => (piece: Mapping) => fileOf({ ...PLATFORM, power: { sleep: 'S3', bmc: { ...bmc, ...piece } } }),
  ),
  ...HOSTS.map(
    (host) => (piece: Mapping) =>
      fileOf({ ...PLATFORM, power: { sleep: 'S5', bmc: BMC, host: { ...host, ...piece } } }),
  ),
  (piece) => fileOf({ ...PLATFORM, inhibitors: piece }),
  (piece) => fileOf({ ...PLATFORM, inhibitors: { checks: [{ name: 'nas', command: 'true', ...piece }] } }),
  (piece) => fileOf({ ...PLATFORM, inhibitors: { hostChecks: { run: 'sh -s', ...piece } } }),
  (piece) => fileOf({ ...PLATFORM, context: piece }),
];

/** Null where Torpor takes the piece in one of its places; else what it says where the piece gets furthest. */
export function problemOfPiece(text: string): string | null {
  const whole = ELLIPSES.reduce((done, [dots, value]) => done.replaceAll(dots, value), text);
  let piece: unknown;
  try {
    piece = parse(whole);
  } catch (error) {
    return `no YAML: ${String(error)}`;
  }
  if (typeof piece !== 'object' || piece === null) return 'no mapping';
  const problems: string[] = [];
  for (const place of PLACES) {
    const problem = problemOfFile(place(piece as Mapping));
    if (problem === null) return null;
    problems.push(problem);
  }
  // A key at home somewhere else is unknown here: the place that knows all of the piece's keys has the better complaint.
  const known = problems.filter(
    (problem) => !Object.keys(piece as Mapping).some((key) => problem.includes(`unknown key \`${key}\``)),
  );
  return known[0] ?? problems[0] ?? null;
}

function problemOfFile(file: Mapping): string | null {
  try {
    parseConfig(stringify(file), 'shown.yaml', '/etc/torpor');
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function fileOf(platform: Mapping): Mapping {
  return { ...FILE, platforms: [platform] };
}

/** What a piece leaves out because it is about something else: power and VMs of a platform, listeners of a VM. */
function fill(mapping: Mapping, defaults: Mapping = {}): Mapping {
  if (!Array.isArray(mapping.platforms)) return { ...defaults, ...mapping };
  const platforms = mapping.platforms.map((platform: Mapping) => {
    const power = platform.power as Mapping | undefined;
    const hasWay = power !== undefined && ['bmc', 'host', 'wol'].some((way) => way in power);
    const vms = (platform.vms as Mapping[] | undefined) ?? [VM];
    return {
      ...platform,
      power: { ...(hasWay ? {} : { sleep: 'S3', bmc: BMC }), ...power },
      vms: vms.map((vm) => ({ listeners: [LISTENER], ...vm })),
    };
  });
  return { ...defaults, ...mapping, platforms };
}
