// A farm of simulated platforms under the shipped controllers, tables, detection and timers: no sockets, no disk, virtual time.
import { PlatformController } from '../../dist/controller/platform-controller.js';
import { loadCore } from '../../dist/core/stream-core.js';
import { EventLog } from '../../dist/history/event-log.js';
import { DEFAULT_STREAM_POLICY } from '../../dist/platform/stream-policy.js';
import { ProbeLoad } from '../../dist/probes/probe-load.js';
import { VmProber } from '../../dist/probes/vm-prober.js';
import { StreamActivity } from '../../dist/streams/stream-activity.js';
import { StreamRegistry } from '../../dist/streams/stream-registry.js';

/** The most streams that one stream core takes. */
const CORE_STREAMS = 65_536;
const IDLE_TIMEOUT_MS = 60_000;
const DROWSY_MS = 5_000;
const SUSPENDS_IN_MS = 5_000;
const RESUMES_IN_MS = 8_000;
const QUIET = { debug() {}, info() {}, warn() {}, error() {} };
const VM = 'vm';
const KEY = new Uint8Array([0x61]);
/** Telnet: IAC NOP, a keepalive. RFC 854. */
const KEEPALIVE = new Uint8Array([0xff, 0xf1]);

const POLICY = {
  sleep: 'S3',
  minAwakeMs: 10_000,
  drowsyForMs: DROWSY_MS,
  suspendTimeoutMs: 60_000,
  wakeTimeoutMs: 60_000,
  saveTimeoutMs: 10_000,
  savesContext: false,
  savesVms: false,
  witness: 'sensor',
  wakeMethods: ['chassis-on'],
  maxSuspendsPerHour: null,
  asksTimeoutMs: 0,
  clientWaitMs: 300_000,
  vms: [VM],
  probedVms: [VM],
};
const ROUTE = {
  wakeOn: 'connect',
  activity: 'learned',
  policy: DEFAULT_STREAM_POLICY,
  protocol: 'telnet',
  target: { host: '10.0.0.1', port: 23 },
  idleTimeoutMs: null,
};

export class SimulatedFarm {
  platforms = [];
  streams = [];
  #clock;
  #registries = [];
  #streamsPerPlatform;
  #events;

  static async build({ platforms, streamsPerPlatform, clock }) {
    const farm = new SimulatedFarm();
    farm.#clock = clock;
    farm.#streamsPerPlatform = streamsPerPlatform;
    farm.#events = new EventLog(clock);
    for (let left = platforms * streamsPerPlatform; left > 0; left -= CORE_STREAMS) {
      const core = await loadCore({ maxStreams: Math.min(left, CORE_STREAMS), heapBytes: 1024 * 1024 });
      const registry = new StreamRegistry({ core, clock });
      registry.start();
      farm.#registries.push(registry);
    }
    const load = new ProbeLoad();
    for (let number = 0; number < platforms; number += 1)
      farm.platforms.push(new Platform(number, clock, farm.#events, load));
    for (const platform of farm.platforms) platform.controller.start();
    return farm;
  }

  openStreams() {
    for (const platform of this.platforms) {
      for (let number = 0; number < this.#streamsPerPlatform; number += 1) {
        const registry = this.#registries[Math.floor(this.streams.length / CORE_STREAMS)];
        this.streams.push(new SimulatedStream(platform, number, registry, this.#clock));
      }
    }
  }

  /** How many platforms are in each state. */
  states() {
    const counts = {};
    for (const { controller } of this.platforms)
      counts[controller.model.state] = (counts[controller.model.state] ?? 0) + 1;
    return counts;
  }

  get transitions() {
    return this.platforms.reduce((sum, platform) => sum + platform.transitions, 0);
  }

  async stop() {
    for (const registry of this.#registries) registry.stop();
    for (const { controller } of this.platforms) await controller.stop();
  }
}

class Platform {
  name;
  controller;
  isHeld = true;
  transitions = 0;
  /** Real time at which its last request for a wake left the controller. */
  wakeAskedAt = 0;
  #clock;
  #runs = true;

  constructor(number, clock, events, load) {
    this.name = `host-${number}`;
    this.#clock = clock;
    const forgetful = { read: async () => null, write: async () => {} };
    this.controller = new PlatformController({
      name: this.name,
      policy: POLICY,
      armed: true,
      intent: null,
      orders: null,
      driver: this.#makeDriver(),
      journal: forgetful,
      orderStore: forgetful,
      context: {
        save: async () => ({ veto: null }),
        restore: async () => ({ identity: 'same', lostVms: [], problem: null }),
      },
      clock,
      log: QUIET,
      report: ({ kind, message, facts }) => {
        if (kind === 'transition') this.transitions += 1;
        events.append(this.name, kind, message, facts ?? {});
      },
    });
    const probe = { name: 'simulated', timeoutMs: 2000, maxOpen: 4, connects: false, ask: async () => this.#runs };
    const onResult = (result) => this.controller.onProbeResult(VM, result);
    this.controller.attach({
      gate: this.#makeGate(),
      probers: [new VmProber({ vm: VM, probe, clock, log: QUIET, onResult, load })],
      inhibitors: [],
    });
  }

  #makeDriver() {
    const capabilities = { sleep: 'S3', retainsRam: true, readsSleepState: 'sensor', wakeMethods: POLICY.wakeMethods };
    const turn = (runs, delayMs) => {
      this.#clock.schedule(delayMs, () => {
        this.#runs = runs;
      });
      return { outcome: 'accepted', attempts: ['simulated'] };
    };
    return {
      name: 'simulated',
      wakeMethods: POLICY.wakeMethods,
      capabilities: () => capabilities,
      sleepWitness: () => 'sensor',
      proveWake: async () => ({ proven: true, why: 'simulated' }),
      requestSleep: async () => turn(false, SUSPENDS_IN_MS),
      requestWake: async () => {
        this.wakeAskedAt = performance.now();
        return turn(true, RESUMES_IN_MS);
      },
      readPower: async () => ({
        atMs: this.#clock.nowMs(),
        acpi: this.#runs ? 'S0' : 'S3',
        acpiSource: 'sensor',
        powerBit: true,
        watts: null,
      }),
      close: async () => {},
    };
  }

  #makeGate() {
    return {
      workers: { wanted: 1, running: 1 },
      hold: () => {
        this.isHeld = true;
      },
      release: () => {
        this.isHeld = false;
      },
      drain: async () => ({ drained: true, unackedBytes: 0, source: 'proc' }),
      giveUp() {},
      loseSessions() {},
      refresh: async () => {},
      streams: () => [],
      waitingVms: () => [],
      heldBytes: () => ({ heldBytes: 0, heldStoredBytes: 0 }),
      carriedBytes: () => ({ fromClients: 0, toClients: 0 }),
      refusedClients: () => ({}),
    };
  }
}

/** A client as the detection sees it: reads of its bytes, and nothing of its sockets. */
export class SimulatedStream {
  id;
  vm = VM;
  family = 0;
  protocol = 'telnet';
  listener = '127.0.0.1:23';
  #platform;
  #activity;

  constructor(platform, number, registry, clock) {
    this.#platform = platform;
    this.id = `${platform.name}-${number}`;
    const home = {
      registry,
      observer: platform.controller,
      clock,
      idleTimeoutMs: IDLE_TIMEOUT_MS,
      disconnectGraceMs: 5000,
    };
    this.#activity = new StreamActivity(home, ROUTE, this, null);
    this.#activity.takeSeat(false);
    this.#activity.announce();
  }

  get platform() {
    return this.#platform.name;
  }

  get client() {
    return `10.1.0.1:${1024 + (this.id.length % 60_000)}`;
  }

  get isHeld() {
    return this.#platform.isHeld;
  }

  mayWake() {
    return null;
  }

  onLate() {}
  onOver() {}

  isUnanswered() {
    return false;
  }

  press() {
    this.#judge(KEY);
  }

  keepAlive() {
    this.#judge(KEEPALIVE);
  }

  #judge(bytes) {
    const verdict = this.#activity.judge('client', bytes);
    if (verdict !== 'quiet') this.#activity.report(verdict);
  }
}
