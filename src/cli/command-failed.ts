// The end of a command that did not do its job and has already said why. Errors that still have to be told are TorporErrors.

/** Thrown by a command to end with this exit code and no further word. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
  readonly exitCode: number;

  constructor(exitCode = 1) {
    super(`exit code ${exitCode}`);
    this.exitCode = exitCode;
  }
}
