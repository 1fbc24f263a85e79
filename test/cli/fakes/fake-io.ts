// A process that a test owns: captured output, an environment of its own, signals on demand.
import type { CliIo, PlayDemo, RunTorpor, StopSignal } from '../../../src/cli/cli-io.ts';
import { runCli } from '../../../src/cli/program.ts';
import type { Former, Successor } from '../../../src/cli/torpor-kin.ts';
import { InheritedSockets, type PassedSocket } from '../../../src/streams/inherited-sockets.ts';

export class FakeIo implements CliIo {
  readonly version = '1.2.3';
  env: Record<string, string | undefined> = {};
  outIsTerminal = false;
  errIsTerminal = false;
  inIsTerminal = false;
  stdout = '';
  stderr = '';
  /** Codes of `exitNow`, which does not end the test. */
  readonly exits: number[] = [];
  runTorpor: RunTorpor = () => Promise.reject(new Error('this test has no Torpor'));
  playDemo: PlayDemo = () => Promise.reject(new Error('this test has no demo'));
  readonly #listeners = new Set<(signal: StopSignal) => void>();
  readonly #reloads = new Set<() => void>();
  readonly #handOvers = new Set<() => void>();

  get signalListeners(): number {
    return this.#listeners.size + this.#reloads.size + this.#handOvers.size;
  }

  outSize() {
    return { columns: 60, rows: 10 };
  }

  out(text: string): void {
    this.stdout += text;
  }

  err(text: string): void {
    this.stderr += text;
  }

  logOut(text: string): void {
    this.out(text);
  }

  /** What stands on stdin, and what bytes came out. */
  stdin: Uint8Array[] = [];
  readonly stdoutBytes: Uint8Array[] = [];

  async *input(): AsyncGenerator<Uint8Array> {
    yield* this.stdin;
  }

  async outBytes(bytes: Uint8Array): Promise<void> {
    this.stdoutBytes.push(bytes.slice());
  }

  onStopSignal(listener: (signal: StopSignal) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onReloadSignal(listener: () => void): () => void {
    this.#reloads.add(listener);
    return () => this.#reloads.delete(listener);
  }

  onHandOverSignal(listener: () => void): () => void {
    this.#handOvers.add(listener);
    return () => this.#handOvers.delete(listener);
  }

  askHandOver(): void {
    for (const listener of [...this.#handOvers]) listener();
  }

  inheritedSockets(): InheritedSockets {
    return new InheritedSockets([]);
  }

  /** What the service manager was told. */
  readonly told: string[] = [];
  readonly service = {
    watchdogMs: null,
    tell: async (...fields: readonly string[]) => void this.told.push(...fields),
  };
  former: Former | null = null;
  startSuccessor: (sockets: readonly PassedSocket[], flowSockets: readonly number[]) => Successor = () => {
    throw new Error('this test has no other Torpor');
  };

  hangUp(): void {
    for (const listener of [...this.#reloads]) listener();
  }

  exitNow(code: number): void {
    this.exits.push(code);
  }

  async loadRunTorpor(): Promise<RunTorpor> {
    return this.runTorpor;
  }

  async loadPlayDemo(): Promise<PlayDemo> {
    return this.playDemo;
  }

  signal(signal: StopSignal): void {
    for (const listener of [...this.#listeners]) listener(signal);
  }

  /** Runs one command line. The exit code. */
  run(...args: readonly string[]): Promise<number> {
    return runCli(args, this);
  }
}
