// Commands of the simulated BMC by number: who may ask, and who answers. Knows no command's meaning, and no packets.
import type { IpmiCommand } from '../ipmi/command.ts';
import { COMPLETION } from '../ipmi/completion-code.ts';
import { type PrivilegeLevel, privilegeNumber } from '../ipmi/privilege-level.ts';
import type { ManagedSession } from './managed-session.ts';

/** The answer to one command. */
export interface CommandAnswer {
  readonly completionCode: number;
  readonly body: Uint8Array;
}

/** Thrown by a handler to answer with another completion code than 00h. */
export class Refused extends Error {
  readonly completionCode: number;

  constructor(completionCode: number) {
    super(`completion code ${completionCode}`);
    this.completionCode = completionCode;
  }
}

/** The session is null for what arrived outside any. */
type Handler = (body: Uint8Array, session: ManagedSession | null) => Uint8Array;

interface Entry {
  readonly name: string;
  readonly needs: PrivilegeLevel | 'none';
  /** True where doing it twice is not the same as doing it once: a repeated request gets the old answer. */
  readonly isDeed: boolean;
  readonly handle: Handler;
}

export class CommandTable {
  readonly #entries = new Map<number, Entry>();

  /** Looks a command up by network function and number. */
  find(netFn: number, code: number): { readonly name: string; readonly isDeed: boolean } | null {
    return this.#entries.get((netFn << 8) | code) ?? null;
  }

  answer(netFn: number, code: number, body: Uint8Array, session: ManagedSession | null): CommandAnswer {
    const entry = this.#entries.get((netFn << 8) | code);
    if (entry === undefined)
      return refusal(session === null ? COMPLETION.insufficientPrivilege : COMPLETION.invalidCommand);
    const held = session === null ? 0 : privilegeNumber(session.privilege);
    if (entry.needs !== 'none' && held < privilegeNumber(entry.needs)) return refusal(COMPLETION.insufficientPrivilege);
    try {
      return { completionCode: COMPLETION.ok, body: entry.handle(body, session) };
    } catch (thrown) {
      if (thrown instanceof Refused) return refusal(thrown.completionCode);
      // A body that is too short or holds an unknown value.
      return refusal(COMPLETION.requestLengthInvalid);
    }
  }

  add<Request, Response>(
    command: IpmiCommand<Request, Response>,
    needs: PrivilegeLevel | 'none',
    handle: (request: Request, session: ManagedSession | null) => Response,
  ): void {
    this.#entries.set((command.netFn << 8) | command.code, {
      name: command.name,
      needs,
      isDeed: command.acts ?? false,
      handle: (body, session) => command.encodeResponse(handle(command.decodeRequest(body), session)),
    });
  }

  /** A command that Torpor's client never sends and so has no file of its own. */
  addRaw(
    command: { readonly name: string; readonly netFn: number; readonly code: number },
    needs: PrivilegeLevel | 'none',
    handle: Handler,
  ): void {
    const { name, netFn, code } = command;
    this.#entries.set((netFn << 8) | code, { name, needs, isDeed: false, handle });
  }
}

function refusal(completionCode: number): CommandAnswer {
  return { completionCode, body: new Uint8Array(0) };
}
