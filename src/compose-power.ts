// Part of the composition root: the power driver that a platform's configuration asks for.
import { readSecret } from './config/secret.ts';
import type { PlatformConfig } from './config/torpor-config.ts';
import type { Logger, PowerDriver } from './platform/ports.ts';
import { IpmiDriver } from './power/ipmi/ipmi-driver.ts';
import { systemClock } from './system-clock.ts';

export async function buildDriver(platform: PlatformConfig, log: Logger): Promise<PowerDriver> {
  const { bmc, sleep } = platform.power;
  const secret = await readSecret(bmc.password);
  for (const warning of secret.warnings) log.warn({ platform: platform.name }, warning);
  return new IpmiDriver({
    host: bmc.host,
    port: bmc.port,
    user: bmc.user,
    password: secret.value,
    cipherSuite: bmc.cipherSuite,
    sleep,
    clock: systemClock,
    log,
  });
}
