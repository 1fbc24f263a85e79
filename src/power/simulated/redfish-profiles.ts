// How the simulated Redfish service differs from vendor to vendor: one profile each, from public documents that docs/redfish-quirks.md names.

/** A refusal as a BMC words it. */
export interface ProfileRefusal {
  readonly status: number;
  readonly messageId: string;
  /** Null where the vendor sends the id alone. */
  readonly message: string | null;
  readonly args: readonly string[];
}

export interface RedfishProfile {
  readonly name: string;
  readonly manufacturer: string;
  readonly model: string;
  readonly systemId: string;
  readonly chassisId: string;
  readonly managerId: string;
  readonly sessionsPath: string;
  /** Links end in a slash, and what is asked for without one is redirected. */
  readonly trailingSlash: boolean;
  readonly resetTypes: readonly string[];
  /** Where the list of ResetTypes stands. */
  readonly allowed: 'inline' | 'action-info' | 'both' | 'none';
  readonly meter: 'environment' | 'supplies' | 'power' | 'none';
  /** What On is answered while the power bit is on; null: accepted, nothing happens. */
  readonly alreadyOn: ProfileRefusal | null;
  /** What a login is answered while all sessions are taken. */
  readonly sessionsFull: ProfileRefusal;
  readonly maxSessions: number;
  /** How Location is written. */
  readonly location: 'path' | 'absolute';
  /** Shape of `@Message.ExtendedInfo`. */
  readonly extendedInfo: 'list' | 'object';
  /** 204, 200 with a message, or 202 with a task. */
  readonly actionAnswer: 200 | 202 | 204;
  /** Actions with If-Match are refused. */
  readonly refusesIfMatch: boolean;
  /** What comes without a login is answered in HTML. */
  readonly htmlUnauthorized: boolean;
  /** PowerState has PoweringOn and PoweringOff while that is under way. */
  readonly tellsTransitions: boolean;
}

const SESSIONS_PATH = '/redfish/v1/SessionService/Sessions';

/** As DMTF's documents have it, with all that is optional. */
export const STANDARD_PROFILE: RedfishProfile = {
  name: 'standard',
  manufacturer: 'Torpor',
  model: 'Simulated Host',
  systemId: '1',
  chassisId: '1',
  managerId: 'BMC',
  sessionsPath: SESSIONS_PATH,
  trailingSlash: false,
  resetTypes: [
    ...['On', 'ForceOff', 'ForceOn', 'GracefulShutdown', 'GracefulRestart', 'ForceRestart'],
    ...['Nmi', 'PushPowerButton', 'PowerCycle', 'Suspend', 'Pause', 'Resume'],
  ],
  allowed: 'both',
  meter: 'environment',
  alreadyOn: null,
  sessionsFull: {
    status: 503,
    messageId: 'Base.1.13.SessionLimitExceeded',
    message:
      'The session establishment failed due to the number of simultaneous sessions exceeding the limit of the implementation.',
    args: [],
  },
  maxSessions: 8,
  location: 'path',
  extendedInfo: 'list',
  actionAnswer: 202,
  refusesIfMatch: false,
  htmlUnauthorized: false,
  tellsTransitions: true,
};

/** Dell iDRAC 8, Redfish before 1.6. */
export const IDRAC_PROFILE: RedfishProfile = {
  ...STANDARD_PROFILE,
  name: 'idrac',
  manufacturer: 'Dell Inc.',
  model: 'PowerEdge (simulated)',
  systemId: 'System.Embedded.1',
  chassisId: 'System.Embedded.1',
  managerId: 'iDRAC.Embedded.1',
  sessionsPath: '/redfish/v1/Sessions',
  resetTypes: ['On', 'ForceOff', 'GracefulRestart', 'GracefulShutdown', 'PushPowerButton', 'Nmi'],
  allowed: 'inline',
  meter: 'power',
  alreadyOn: { status: 409, messageId: 'IDRAC.1.6.PSU501', message: 'Server is already powered ON.', args: [] },
  sessionsFull: {
    status: 503,
    messageId: 'IDRAC.2.4.RAC0218',
    message: 'The maximum number of user sessions is reached.',
    args: [],
  },
  maxSessions: 6,
  extendedInfo: 'object',
  actionAnswer: 204,
  refusesIfMatch: true,
  htmlUnauthorized: true,
  tellsTransitions: false,
};

/** HPE iLO 5. */
export const ILO_PROFILE: RedfishProfile = {
  ...STANDARD_PROFILE,
  name: 'ilo',
  manufacturer: 'HPE',
  model: 'ProLiant (simulated)',
  managerId: '1',
  trailingSlash: true,
  resetTypes: ['On', 'ForceOff', 'ForceRestart', 'Nmi', 'PushPowerButton'],
  allowed: 'inline',
  meter: 'power',
  alreadyOn: {
    status: 400,
    messageId: 'iLO.2.16.InvalidOperationForSystemState',
    message: null,
    args: ['Power is on'],
  },
  sessionsFull: { status: 503, messageId: 'Base.1.4.SessionLimitExceeded', message: null, args: [] },
  location: 'absolute',
  actionAnswer: 200,
  tellsTransitions: false,
};

/** Supermicro X11 and later. */
export const SUPERMICRO_PROFILE: RedfishProfile = {
  ...STANDARD_PROFILE,
  name: 'supermicro',
  manufacturer: 'Supermicro',
  model: 'Super Server (simulated)',
  managerId: '1',
  resetTypes: ['On', 'ForceOff', 'GracefulShutdown', 'GracefulRestart', 'ForceRestart', 'Nmi', 'ForceOn'],
  allowed: 'action-info',
  meter: 'power',
  actionAnswer: 200,
  tellsTransitions: false,
};

/** Lenovo XCC2. Its GracefulShutdown is the power button. */
export const XCC_PROFILE: RedfishProfile = {
  ...STANDARD_PROFILE,
  name: 'xcc',
  manufacturer: 'Lenovo',
  model: 'ThinkSystem (simulated)',
  managerId: '1',
  resetTypes: ['On', 'Nmi', 'GracefulShutdown', 'GracefulRestart', 'ForceOn', 'ForceOff', 'ForceRestart'],
  meter: 'supplies',
  actionAnswer: 204,
  tellsTransitions: false,
};

export const REDFISH_PROFILES: Readonly<Record<string, RedfishProfile>> = {
  standard: STANDARD_PROFILE,
  idrac: IDRAC_PROFILE,
  ilo: ILO_PROFILE,
  supermicro: SUPERMICRO_PROFILE,
  xcc: XCC_PROFILE,
};
