// Tasks of the simulated Redfish service: what an action became that was answered with 202. A bounded list.
import type { Clock } from '../../platform/ports.ts';
import type { Resource } from './redfish-answer.ts';

interface Task {
  readonly id: string;
  readonly doneAtMs: number;
  readonly fails: boolean;
}

const TASKS = '/redfish/v1/TaskService/Tasks';
const MONITORS = '/redfish/v1/TaskService/TaskMonitors';
const MAX_TASKS = 32;

export class RedfishTasks {
  readonly #clock: Clock;
  readonly #tasks = new Map<string, Task>();
  #made = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  ids(): readonly string[] {
    return [...this.#tasks.keys()];
  }

  /** A task that is over after that time; the oldest one is forgotten where there are too many. */
  add(lastsMs: number, fails: boolean): { readonly monitor: string; readonly resource: Resource } {
    this.#made += 1;
    const id = String(this.#made);
    this.#tasks.set(id, { id, doneAtMs: this.#clock.nowMs() + lastsMs, fails });
    const [oldest] = this.#tasks.keys();
    if (this.#tasks.size > MAX_TASKS && oldest !== undefined) this.#tasks.delete(oldest);
    return { monitor: `${MONITORS}/${id}`, resource: this.resource(`${TASKS}/${id}`) ?? {} };
  }

  /** The task at a path, or null. */
  resource(path: string): Resource | null {
    const task = path.startsWith(`${TASKS}/`) ? this.#tasks.get(path.slice(TASKS.length + 1)) : undefined;
    return task === undefined ? null : this.#describe(task);
  }

  /** What the monitor at a path answers: the task, and whether it still runs; null where there is none. */
  monitor(path: string): { readonly running: boolean; readonly resource: Resource } | null {
    const task = path.startsWith(`${MONITORS}/`) ? this.#tasks.get(path.slice(MONITORS.length + 1)) : undefined;
    if (task === undefined) return null;
    return { running: this.#clock.nowMs() < task.doneAtMs, resource: this.#describe(task) };
  }

  #describe({ id, doneAtMs, fails }: Task): Resource {
    const running = this.#clock.nowMs() < doneAtMs;
    const message = fails
      ? { MessageId: 'Base.1.13.InternalError', Message: 'The request failed due to an internal service error.' }
      : { MessageId: 'Base.1.13.Success', Message: 'The request completed successfully.' };
    return {
      '@odata.type': '#Task.v1_7_2.Task',
      '@odata.id': `${TASKS}/${id}`,
      Id: id,
      Name: 'Reset',
      TaskState: running ? 'Running' : fails ? 'Exception' : 'Completed',
      TaskStatus: fails && !running ? 'Critical' : 'OK',
      TaskMonitor: `${MONITORS}/${id}`,
      Messages: running ? [] : [message],
    };
  }
}
