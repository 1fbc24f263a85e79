// A simulated Proxmox VE node, or its peer in a cluster: as much of the HTTP API as Torpor speaks, written from its public
// documentation (Proxmox VE API viewer; chapters "QEMU/KVM Virtual Machines" and "API Tokens"). It is no Proxmox: VMs are names with a state.
import { timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../../platform/ports.ts';

/** Requests are a few words. */
const MAX_BODY_BYTES = 64 * 1024;

export interface SimulatedProxmoxVm {
  readonly vmid: number;
  readonly name: string;
  status: 'running' | 'stopped';
  /** `suspended` is a VM whose memory is on disk; others are what is being done to it. */
  lock: string | null;
  /** Keys of its configuration beside the name, such as hostpci0. */
  readonly config?: Readonly<Record<string, string>>;
  /** Survives a hibernation, not a boot. */
  memory: number;
}

export interface SimulatedProxmoxOptions {
  readonly clock: Clock;
  readonly node: string;
  readonly tokenId: string;
  readonly tokenSecret: string;
  readonly vms?: readonly SimulatedProxmoxVm[];
  /** Containers of the node: listed, and nothing else. */
  readonly containers?: ReadonlyArray<{
    readonly vmid: number;
    readonly name: string;
    readonly status: 'running' | 'stopped';
  }>;
  /** How long a hibernation and a start take. */
  readonly taskMs?: number;
  /** Other nodes of its cluster, by name: VMs can be moved there. */
  readonly cluster?: ReadonlyMap<string, SimulatedProxmox>;
  /** A VM was moved here. */
  readonly onMoved?: (vm: SimulatedProxmoxVm) => void;
  /** Set: another node of this name answers, also while `node` is off. */
  readonly peer?: string;
  /** PEM. Default: plain HTTP, for tests on loopback. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

type TaskKind = 'suspend' | 'start' | 'migrate';

interface Task {
  /** Ends it early. */
  stop: () => void;
  status: 'running' | 'stopped';
  exitstatus: string | null;
}

/** What the API answers: data, or a status with Proxmox's words in its reason phrase. */
type ApiAnswer = { readonly data: unknown } | { readonly status: number; readonly reason: string };

export class SimulatedProxmox {
  /** Every request, `POST /nodes/pve-1/qemu/101/status/suspend todisk=1`, oldest first. */
  readonly requests: string[] = [];
  readonly vms: Map<number, SimulatedProxmoxVm>;
  /** False after a shutdown, true after a wake. */
  online = true;
  /** Set: the next task of this kind ends with that exit status. */
  readonly failures = new Map<TaskKind, string>();
  readonly #options: SimulatedProxmoxOptions;
  readonly #tasks = new Map<string, Task>();
  readonly #server: Server;

  private constructor(options: SimulatedProxmoxOptions) {
    this.#options = options;
    this.vms = new Map((options.vms ?? []).map((vm) => [vm.vmid, vm]));
    const handle = (request: IncomingMessage, response: ServerResponse) => void this.#handle(request, response);
    this.#server = options.tls === undefined ? createServer(handle) : createTlsServer(options.tls, handle);
  }

  static async start(options: SimulatedProxmoxOptions): Promise<SimulatedProxmox> {
    const simulated = new SimulatedProxmox(options);
    await new Promise<void>((resolve) => simulated.#server.listen(0, '127.0.0.1', resolve));
    return simulated;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `${this.#options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  }

  /** A VM that was not saved loses its memory with the node's power. */
  powerOff(): void {
    this.online = false;
    for (const vm of this.vms.values()) {
      if (vm.status === 'running') vm.memory = 0;
      vm.status = 'stopped';
    }
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request);
    // A node that is off answers nobody.
    if (!this.online && this.#options.peer === undefined) {
      request.socket.destroy();
      return;
    }
    const path = new URL(request.url ?? '', 'http://simulated').pathname;
    const parameters = new URLSearchParams(body);
    this.requests.push(
      [request.method, path.replace('/api2/json', ''), ...[...parameters].map((pair) => pair.join('='))].join(' '),
    );
    const answer = this.#isKnown(request.headers.authorization)
      ? this.#answer(`${request.method} ${path}`, parameters)
      : { status: 401, reason: 'authentication failure' };
    if ('data' in answer) respond(response, 200, 'OK', { data: answer.data });
    else respond(response, answer.status, answer.reason, { data: null });
  }

  #isKnown(authorization: string | undefined): boolean {
    const { tokenId, tokenSecret } = this.#options;
    const [shown, expected] = [Buffer.from(authorization ?? ''), Buffer.from(`PVEAPIToken=${tokenId}=${tokenSecret}`)];
    return shown.length === expected.length && timingSafeEqual(shown, expected);
  }

  #answer(request: string, parameters: URLSearchParams): ApiAnswer {
    const { node, peer } = this.#options;
    const [, onNode, below] = new RegExp(`^(\\w+) /api2/json/nodes/${node}(/.*)$`).exec(request) ?? [];
    if (onNode !== undefined && below !== undefined) return this.#answerNode(`${onNode} ${below}`, parameters);
    const nodes = [node, ...(peer === undefined ? [] : [peer])];
    const isOnline = (name: string) => name !== node || this.online;
    switch (request) {
      case 'GET /api2/json/version':
        return { data: { version: '8.2.4', release: '8.2', repoid: 'simulated' } };
      case 'GET /api2/json/nodes':
        return {
          data: nodes.map((name) => ({ node: name, type: 'node', status: isOnline(name) ? 'online' : 'offline' })),
        };
      case 'GET /api2/json/cluster/status':
        return {
          data: nodes.map((name) => ({
            ...{ type: 'node', id: `node/${name}`, name },
            ...{ local: name === (peer ?? node) ? 1 : 0, online: isOnline(name) ? 1 : 0 },
          })),
        };
      default:
        return { status: 501, reason: `Method '${request}' not implemented` };
    }
  }

  #answerNode(request: string, parameters: URLSearchParams): ApiAnswer {
    if (request === 'POST /wakeonlan') {
      this.online = true;
      return { data: '52:54:00:00:00:01' };
    }
    if (!this.online) return { status: 595, reason: 'No route to host' };
    if (request === 'GET /qemu') {
      return {
        data: [...this.vms.values()].map(({ vmid, name, status, lock }) => ({
          vmid,
          name,
          status,
          ...(lock === null ? {} : { lock }),
        })),
      };
    }
    if (request === 'GET /lxc') return { data: this.#options.containers ?? [] };
    if (request === 'POST /status') {
      if (parameters.get('command') !== 'shutdown') return { status: 400, reason: 'Parameter verification failed.' };
      this.#options.clock.schedule(this.#taskMs, () => this.powerOff());
      return { data: null };
    }
    const task = /^GET \/tasks\/([^/]+)\/status$/.exec(request);
    if (task !== null) return this.#answerTask(decodeURIComponent(task[1] ?? ''));
    const stopped = /^DELETE \/tasks\/([^/]+)$/.exec(request);
    if (stopped !== null) return this.#stopTask(decodeURIComponent(stopped[1] ?? ''));
    const [, method, vmid, below] = /^(\w+) \/qemu\/(\d+)(\/.+)$/.exec(request) ?? [];
    const vm = this.vms.get(Number(vmid));
    if (vmid === undefined) return { status: 501, reason: `Method '${request}' not implemented` };
    if (vm === undefined)
      return {
        status: 500,
        reason: `Configuration file 'nodes/${this.#options.node}/qemu-server/${vmid}.conf' does not exist`,
      };
    return this.#answerVm(vm, `${method} ${below}`, parameters);
  }

  #answerVm(vm: SimulatedProxmoxVm, request: string, parameters: URLSearchParams): ApiAnswer {
    switch (request) {
      case 'GET /config':
        return { data: { name: vm.name, ...vm.config } };
      case 'POST /status/suspend':
        if (parameters.get('todisk') !== '1') return { status: 501, reason: 'only todisk is simulated' };
        return this.#begin('suspend', vm, () => this.#suspend(vm));
      case 'POST /status/start':
        return this.#begin('start', vm, () => this.#resume(vm));
      case 'POST /migrate':
        return this.#migrate(vm, parameters);
      default:
        return { status: 501, reason: `Method '${request}' not implemented` };
    }
  }

  /** Locked while it is moved; then it is the other node's, its memory with it. */
  #migrate(vm: SimulatedProxmoxVm, parameters: URLSearchParams): ApiAnswer {
    const target = this.#options.cluster?.get(parameters.get('target') ?? '');
    if (target === undefined) return { status: 400, reason: 'Parameter verification failed.' };
    if (vm.status === 'running' && parameters.get('online') !== '1')
      return { status: 500, reason: `can't migrate running VM without --online` };
    const check = () => {
      if (vm.lock !== null) return `VM is locked (${vm.lock})`;
      if (!target.online) return `can't connect to the node`;
      vm.lock = 'migrate';
      return null;
    };
    return this.#begin('migrate', vm, check, () => target.#take(vm, this));
  }

  #take(vm: SimulatedProxmoxVm, from: SimulatedProxmox): void {
    from.vms.delete(vm.vmid);
    this.vms.set(vm.vmid, vm);
    this.#options.onMoved?.(vm);
  }

  /** Source: Proxmox VE API: the task gets a signal, and ends as interrupted. */
  #stopTask(id: string): ApiAnswer {
    const task = this.#tasks.get(id);
    if (task === undefined) return { status: 500, reason: 'no such task' };
    task.stop();
    return { data: null };
  }

  /** Locked while it writes, then stopped with the lock that says hibernated. Answers why not, or null. */
  #suspend(vm: SimulatedProxmoxVm): string | null {
    if (vm.lock !== null) return `VM is locked (${vm.lock})`;
    if (vm.status !== 'running') return `VM ${vm.vmid} not running`;
    vm.lock = 'suspending';
    return null;
  }

  #resume(vm: SimulatedProxmoxVm): string | null {
    if (vm.lock !== null && vm.lock !== 'suspended') return `VM is locked (${vm.lock})`;
    return vm.status === 'running' ? `VM ${vm.vmid} already running` : null;
  }

  #begin(kind: TaskKind, vm: SimulatedProxmoxVm, check: () => string | null, done = () => {}): ApiAnswer {
    const id = `UPID:${this.#options.node}:0000${this.#tasks.size}:qm${kind}:${vm.vmid}:${this.#options.tokenId}:`;
    const problem = check();
    const end = (interrupted: string | null) => {
      if (task.status === 'stopped') return;
      const failure = problem ?? interrupted ?? this.failures.get(kind) ?? null;
      if (problem === null) this.failures.delete(kind);
      task.status = 'stopped';
      task.exitstatus = failure ?? 'OK';
      if (problem === null) this.#end(kind, vm, failure !== null);
      if (failure === null) done();
    };
    const task: Task = { status: 'running', exitstatus: null, stop: () => end('interrupted by signal') };
    this.#tasks.set(id, task);
    this.#options.clock.schedule(this.#taskMs, () => end(null));
    return { data: id };
  }

  #end(kind: TaskKind, vm: SimulatedProxmoxVm, failed: boolean): void {
    if (kind === 'migrate') vm.lock = null;
    else if (kind === 'suspend') {
      vm.lock = failed ? null : 'suspended';
      if (!failed) vm.status = 'stopped';
    } else if (!failed) {
      if (vm.lock !== 'suspended') vm.memory = 0;
      vm.lock = null;
      vm.status = 'running';
    }
  }

  #answerTask(id: string): ApiAnswer {
    const task = this.#tasks.get(id);
    if (task === undefined) return { status: 500, reason: `no such task` };
    const { status, exitstatus } = task;
    return { data: { upid: id, status, ...(exitstatus === null ? {} : { exitstatus }) } };
  }

  get #taskMs(): number {
    return this.#options.taskMs ?? 0;
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function respond(response: ServerResponse, status: number, reason: string, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(status, reason, {
    'content-type': 'application/json;charset=UTF-8',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}
