// What stands under `power.host` and `power.wol`, in the words of their YAML: the ways past the BMC to a platform's own OS.
import { byDriver } from './by-driver.ts';
import { commandField, durationField, hostField, originField, textField, wholeField, wordField } from './fields.ts';
import { mapping } from './mapping.ts';

const pathField = (of: string) => textField(`the path of ${of}`, /^[^\0]{1,4096}$/);

const sshSchema = mapping({
  driver: wordField(['ssh']),
  host: hostField,
  port: wholeField(1, 65_535).default(22),
  user: textField('a user name of the host, such as root', /^[A-Za-z_][\w.-]{0,63}\$?$/).default('root'),
  keyFile: pathField('a private key that needs no passphrase').nullable().default(null),
  knownHostsFile: pathField("a file with the host's public key, as ssh-keyscan prints it").nullable().default(null),
  sleep: commandField.default('systemctl suspend'),
});

const commandSchema = mapping({
  driver: wordField(['command']),
  sleep: commandField.nullable().default(null),
  wake: commandField.nullable().default(null),
  state: commandField.nullable().default(null),
  // The controller ends what takes longer.
  timeout: durationField(100, 60_000).prefault('30s'),
});

/** Source: libvirt, "Connection URIs". What the transport makes of it is virsh's. */
export const libvirtUriField = textField(
  'a libvirt URI, such as qemu:///system or qemu+ssh://root@host/system',
  /^[a-z][a-z0-9+.-]*:\/\/\S{1,1024}$/,
);

const libvirtSchema = mapping({
  driver: wordField(['libvirt']),
  uri: libvirtUriField.nullable().default(null),
  domain: textField('the name of a domain', /^[^\0/\s][^\0/\n]{0,254}$/),
  sleepAction: wordField(['agent', 'button']).optional(),
});

/** SHA-256 in hexadecimal digits, as Proxmox and openssl print it. */
const FINGERPRINT = /^(?:SHA-?256:)?(?:[0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$/i;

export const proxmoxApiKeys = {
  url: originField,
  node: textField('the name of a node, such as pve-1', /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/),
  // Source: Proxmox VE, "API Tokens": USER@REALM!TOKENID.
  tokenId: textField(
    'the id of an API token, such as torpor@pve!power',
    /^[^\s:/!@=]{1,60}@[\w.-]{1,32}![A-Za-z][\w.-]{0,127}$/,
  ),
  tokenFile: pathField("a file that holds the token's secret").nullable().default(null),
  tokenEnv: textField('the name of an environment variable', /^[A-Za-z_][A-Za-z0-9_]{0,255}$/, true)
    .nullable()
    .default(null),
  tls: mapping({
    ca: pathField('a PEM file of an authority').nullable().default(null),
    fingerprint: textField('the SHA-256 fingerprint of a certificate, 32 bytes such as AB:CD:…', FINGERPRINT)
      .nullable()
      .default(null),
  }).prefault({}),
};

export const proxmoxSchema = mapping({
  driver: wordField(['proxmox']),
  ...proxmoxApiKeys,
  via: wordField(['node', 'peer']).default('node'),
});

export const hostSchema = byDriver({
  ssh: sshSchema,
  command: commandSchema,
  libvirt: libvirtSchema,
  proxmox: proxmoxSchema,
});

const MAC = /^[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}$/;
/** Linux: 1 to 15 bytes, no slash, no white space (net/core/dev.c, dev_valid_name). */
const INTERFACE_NAME = /^[^\s/:\0]{1,15}$/;
/** AMD's SecureOn: six bytes like a MAC, or four like an IPv4 address. */
const SECURE_ON = /^(?:[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}|\d{1,3}(?:\.\d{1,3}){3})$/;

export const wolSchema = mapping({
  mac: textField('the address of a network card, such as 00:11:22:33:44:55', MAC),
  interface: textField('the name of an interface of this machine, such as eth0', INTERFACE_NAME)
    .nullable()
    .default(null),
  address: hostField.nullable().default(null),
  port: wholeField(1, 65_535).default(9),
  password: textField('a SecureOn password, such as 00:11:22:33:44:55', SECURE_ON, true).nullable().default(null),
  repeats: wholeField(1, 20).default(3),
});
