// What stands under `context`, and an identity wherever it stands, in the words of the YAML.
import { z } from 'zod';
import { byDriver } from './by-driver.ts';
import {
  commandField,
  durationField,
  endpointField,
  patternField,
  textField,
  urlField,
  wholeField,
  wordField,
} from './fields.ts';
import { libvirtUriField, proxmoxApiKeys } from './host-schema.ts';
import { mapping } from './mapping.ts';

export const identitySchema = mapping({
  command: commandField.nullable().default(null),
  url: urlField.nullable().default(null),
  banner: endpointField(false).nullable().default(null),
  match: patternField.nullable().default(null),
});

const MAX_VMS = 1000;
/** A VM's number of Proxmox may stand there as one. */
const vmField = z.union([
  textField('the name of a VM', /^[^\0/\s][^\0/\n]{0,254}$/),
  wholeField(1, 999_999_999).transform(String),
]);
const vmChoiceKeys = {
  vms: z
    .union([
      wordField(['all']),
      z
        .array(vmField)
        .min(1, 'the list is empty, so nothing would be saved: write names, or all')
        .max(MAX_VMS, `the list has more than ${MAX_VMS} VMs: write all`),
    ])
    .default('all'),
  timeout: durationField(1000).prefault('10m'),
  parallel: wholeField(1, 16).default(2),
};

const saveVmsSchema = byDriver({
  libvirt: mapping({ driver: wordField(['libvirt']), uri: libvirtUriField.nullable().default(null), ...vmChoiceKeys }),
  proxmox: mapping({ driver: wordField(['proxmox']), ...proxmoxApiKeys, ...vmChoiceKeys }),
});

export const contextSchema = mapping({
  saveVms: saveVmsSchema.optional(),
  identity: identitySchema.optional(),
});
