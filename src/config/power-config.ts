// How a platform is put to sleep, woken and read, as Torpor uses it: typed, complete, units in names.

export interface PowerConfig {
  readonly sleep: 'S3' | 'S5';
  readonly wakeTimeoutMs: number;
  readonly suspendTimeoutMs: number;
  readonly bmc: IpmiBmcConfig;
  /** Watts of this platform where its owner knows them; null where not. */
  readonly watts: { readonly busy: number | null; readonly idle: number | null; readonly asleep: number | null };
}

/** A BMC that speaks IPMI over LAN (RMCP+). The password itself is never part of the configuration: see secret.ts. */
export interface IpmiBmcConfig {
  readonly driver: 'ipmi';
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: SecretSource;
  readonly cipherSuite: 3 | 17;
}

/** Where a secret is read from, at its use: an absolute path, or the name of an environment variable. */
export type SecretSource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'env'; readonly name: string };
