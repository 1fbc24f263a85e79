// What the user that Torpor logs in as may do on a BMC, as far as the BMC tells it. Changes nothing.
import { TorporError } from '../../platform/errors.ts';
import { oneLine } from './extended-info.ts';
import { field, type JsonObject, textField, textListField } from './json-document.ts';
import type { RedfishClient } from './redfish-client.ts';
import { linkField } from './service-link.ts';

/** What ComputerSystem.Reset needs. Source: DMTF Redfish_1.x_PrivilegeRegistry, entity ComputerSystem, operation POST. */
export const RESET_PRIVILEGE = 'ConfigureComponents';

export interface OwnRole {
  /** `Operator`; null where it could not be read. */
  readonly name: string | null;
  /** Null where neither the BMC nor the standard's table tells them. */
  readonly privileges: readonly string[] | null;
}

const UNREADABLE: OwnRole = { name: null, privileges: null };
/** The roles that every service has. Source: DSP0266 section "Roles". */
const STANDARD_ROLES: Readonly<Record<string, readonly string[]>> = {
  Administrator: ['Login', 'ConfigureManager', 'ConfigureUsers', 'ConfigureComponents', 'ConfigureSelf'],
  Operator: ['Login', 'ConfigureComponents', 'ConfigureSelf'],
  ReadOnly: ['Login', 'ConfigureSelf'],
};
const MAX_PRIVILEGES = 64;
/** An iDRAC has 16 places for users, and each is a question. */
const MAX_ACCOUNTS = 32;

/** Finds the account by its user name, and remembers where it was. Users of a directory (LDAP) have none. */
export class OwnRoleReader {
  readonly #client: RedfishClient;
  readonly #user: string;
  #accountPath: string | null = null;

  constructor(client: RedfishClient, user: string) {
    this.#client = client;
    this.#user = user;
  }

  /** Rejects only where the BMC cannot be spoken to: what it refuses to show is unreadable. */
  async read(signal: AbortSignal): Promise<OwnRole> {
    const account = await this.#optional(() => this.#account(signal));
    const bySession = account ?? (await this.#optional(() => this.#ownSession(signal)));
    if (bySession === null) return UNREADABLE;
    const name = textField(bySession, 'RoleId') ?? textListField(bySession, 'Roles', 1)?.[0] ?? null;
    const rolePath = linkField(field(bySession, 'Links'), 'Role');
    const role = rolePath === null ? null : await this.#optional(() => this.#client.get(rolePath, signal));
    const told = textListField(role, 'AssignedPrivileges', MAX_PRIVILEGES);
    const standard = name !== null && Object.hasOwn(STANDARD_ROLES, name) ? (STANDARD_ROLES[name] ?? null) : null;
    return { name: name === null ? null : oneLine(this.#client.scrub(name)), privileges: told ?? standard };
  }

  async #account(signal: AbortSignal): Promise<JsonObject | null> {
    if (this.#accountPath !== null) {
      const known = await this.#optional(() => this.#client.get(this.#accountPath as string, signal));
      if (textField(known, 'UserName') === this.#user) return known;
      this.#accountPath = null;
    }
    const servicePath = linkField(await this.#client.root(signal), 'AccountService');
    if (servicePath === null) return null;
    const accountsPath = linkField(await this.#client.get(servicePath, signal), 'Accounts');
    if (accountsPath === null) return null;
    const paths = await this.#client.members(accountsPath, signal);
    return await this.#search(paths.slice(0, MAX_ACCOUNTS), signal);
  }

  async #search(paths: readonly string[], signal: AbortSignal): Promise<JsonObject | null> {
    for (const path of paths) {
      // Other people's accounts may well be hidden.
      const account = await this.#optional(() => this.#client.get(path, signal));
      if (textField(account, 'UserName') !== this.#user) continue;
      this.#accountPath = path;
      return account;
    }
    return null;
  }

  /** Newer services name the roles in the session itself. */
  async #ownSession(signal: AbortSignal): Promise<JsonObject | null> {
    const path = this.#client.sessionPath;
    return path === null ? null : await this.#client.get(path, signal);
  }

  async #optional<Value>(read: () => Promise<Value>): Promise<Value | null> {
    try {
      return await read();
    } catch (thrown) {
      const hidden = ['ERR_REDFISH_STATUS', 'ERR_REDFISH_PRIVILEGE', 'ERR_REDFISH_PROTOCOL'];
      if (thrown instanceof TorporError && hidden.includes(thrown.code)) return null;
      throw thrown;
    }
  }
}
