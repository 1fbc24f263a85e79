// How a platform is put to sleep, woken and read, as Torpor uses it: typed, complete, units in names.

export interface PowerConfig {
  readonly sleep: 'S3' | 'S5';
  readonly wakeTimeoutMs: number;
  readonly suspendTimeoutMs: number;
  readonly bmc: BmcConfig | null;
  /** The in-band way: the platform's own OS, or whatever a command reaches. */
  readonly host: HostConfig | null;
  readonly wol: WakeOnLanConfig | null;
  /** Who does what. Each one named is configured and able to. */
  readonly sleepBy: Sleeper;
  /** In the order in which they are tried. Never empty. */
  readonly wakeBy: readonly Waker[];
  /** probes: nothing tells the power, the VMs' probes alone are the evidence. */
  readonly stateBy: StateReader;
  /** Watts of this platform where its owner knows them; null where not. */
  readonly watts: {
    /** While it wakes; null: as busy. */
    readonly inrush: number | null;
    readonly busy: number | null;
    readonly idle: number | null;
    readonly asleep: number | null;
  };
}

export type Sleeper = 'bmc' | 'host';
export type Waker = 'bmc' | 'wol' | 'host';
export type StateReader = 'bmc' | 'host' | 'probes';

/** One type per `driver`. */
export type BmcConfig = IpmiBmcConfig | RedfishBmcConfig;
/** One type per `driver`. */
export type HostConfig = SshHostConfig | CommandHostConfig | LibvirtHostConfig | ProxmoxHostConfig;

/** A BMC that speaks IPMI over LAN (RMCP+). The password itself is never part of the configuration: see secret.ts. */
export interface IpmiBmcConfig {
  readonly driver: 'ipmi';
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: SecretSource;
  /** The BMC's own key K[G]; null: none is set on it. */
  readonly kg: SecretSource | null;
  /** auto: 17 before 3, whatever the BMC offers. 16 and 2 do not encrypt: by name only. */
  readonly cipherSuite: 'auto' | 2 | 3 | 16 | 17;
}

/** A BMC that speaks Redfish over HTTPS. */
export interface RedfishBmcConfig {
  readonly driver: 'redfish';
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: SecretSource;
  readonly login: 'session' | 'basic';
  /** Its Id or path; null where the BMC has one system only. */
  readonly system: string | null;
  readonly tls: RedfishTlsConfig;
  readonly sleepAction: 'PushPowerButton' | 'GracefulShutdown' | 'Suspend';
}

/** Whose certificate is taken for the BMC's. none: plain HTTP, on loopback only. */
export type RedfishTlsConfig =
  | { readonly kind: 'system'; readonly serverName: string | null }
  /** `path` is absolute, of a PEM file. */
  | { readonly kind: 'ca'; readonly path: string; readonly serverName: string | null }
  /** `SHA256:` and hexadecimal digits, as written. */
  | { readonly kind: 'fingerprint'; readonly sha256: string }
  | { readonly kind: 'none' };

/** The platform's OS, reached by the OpenSSH client. It can be asked to sleep, and neither woken nor read. */
export interface SshHostConfig {
  readonly driver: 'ssh';
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Absolute; null: what the client finds by itself. */
  readonly keyFile: string | null;
  /** Absolute; null: the client's own. */
  readonly knownHostsFile: string | null;
  /** The command line that suspends, for the user's shell over there. */
  readonly sleep: string;
}

/** Commands for `/bin/sh -c`; null where there is none. */
export interface CommandHostConfig {
  readonly driver: 'command';
  readonly sleep: string | null;
  readonly wake: string | null;
  /** Prints S0, S1, S2, S3, S4, S5 or unknown. */
  readonly state: string | null;
  /** For each of them; what runs longer is ended. */
  readonly timeoutMs: number;
}

/** A platform that is itself a domain of a libvirt, such as a nested hypervisor. */
export interface LibvirtHostConfig {
  readonly driver: 'libvirt';
  /** null: what virsh takes by itself. */
  readonly uri: string | null;
  readonly domain: string;
  /** agent: its guest agent is asked. button: its ACPI power button is pressed, and its OS does what it was told to. */
  readonly sleepAction: 'agent' | 'button';
}

/** The HTTP API of a Proxmox VE node. The token's secret itself is never part of the configuration: see secret.ts. */
export interface ProxmoxApiConfig {
  /** Origin, without a path: `https://pve-1:8006`. */
  readonly url: string;
  readonly node: string;
  /** `USER@REALM!NAME` */
  readonly tokenId: string;
  readonly token: SecretSource;
  readonly tls: TlsTrustConfig;
}

/** A Proxmox VE node that shuts itself down. */
export interface ProxmoxHostConfig extends ProxmoxApiConfig {
  readonly driver: 'proxmox';
  /** node: `url` is the node's own, gone while it is off. peer: it is another node's of the cluster, which can also wake it and tell its state. */
  readonly via: 'node' | 'peer';
}

/** Which certificates a TLS server may show: those of the system's authorities, of one authority, or one certificate by its SHA-256. */
export type TlsTrustConfig =
  | { readonly kind: 'system' }
  /** Absolute path of a PEM file. */
  | { readonly kind: 'ca'; readonly path: string }
  /** Lower-case hexadecimal digits. */
  | { readonly kind: 'fingerprint'; readonly sha256: string };

/** Where the magic packet goes. */
export interface WakeOnLanConfig {
  /** Lower case, colons. */
  readonly mac: string;
  /** The interface that it leaves by; null: by the routing table. */
  readonly interface: string | null;
  /** An IP address or a host name; null: broadcast on the interface. */
  readonly address: string | null;
  readonly port: number;
  /** SecureOn, as it was written; null: none. It is sent in the clear, but shown nowhere. */
  readonly password: string | null;
  /** How often the packet is sent for one request. */
  readonly repeats: number;
}

/** Where a secret is read from, at its use: an absolute path, or the name of an environment variable. */
export type SecretSource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'env'; readonly name: string };
