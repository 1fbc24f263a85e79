// A ComputerSystem resource: what it says of its power, and where and with what it may be reset. Nothing is asked here.
import { fieldAt, type JsonObject, listField, textField, textListField } from './json-document.ts';
import { type PowerState, toPowerState } from './power-state.ts';
import { linkOf, toPath } from './service-link.ts';

const MAX_CHASSIS = 4;
const MAX_RESET_TYPES = 32;

export interface ComputerSystem {
  readonly path: string;
  /** `Dell Inc. PowerEdge R750`; empty where it does not say. */
  readonly model: string;
  /** Null where it says nothing that is known. */
  readonly powerState: PowerState | null;
  /** Null where the system has no Reset action: then it can neither be put to sleep nor woken. */
  readonly reset: ResetAction | null;
  /** Where its power meter may be. */
  readonly chassisPaths: readonly string[];
}

/** The action `#ComputerSystem.Reset` as the resource describes it. */
export interface ResetAction {
  readonly target: string;
  /** `ResetType@Redfish.AllowableValues`; null where it is not told here. */
  readonly allowed: readonly string[] | null;
  /** `@Redfish.ActionInfo`: the resource that tells the same; null where there is none. */
  readonly actionInfoPath: string | null;
}

export function readComputerSystem(path: string, resource: JsonObject): ComputerSystem {
  const maker = textField(resource, 'Manufacturer')?.trim() ?? '';
  const model = textField(resource, 'Model')?.trim() ?? '';
  return {
    path,
    model: `${maker} ${model}`.trim(),
    powerState: toPowerState(resource.PowerState),
    reset: readResetAction(resource),
    chassisPaths: listField(fieldAt(resource, 'Links'), 'Chassis', MAX_CHASSIS)
      .map(linkOf)
      .filter((link) => link !== null),
  };
}

function readResetAction(resource: JsonObject): ResetAction | null {
  const action = fieldAt(resource, 'Actions', '#ComputerSystem.Reset');
  const target = toPath(textField(action, 'target'));
  if (target === null) return null;
  const allowed = textListField(action, 'ResetType@Redfish.AllowableValues', MAX_RESET_TYPES);
  const actionInfoPath = toPath(textField(action, '@Redfish.ActionInfo'));
  return { target, allowed: allowed?.length === 0 ? null : allowed, actionInfoPath };
}

/** The values of ResetType in an ActionInfo resource; null where it does not tell. Source: DMTF ActionInfo schema. */
export function allowedInActionInfo(resource: JsonObject): readonly string[] | null {
  const parameters = listField(resource, 'Parameters', MAX_RESET_TYPES);
  const resetType = parameters.find((parameter) => textField(parameter, 'Name') === 'ResetType');
  const allowed = textListField(resetType, 'AllowableValues', MAX_RESET_TYPES);
  return allowed?.length === 0 ? null : allowed;
}
