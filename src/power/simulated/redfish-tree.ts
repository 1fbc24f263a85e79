// The resources of the simulated Redfish service, each built anew when it is read. Sources: DMTF schemas of the types that they name.
import type { ManagedMachine } from './bmc-commands.ts';
import type { Resource } from './redfish-answer.ts';
import type { RedfishProfile } from './redfish-profiles.ts';
import { type RedfishSessions, SESSION_TIMEOUT_SECONDS } from './redfish-sessions.ts';
import type { RedfishTasks } from './redfish-tasks.ts';
import type { HostPhase } from './simulated-host.ts';

/** What the service sees and moves of its machine. `SimulatedHost` is one. */
export interface RedfishMachine extends ManagedMachine {
  readonly phase: HostPhase;
  hibernate(): void;
}

export type RedfishRole = 'Administrator' | 'Operator' | 'ReadOnly';

export interface RedfishUser {
  readonly name: string;
  readonly password: string;
  readonly role: RedfishRole;
}

export const PRIVILEGES: Readonly<Record<RedfishRole, readonly string[]>> = {
  Administrator: ['Login', 'ConfigureManager', 'ConfigureUsers', 'ConfigureComponents', 'ConfigureSelf'],
  Operator: ['Login', 'ConfigureComponents', 'ConfigureSelf'],
  ReadOnly: ['Login', 'ConfigureSelf'],
};

export interface RedfishTreeOptions {
  readonly profile: RedfishProfile;
  readonly machine: RedfishMachine;
  readonly users: readonly RedfishUser[];
  readonly sessions: RedfishSessions;
  readonly tasks: RedfishTasks;
  /** Further systems that the service lists, by Id; they are off for good. */
  readonly otherSystems: readonly string[];
  readonly uuid: string;
}

const ROOT = '/redfish/v1';
const ENABLED = { State: 'Enabled', Health: 'OK' };
const SUPPLIES = 2;

export class RedfishTree {
  readonly resetTarget: string;
  readonly systemPath: string;
  readonly #options: RedfishTreeOptions;
  readonly #fixed = new Map<string, () => Resource>();
  #assetTag = '';

  constructor(options: RedfishTreeOptions) {
    const { profile } = options;
    this.#options = options;
    this.systemPath = this.#path(`${ROOT}/Systems/${profile.systemId}`);
    this.resetTarget = this.#path(`${ROOT}/Systems/${profile.systemId}/Actions/ComputerSystem.Reset`);
    this.#addServices();
    this.#addSystems();
    this.#addChassis();
    this.#addMeters();
  }

  get assetTag(): string {
    return this.#assetTag;
  }

  set assetTag(text: string) {
    this.#assetTag = text;
  }

  /** The resource at a path (a slash at its end makes no difference), or null. */
  at(path: string): Resource | null {
    const plain = path.replace(/\/+$/, '');
    const build = this.#fixed.get(plain);
    return build?.() ?? this.#session(plain) ?? this.#options.tasks.resource(plain);
  }

  // ------------------------------------------------------------------------------------ services

  #addServices(): void {
    const { profile, users, sessions, tasks, uuid } = this.#options;
    this.#add('/redfish', () => ({ v1: `${ROOT}/` }));
    this.#add(ROOT, () => ({
      ...this.#head('ServiceRoot.v1_15_0.ServiceRoot', ROOT, 'RootService', 'Root Service'),
      RedfishVersion: '1.17.0',
      UUID: uuid,
      Systems: this.#link(`${ROOT}/Systems`),
      Chassis: this.#link(`${ROOT}/Chassis`),
      Managers: this.#link(`${ROOT}/Managers`),
      Tasks: this.#link(`${ROOT}/TaskService`),
      SessionService: this.#link(`${ROOT}/SessionService`),
      AccountService: this.#link(`${ROOT}/AccountService`),
      Links: { Sessions: this.#link(profile.sessionsPath) },
    }));
    this.#add(`${ROOT}/SessionService`, () => ({
      ...this.#head(
        'SessionService.v1_1_8.SessionService',
        `${ROOT}/SessionService`,
        'SessionService',
        'Session Service',
      ),
      ServiceEnabled: true,
      SessionTimeout: SESSION_TIMEOUT_SECONDS,
      Sessions: this.#link(profile.sessionsPath),
    }));
    this.#addCollection('SessionCollection', profile.sessionsPath, () => sessions.list().map(({ id }) => id));
    this.#add(`${ROOT}/TaskService`, () => ({
      ...this.#head('TaskService.v1_2_0.TaskService', `${ROOT}/TaskService`, 'TaskService', 'Task Service'),
      ServiceEnabled: true,
      Tasks: this.#link(`${ROOT}/TaskService/Tasks`),
    }));
    this.#addCollection('TaskCollection', `${ROOT}/TaskService/Tasks`, () => tasks.ids());
    this.#addAccounts(users);
  }

  #addAccounts(users: readonly RedfishUser[]): void {
    const base = `${ROOT}/AccountService`;
    this.#add(base, () => ({
      ...this.#head('AccountService.v1_12_0.AccountService', base, 'AccountService', 'Account Service'),
      Accounts: this.#link(`${base}/Accounts`),
      Roles: this.#link(`${base}/Roles`),
    }));
    this.#addCollection('ManagerAccountCollection', `${base}/Accounts`, () =>
      users.map((_, index) => String(index + 1)),
    );
    for (const [index, { name, role }] of users.entries()) {
      const path = `${base}/Accounts/${index + 1}`;
      this.#add(path, () => ({
        ...this.#head('ManagerAccount.v1_9_0.ManagerAccount', path, String(index + 1), 'User Account'),
        UserName: name,
        Password: null,
        Enabled: true,
        RoleId: role,
        Links: { Role: this.#link(`${base}/Roles/${role}`) },
      }));
    }
    this.#addCollection('RoleCollection', `${base}/Roles`, () => Object.keys(PRIVILEGES));
    for (const [role, privileges] of Object.entries(PRIVILEGES)) {
      this.#add(`${base}/Roles/${role}`, () => ({
        ...this.#head('Role.v1_3_1.Role', `${base}/Roles/${role}`, role, 'User Role'),
        RoleId: role,
        IsPredefined: true,
        AssignedPrivileges: privileges,
      }));
    }
  }

  #session(path: string): Resource | null {
    const { profile, sessions } = this.#options;
    const session = sessions.list().find(({ id }) => path === `${profile.sessionsPath}/${id}`);
    if (session === undefined) return null;
    return { ...this.#head('Session.v1_6_0.Session', path, session.id, 'User Session'), UserName: session.userName };
  }

  // ------------------------------------------------------------------------------------ system, chassis, manager

  #addSystems(): void {
    const { profile, otherSystems } = this.#options;
    this.#addCollection('ComputerSystemCollection', `${ROOT}/Systems`, () => [profile.systemId, ...otherSystems]);
    this.#add(this.systemPath, () => this.#system(profile.systemId, this.#powerState()));
    for (const id of otherSystems) this.#add(`${ROOT}/Systems/${id}`, () => this.#system(id, 'Off'));
    if (profile.allowed === 'action-info' || profile.allowed === 'both') {
      const path = `${this.systemPath.replace(/\/+$/, '')}/ResetActionInfo`;
      this.#add(path, () => ({
        ...this.#head('ActionInfo.v1_3_0.ActionInfo', path, 'ResetActionInfo', 'Reset Action Info'),
        Parameters: [{ Name: 'ResetType', Required: true, DataType: 'String', AllowableValues: profile.resetTypes }],
      }));
    }
    const managers = `${ROOT}/Managers`;
    this.#addCollection('ManagerCollection', managers, () => [profile.managerId]);
    this.#add(`${managers}/${profile.managerId}`, () => ({
      ...this.#head('Manager.v1_17_0.Manager', `${managers}/${profile.managerId}`, profile.managerId, 'Manager'),
      ManagerType: 'BMC',
      Status: ENABLED,
    }));
  }

  #system(id: string, powerState: string): Resource {
    const { profile, uuid } = this.#options;
    const path = `${ROOT}/Systems/${id}`;
    const { allowed } = profile;
    const action = {
      target: this.#path(`${path}/Actions/ComputerSystem.Reset`),
      ...(allowed === 'inline' || allowed === 'both'
        ? { 'ResetType@Redfish.AllowableValues': profile.resetTypes }
        : {}),
      ...(allowed === 'action-info' || allowed === 'both'
        ? { '@Redfish.ActionInfo': this.#path(`${path}/ResetActionInfo`) }
        : {}),
    };
    return {
      ...this.#head('ComputerSystem.v1_20_0.ComputerSystem', path, id, 'System'),
      SystemType: 'Physical',
      Manufacturer: profile.manufacturer,
      Model: profile.model,
      AssetTag: this.#assetTag,
      UUID: uuid,
      PowerState: powerState,
      Status: ENABLED,
      Links: {
        Chassis: [this.#link(`${ROOT}/Chassis/${profile.chassisId}`)],
        ManagedBy: [this.#link(`${ROOT}/Managers/${profile.managerId}`)],
      },
      Actions: { '#ComputerSystem.Reset': action },
    };
  }

  #powerState(): string {
    const { machine, profile } = this.#options;
    if (profile.tellsTransitions && machine.phase === 'suspending') return 'PoweringOff';
    if (profile.tellsTransitions && (machine.phase === 'resuming' || machine.phase === 'booting')) return 'PoweringOn';
    return machine.powerBit() ? 'On' : 'Off';
  }

  #addChassis(): void {
    const { profile } = this.#options;
    const chassis = `${ROOT}/Chassis`;
    const path = `${chassis}/${profile.chassisId}`;
    this.#addCollection('ChassisCollection', chassis, () => [profile.chassisId]);
    const meters: Readonly<Record<RedfishProfile['meter'], Resource>> = {
      environment: {
        EnvironmentMetrics: this.#link(`${path}/EnvironmentMetrics`),
        PowerSubsystem: this.#link(`${path}/PowerSubsystem`),
        Power: this.#link(`${path}/Power`),
      },
      supplies: { PowerSubsystem: this.#link(`${path}/PowerSubsystem`) },
      power: { Power: this.#link(`${path}/Power`) },
      none: {},
    };
    this.#add(path, () => ({
      ...this.#head('Chassis.v1_23_0.Chassis', path, profile.chassisId, 'Chassis'),
      ChassisType: 'RackMount',
      Status: ENABLED,
      ...meters[profile.meter],
    }));
  }

  // ------------------------------------------------------------------------------------ power draw

  #addMeters(): void {
    const { profile, machine } = this.#options;
    const chassis = `${ROOT}/Chassis/${profile.chassisId}`;
    this.#add(`${chassis}/EnvironmentMetrics`, () => ({
      ...this.#head(
        'EnvironmentMetrics.v1_3_1.EnvironmentMetrics',
        `${chassis}/EnvironmentMetrics`,
        'EnvironmentMetrics',
        'Metrics',
      ),
      PowerWatts: { Reading: machine.watts() },
    }));
    this.#add(`${chassis}/Power`, () => ({
      ...this.#head('Power.v1_7_1.Power', `${chassis}/Power`, 'Power', 'Power'),
      PowerControl: [{ MemberId: '0', Name: 'System Power Control', PowerConsumedWatts: machine.watts() }],
    }));
    const subsystem = `${chassis}/PowerSubsystem`;
    const supplies = `${subsystem}/PowerSupplies`;
    this.#add(subsystem, () => ({
      ...this.#head('PowerSubsystem.v1_1_1.PowerSubsystem', subsystem, 'PowerSubsystem', 'Power Subsystem'),
      PowerSupplies: this.#link(supplies),
    }));
    const ids = Array.from({ length: SUPPLIES }, (_, index) => String(index));
    this.#addCollection('PowerSupplyCollection', supplies, () => ids);
    for (const id of ids) {
      this.#add(`${supplies}/${id}`, () => ({
        ...this.#head('PowerSupply.v1_5_1.PowerSupply', `${supplies}/${id}`, id, 'Power Supply'),
        Status: ENABLED,
        Metrics: this.#link(`${supplies}/${id}/Metrics`),
      }));
      this.#add(`${supplies}/${id}/Metrics`, () => ({
        ...this.#head(
          'PowerSupplyMetrics.v1_1_1.PowerSupplyMetrics',
          `${supplies}/${id}/Metrics`,
          'Metrics',
          'Metrics',
        ),
        InputPowerWatts: { Reading: machine.watts() / SUPPLIES },
      }));
    }
  }

  // ------------------------------------------------------------------------------------ parts

  #add(path: string, build: () => Resource): void {
    this.#fixed.set(path.replace(/\/+$/, ''), build);
  }

  #addCollection(type: string, path: string, ids: () => readonly string[]): void {
    this.#add(path, () => {
      const members = ids().map((id) => this.#link(`${path}/${id}`));
      return {
        '@odata.type': `#${type}.${type}`,
        '@odata.id': this.#path(path),
        Name: type,
        Members: members,
        'Members@odata.count': members.length,
      };
    });
  }

  #head(type: string, path: string, id: string, name: string): Resource {
    return { '@odata.type': `#${type}`, '@odata.id': this.#path(path), Id: id, Name: name };
  }

  #link(path: string): Resource {
    return { '@odata.id': this.#path(path) };
  }

  #path(path: string): string {
    return this.#options.profile.trailingSlash ? `${path.replace(/\/+$/, '')}/` : path;
  }
}
