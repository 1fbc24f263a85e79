// Part of the composition root: whom a running Torpor tells what happens. What could not be started keeps nothing else from running.
import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import type { IntegrationsConfig, MqttConfig, WebhookConfig } from './config/integrations-config.ts';
import type { SecretSource } from './config/power-config.ts';
import { readSecret } from './config/secret.ts';
import { MqttBridge } from './integrations/mqtt-bridge.ts';
import { systemCa } from './integrations/system-ca.ts';
import { Webhook } from './integrations/webhooks.ts';
import { packageVersion } from './package-version.ts';
import { errorText, TorporError } from './platform/errors.ts';
import type { Logger } from './platform/ports.ts';
import type { Farm } from './platform/status.ts';
import { systemClock } from './system-clock.ts';

const NONE: IntegrationsConfig = { mqtt: null, webhooks: [] };

export class Integrations {
  readonly #farm: Farm;
  readonly #log: Logger;
  #config: IntegrationsConfig = NONE;
  #bridge: MqttBridge | null = null;
  #webhooks: readonly Webhook[] = [];

  constructor(farm: Farm, log: Logger) {
    this.#farm = farm;
    this.#log = log;
  }

  /** Goes over to another configuration. Resolves with what could not be read; then what was stays. */
  async change(next: IntegrationsConfig): Promise<string[]> {
    const problems: string[] = [];
    const attempt = async (what: string, change: () => Promise<void>) => {
      await change().catch((thrown: unknown) => void problems.push(`${what} stays as it was: ${errorText(thrown)}`));
    };
    if (!isDeepStrictEqual(this.#config.mqtt, next.mqtt)) await attempt('mqtt', () => this.#changeMqtt(next.mqtt));
    if (!isDeepStrictEqual(this.#config.webhooks, next.webhooks))
      await attempt('webhooks', () => this.#changeWebhooks(next.webhooks));
    return problems;
  }

  async stop(): Promise<void> {
    await this.change(NONE);
  }

  async #changeMqtt(next: MqttConfig | null): Promise<void> {
    const bridge = next === null ? null : await this.#buildBridge(next);
    // Two with the same clientId would push each other out.
    await this.#bridge?.stop();
    this.#bridge = bridge;
    this.#config = { ...this.#config, mqtt: next };
    bridge?.start();
  }

  async #buildBridge({ secure, caFile, password, ...config }: MqttConfig): Promise<MqttBridge> {
    return new MqttBridge({
      ...config,
      tls: secure ? { ca: await authorities(caFile) } : null,
      password: password === null ? null : await this.#secret(password),
      farm: this.#farm,
      version: packageVersion(),
      clock: systemClock,
      log: this.#log,
    });
  }

  async #changeWebhooks(next: readonly WebhookConfig[]): Promise<void> {
    const built = await Promise.all(
      next.map(async (hook) => ({
        ...hook,
        secret: await this.#secret(hook.secret),
        ca: await authorities(hook.caFile),
      })),
    );
    for (const webhook of this.#webhooks) webhook.stop();
    const rest = { clock: systemClock, wallNowMs: Date.now, log: this.#log };
    this.#webhooks = built.map((hook) => new Webhook(this.#farm, { ...hook, ...rest }));
    this.#config = { ...this.#config, webhooks: next };
  }

  async #secret(source: SecretSource): Promise<string> {
    const { value, warnings } = await readSecret(source);
    for (const warning of warnings) this.#log.warn({}, warning);
    return value;
  }
}

async function authorities(caFile: string | null): Promise<string[]> {
  if (caFile === null) return systemCa();
  const pem = await readFile(caFile, 'latin1').catch((thrown: unknown) => {
    throw new TorporError('ERR_CONFIG_READ', `cannot read caFile ${caFile}: ${errorText(thrown)}`, { cause: thrown });
  });
  if (pem.includes('-----BEGIN CERTIFICATE-----')) return [pem];
  throw new TorporError('ERR_CONFIG_READ', `caFile ${caFile} holds no certificate: write the path of a PEM file`);
}
