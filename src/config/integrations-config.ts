// Whom Torpor tells what happens, as the configuration has it: an MQTT broker, webhooks.
import type { SecretSource } from './power-config.ts';

export interface IntegrationsConfig {
  /** null: none. */
  readonly mqtt: MqttConfig | null;
  readonly webhooks: readonly WebhookConfig[];
}

export interface MqttConfig {
  readonly host: string;
  readonly port: number;
  /** Over TLS. */
  readonly secure: boolean;
  /** Absolute path of authorities in PEM; null: the system's. */
  readonly caFile: string | null;
  readonly user: string | null;
  readonly password: SecretSource | null;
  readonly clientId: string;
  /** First part of all topics. */
  readonly topic: string;
  /** Home Assistant's prefix; null: no discovery. */
  readonly discovery: string | null;
}

export interface WebhookConfig {
  /** Unique. */
  readonly name: string;
  readonly url: string;
  readonly secret: SecretSource;
  readonly caFile: string | null;
  /** Kinds of events; empty: all. */
  readonly events: readonly string[];
}
