// IPMI privilege levels by name and by number. Decides nothing about who has which.

/** The levels Torpor asks for. Chassis Control needs at least operator. Source: IPMI v2.0 appendix G. */
export type PrivilegeLevel = 'user' | 'operator' | 'administrator';

const NUMBERS: Readonly<Record<PrivilegeLevel, number>> = { user: 2, operator: 3, administrator: 4 };

/** The number on the wire. Source: IPMI v2.0 section 6.8. */
export function privilegeNumber(level: PrivilegeLevel): number {
  return NUMBERS[level];
}

/** The level with this number, or null: callback (1) and OEM (5) are levels Torpor has no use for. */
export function privilegeOf(number: number): PrivilegeLevel | null {
  for (const level of Object.keys(NUMBERS) as PrivilegeLevel[]) if (NUMBERS[level] === number) return level;
  return null;
}

/** True where `held` includes everything `needed` allows. */
export function privilegeCovers(held: PrivilegeLevel, needed: PrivilegeLevel): boolean {
  return NUMBERS[held] >= NUMBERS[needed];
}
