// What a system is ever asked to do: the only ResetTypes that this driver can name. What a BMC offers besides is never sent.

/**
 * ComputerSystem.Reset's ResetType, as far as Torpor goes. ForceOff, ForceRestart, ForceOn, GracefulRestart, PowerCycle, FullPowerCycle,
 * Nmi, Pause and Resume are left out on purpose: what has no name here cannot be sent. Source: DMTF Resource schema, ResetType.
 */
export type ResetType = 'On' | SleepAction;

/**
 * Ways to sleep. PushPowerButton: the ACPI power button, which the OS answers as it was told to. GracefulShutdown: the same to many
 * BMCs, and by the schema a shutdown. Suspend: state to disk, then off.
 */
export type SleepAction = 'PushPowerButton' | 'GracefulShutdown' | 'Suspend';

/** The ResetType that sleeps where its owner says nothing: the button for S3, a shutdown for S5. */
export function defaultSleepAction(sleep: 'S3' | 'S5'): SleepAction {
  return sleep === 'S3' ? 'PushPowerButton' : 'GracefulShutdown';
}
