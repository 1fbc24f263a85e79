// One line of `torpor check`: what was looked at, what was found, and what to do where it is not right.

/** ok: works. warning: works, but its owner should know. failed: Torpor would not work with it. skipped: could not be looked at. */
export type CheckOutcome = 'ok' | 'warning' | 'failed' | 'skipped';

export interface CheckFinding {
  /** Null for what belongs to no platform. */
  readonly platform: string | null;
  /** What was looked at: `BMC`, `cipher suite`, `listener 0.0.0.0:13389`. */
  readonly subject: string;
  readonly outcome: CheckOutcome;
  readonly what: string;
  /** What to do; null where nothing is to be done. */
  readonly todo: string | null;
}

/** Findings of one platform, or of none, collected in the order in which they were made. */
export class CheckReport {
  readonly platform: string | null;
  readonly findings: CheckFinding[] = [];

  constructor(platform: string | null) {
    this.platform = platform;
  }

  ok(subject: string, what: string): void {
    this.#add(subject, 'ok', what, null);
  }

  warn(subject: string, what: string, todo: string): void {
    this.#add(subject, 'warning', what, todo);
  }

  fail(subject: string, what: string, todo: string | null): void {
    this.#add(subject, 'failed', what, todo);
  }

  skip(subject: string, what: string): void {
    this.#add(subject, 'skipped', what, null);
  }

  #add(subject: string, outcome: CheckOutcome, what: string, todo: string | null): void {
    this.findings.push({ platform: this.platform, subject, outcome, what, todo });
  }
}
