// A Node process inside a network namespace that a test asks for things, one function call per message.
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { findProgram } from '../../support/requirements.ts';

const HOOK = fileURLToPath(new URL('./typescript-hook.mjs', import.meta.url));
const ANSWER_WITHIN_MS = 60_000;

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

export class Agent implements Disposable {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #lastId = 0;

  /** `script`: file beside this one that calls `serveAgent`. */
  constructor(namespace: string, script: string) {
    const path = fileURLToPath(new URL(script, import.meta.url));
    const args = ['netns', 'exec', namespace, process.execPath, '--import', HOOK, path];
    this.#child = spawn(findProgram('ip') ?? 'ip', args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#child.on('message', (answer) => this.#take(answer as Answer));
    this.#child.on('exit', (code) => {
      for (const id of this.#waiting.keys()) this.#take({ id, error: `the agent ${script} ended (${code})` });
    });
  }

  /** Calls one of the agent's functions. Arguments and results pass as JSON. */
  call<Result>(name: string, ...args: unknown[]): Promise<Result> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => this.#take({ id, error: `waited ${ANSWER_WITHIN_MS} ms in vain for ${name}` }),
        ANSWER_WITHIN_MS,
      );
      this.#waiting.set(id, ({ result, error }) => {
        clearTimeout(timer);
        if (error === undefined) resolve(result as Result);
        else reject(new Error(error));
      });
      this.#child.send({ id, name, args });
    });
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
  }

  #take(answer: Answer): void {
    this.#waiting.get(answer.id)?.(answer);
    this.#waiting.delete(answer.id);
  }
}

/** The agent's side: answers calls by these functions until the test is gone. */
export function serveAgent(functions: Readonly<Record<string, (...args: never[]) => unknown>>): void {
  process.on('message', (message) => {
    const { id, name, args } = message as { id: number; name: string; args: never[] };
    Promise.resolve()
      .then(() => functions[name]?.(...args))
      .then(
        (result) => process.send?.({ id, result: result ?? null }),
        (error: unknown) => process.send?.({ id, error: `${name}: ${String(error)}` }),
      );
  });
  process.on('disconnect', () => process.exit());
}
