// `routes` and `otherwise` of a listener: its port shared by several VMs, told by the names that clients ask for. Rules across keys: route-checks.ts.
import { z } from 'zod';
import { targetField, textField } from './fields.ts';
import { mapping } from './mapping.ts';

/** RFC 1123 section 2.1, perhaps behind `*.`. */
const HOST_PATTERN = /^(?:\*\.)?[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?$/;
const MAX_NAMES = 64;
export const MAX_ROUTES = 1024;

function namesField(expectation: string, pattern: RegExp) {
  return z
    .array(textField(expectation, pattern))
    .max(MAX_NAMES, `the list has more than ${MAX_NAMES} names: write another route`)
    .default([]);
}

const routeSchema = mapping({
  hosts: namesField('a host name, such as alice.example or *.lab.example', HOST_PATTERN),
  rdp: namesField('a user name or a routing token, such as alice', /^[\x20-\x7e]{1,256}$/),
  platform: textField('the name of a platform, such as vdi-01', /^[a-z0-9][a-z0-9-]{0,63}$/).optional(),
  vm: textField('the name of a VM, such as alice', /^[A-Za-z0-9][\w.-]{0,63}$/),
  target: targetField,
});

export const routesField = z
  .array(routeSchema)
  .max(MAX_ROUTES, `the list has more than ${MAX_ROUTES} routes: write fewer`)
  .default([]);
