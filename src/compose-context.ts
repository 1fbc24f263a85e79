// Part of the composition root: what is done around a platform's sleep, before and after.
import type { PlatformConfig } from './config/torpor-config.ts';
import type { Logger, PlatformContext } from './platform/ports.ts';
import { ShellContext } from './power/inband/shell-context.ts';

export function buildContext(platform: PlatformConfig, log: Logger): PlatformContext {
  const { beforeSuspend, afterWake, timeoutMs } = platform.hooks;
  const identities = platform.vms.flatMap((vm) =>
    vm.identity === null ? [] : [{ vm: vm.name, command: vm.identity.command }],
  );
  return new ShellContext({
    platform: platform.name,
    beforeSuspend,
    afterWake,
    hookTimeoutMs: timeoutMs,
    identities,
    log,
  });
}
