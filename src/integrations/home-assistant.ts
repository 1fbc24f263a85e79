// What Home Assistant must be told to show platforms by itself: MQTT discovery, one retained message per entity. Pure.
// Source: https://www.home-assistant.io/integrations/mqtt/#discovery-messages
import { STATE_NAMES } from '../platform/status.ts';
import type { MqttMessage } from './mqtt-packets.ts';

export interface DiscoveryOptions {
  /** Of Torpor's own topics: `torpor`. */
  readonly root: string;
  /** Home Assistant's: `homeassistant`. */
  readonly prefix: string;
  readonly version: string;
}

const COMPONENTS = ['state', 'power', 'pool', 'wake'] as const;

export function statusTopic(root: string): string {
  return `${root}/status`;
}

export function stateTopic(root: string, platform: string): string {
  return `${root}/platform/${platform}/state`;
}

export function commandTopic(root: string, platform: string): string {
  return `${root}/platform/${platform}/command`;
}

/** All entities of one platform. */
export function discover(platform: string, options: DiscoveryOptions): MqttMessage[] {
  return COMPONENTS.map((component) => ({
    topic: discoveryTopic(platform, component, options),
    payload: JSON.stringify(entity(platform, component, options)),
    retain: true,
  }));
}

/** Takes them out again: an empty retained message. */
export function forget(platform: string, options: DiscoveryOptions): MqttMessage[] {
  return COMPONENTS.map((component) => ({
    topic: discoveryTopic(platform, component, options),
    payload: '',
    retain: true,
  }));
}

function discoveryTopic(
  platform: string,
  component: (typeof COMPONENTS)[number],
  { root, prefix }: DiscoveryOptions,
): string {
  const kind = component === 'wake' ? 'button' : 'sensor';
  return `${prefix}/${kind}/${idOf(root, platform)}/${component}/config`;
}

/** Letters, digits, hyphens and underscores only, as discovery asks for; a root may have slashes. */
function idOf(root: string, platform: string): string {
  return `${root}_${platform}`.replace(/[^A-Za-z0-9_-]/g, '_');
}

function entity(platform: string, component: (typeof COMPONENTS)[number], { root, version }: DiscoveryOptions): object {
  const id = idOf(root, platform);
  const common = {
    unique_id: `${id}_${component}`,
    availability_topic: statusTopic(root),
    device: { identifiers: [id], name: platform, manufacturer: 'Torpor', model: 'platform', sw_version: version },
    origin: { name: 'Torpor', sw_version: version },
  };
  const read = { ...common, state_topic: stateTopic(root, platform) };
  switch (component) {
    case 'state':
      return {
        ...read,
        name: 'State',
        device_class: 'enum',
        options: STATE_NAMES,
        value_template: '{{ value_json.state }}',
        json_attributes_topic: stateTopic(root, platform),
        icon: 'mdi:power-sleep',
      };
    case 'power':
      return {
        ...read,
        name: 'Power',
        device_class: 'power',
        state_class: 'measurement',
        unit_of_measurement: 'W',
        value_template: '{{ value_json.watts }}',
      };
    case 'pool':
      return {
        ...read,
        name: 'Active clients',
        state_class: 'measurement',
        value_template: '{{ value_json.pool }}',
        icon: 'mdi:account-multiple',
      };
    case 'wake':
      return {
        ...common,
        name: 'Wake',
        command_topic: commandTopic(root, platform),
        payload_press: 'wake',
        icon: 'mdi:power',
      };
  }
}
