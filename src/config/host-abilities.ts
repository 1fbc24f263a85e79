// What each in-band driver can do, told from its configuration alone, before anything is built.

export interface HostAbilities {
  readonly sleeps: boolean;
  readonly wakes: boolean;
  /** Tells S0 from the sleep. */
  readonly reads: boolean;
}

type HostKeys = Readonly<Record<string, unknown>>;
const isSet = (value: unknown): boolean => value !== undefined && value !== null;

const ABILITIES: Readonly<Record<string, (host: HostKeys) => HostAbilities>> = {
  ssh: () => ({ sleeps: true, wakes: false, reads: false }),
  command: ({ sleep, wake, state }) => ({ sleeps: isSet(sleep), wakes: isSet(wake), reads: isSet(state) }),
  libvirt: () => ({ sleeps: true, wakes: true, reads: true }),
  // A node that is off answers nobody: only another one of its cluster can wake it, and tell that it is off.
  proxmox: ({ via }) => ({ sleeps: true, wakes: via === 'peer', reads: via === 'peer' }),
};

const NOTHING: HostAbilities = { sleeps: false, wakes: false, reads: false };

/** `host` as it stands in the file or as it was read; null, and a driver that is not known, can do nothing. */
export function hostAbilities(host: object | null | undefined): HostAbilities {
  if (host === null || host === undefined) return NOTHING;
  const keys = host as HostKeys;
  const abilities = typeof keys.driver === 'string' ? ABILITIES[keys.driver] : undefined;
  return abilities === undefined ? NOTHING : abilities(keys);
}
