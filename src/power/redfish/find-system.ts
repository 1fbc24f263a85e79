// Which of a BMC's systems is the platform: the only one, or the one its owner names.
import { TorporError } from '../../platform/errors.ts';
import { oneLine } from './extended-info.ts';
import { textField } from './json-document.ts';
import type { RedfishClient } from './redfish-client.ts';
import { isSamePath, lastSegment, linkField } from './service-link.ts';

const DEFAULT_SYSTEMS_PATH = '/redfish/v1/Systems';
const MAX_LISTED = 16;

/**
 * The path of the system. `wanted` is an Id (`System.Embedded.1`), a path, or null for the only one. Rejects with ERR_REDFISH_SYSTEM, with
 * what there is to choose from, or as the client does.
 */
export async function findSystem(client: RedfishClient, wanted: string | null, signal: AbortSignal): Promise<string> {
  if (wanted?.startsWith('/')) return wanted;
  const root = await client.root(signal);
  const members = await client.members(linkField(root, 'Systems') ?? DEFAULT_SYSTEMS_PATH, signal);
  if (wanted !== null) return await findById(client, members, wanted, signal);
  if (members.length === 1) return members[0] as string;
  if (members.length === 0) throw noSystem(`BMC ${client.peer} knows no system: is the host's power supply on?`);
  const list = members.slice(0, MAX_LISTED).map(lastSegment).join(', ');
  throw noSystem(
    `BMC ${client.peer} has ${members.length} systems: write power.bmc.system, one of ${oneLine(client.scrub(list))}`,
  );
}

async function findById(
  client: RedfishClient,
  members: readonly string[],
  id: string,
  signal: AbortSignal,
): Promise<string> {
  const bySegment = members.find((path) => lastSegment(path) === id || isSamePath(path, id));
  if (bySegment !== undefined) return bySegment;
  for (const path of members.slice(0, MAX_LISTED)) {
    if (textField(await client.get(path, signal), 'Id') === id) return path;
  }
  const list = members.slice(0, MAX_LISTED).map(lastSegment).join(', ') || 'none';
  throw noSystem(
    `BMC ${client.peer} has no system "${id}"; there are: ${oneLine(client.scrub(list))}; correct power.bmc.system`,
  );
}

function noSystem(message: string): TorporError {
  return new TorporError('ERR_REDFISH_SYSTEM', message);
}
