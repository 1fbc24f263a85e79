// A configuration of one VM with the given listeners, each the inside of a YAML mapping, for tests of what a listener may say.
import { parseConfig } from '../../../src/config/load-config.ts';

/** `top`: lines before `platforms`. Throws as parseConfig does. */
export function parseListeners(listeners: readonly string[], top = ''): ReturnType<typeof parseConfig> {
  const text = `${top}
platforms:
  - name: lab
    power:
      bmc: { driver: ipmi, host: lab-bmc.example, user: torpor, passwordEnv: LAB_BMC }
    vms:
      - name: one
        listeners:
${listeners.map((listener) => `          - { ${listener} }`).join('\n')}
`;
  return parseConfig(text, 'torpor.yaml', '/etc/torpor');
}
