// What stands under `power.host` and `power.wol`, in the words of their YAML: the ways past the BMC to a platform's own OS.
import { byDriver } from './by-driver.ts';
import { commandField, durationField, hostField, textField, wholeField, wordField } from './fields.ts';
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

export const hostSchema = byDriver({ ssh: sshSchema, command: commandSchema });

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
