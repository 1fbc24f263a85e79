// What a farm of three Torpors asks of a three-node NATS cluster: messages for each sleep and wake, and how long a dead owner's platforms have none.
// One process for each Torpor.
import { fork } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startNats } from './farm/nats-cluster.mjs';
import { describeMachine, machineLine } from './machine.mjs';
import { COUNTS, FILE, readOptions } from './options.mjs';
import { quantile } from './quantile.mjs';

const args = readOptions({
  script: 'bench:farm-store',
  about: 'Measures what a farm of three Torpors asks of a three-node NATS cluster.',
  needs: "nats-server (Debian's package)",
  options: {
    quick: { about: 'without the largest farm' },
    platforms: { kind: COUNTS, default: [100, 1000, 10_000], quick: [100, 1000], about: 'sizes of the farm' },
    json: { kind: FILE, about: 'where raw results go' },
  },
});
const INSTANCE = fileURLToPath(new URL('farm/farm-instance.mjs', import.meta.url));
const NAMES = ['torpor-a', 'torpor-b', 'torpor-c'];
const LEASE_MS = 10_000;
/** Sleeps and wakes that are counted, of each Torpor's platforms. */
const CYCLES = 100;
const BOUND_MS = 600_000;

const nats = await startNats();
const children = new Set();
try {
  const machine = describeMachine();
  console.log(`three Torpors and three NATS servers, a lease of ${LEASE_MS / 1000} s: ${machineLine(machine)}`);
  const rows = [];
  for (const size of args.platforms) {
    rows.push(await measure(size));
    printRow(rows.at(-1));
  }
  if (args.json !== undefined) writeFileSync(args.json, `${JSON.stringify({ machine, rows }, null, 2)}\n`);
} finally {
  for (const child of children) child.kill('SIGKILL');
  await nats.end();
}

async function measure(platforms) {
  const began = performance.now();
  const instances = NAMES.map((name) => startInstance(name, `bench-${platforms}`, platforms));
  await settled(instances, platforms);
  const startedS = (performance.now() - began) / 1000;
  const before = await sum(instances);
  const cycled = await Promise.all(instances.map((instance) => instance.ask('cycle', { count: CYCLES })));
  const cycles = cycled.reduce((total, each) => total + each.cycles, 0);
  const used = minus(await sum(instances), before);
  const refusals = cycled.flatMap((each) => each.refusals);
  const agreeMs = cycled.flatMap((each) => each.agreeMs);
  const quietBefore = await sum(instances);
  await new Promise((resolve) => setTimeout(resolve, LEASE_MS));
  const quiet = minus(await sum(instances), quietBefore);
  // Whoever came first may own most, or all: a platform goes back to where it belongs only after a minute.
  const owners = await Promise.all(instances.map((instance) => instance.ask('look')));
  const owned = Math.max(...owners.map((each) => each.owned));
  const dead = instances[owners.findIndex((each) => each.owned === owned)];
  const left = instances.filter((instance) => instance !== dead);
  const beforeDeath = await sum(left);
  const died = performance.now();
  dead.child.kill('SIGKILL');
  await settled(left, platforms);
  const recoveredS = (performance.now() - died) / 1000;
  const recovery = minus(await sum(left), beforeDeath);
  await Promise.all(left.map((instance) => instance.ask('stop')));
  return {
    platforms,
    startedS,
    cycles,
    refused: refusals.length,
    refusedWhy: refusals[0] ?? null,
    writesPerCycle: used.writes / cycles,
    readsPerCycle: used.reads / cycles,
    conflictsPerCycle: used.conflicts / cycles,
    toldPerCycle: used.told / cycles,
    publishedPerCycle: used.published / cycles,
    agreeP50Ms: quantile(agreeMs, 0.5),
    agreeP99Ms: quantile(agreeMs, 0.99),
    quietWritesPerS: quiet.writes / (LEASE_MS / 1000),
    orphans: owned,
    recoveredS,
    recoveryWrites: recovery.writes,
  };
}

function startInstance(name, bucket, platforms) {
  const words = [name, bucket, platforms, LEASE_MS, nats.replicas, ...nats.addresses].map(String);
  const child = fork(INSTANCE, words);
  children.add(child);
  child.once('exit', () => children.delete(child));
  const ready = new Promise((resolve) => child.once('message', resolve));
  let before = ready;
  const ask = (deed, rest = {}) => {
    const answer = before.then(
      () =>
        new Promise((resolve, reject) => {
          const fail = () => reject(new Error(`${name} ended`));
          child.once('exit', fail);
          child.once('message', (answered) => {
            child.off('exit', fail);
            resolve(answered);
          });
          child.send({ deed, ...rest });
        }),
    );
    before = answer;
    return answer;
  };
  return { name, child, ask };
}

/** All platforms have an owner among these, all know it, and nobody doubts anything. */
async function settled(instances, platforms) {
  const endMs = performance.now() + BOUND_MS;
  for (;;) {
    const looks = await Promise.all(instances.map((instance) => instance.ask('look')));
    const owned = looks.reduce((total, each) => total + each.owned, 0);
    if (owned === platforms && looks.every(({ ownerless, doubt }) => ownerless === 0 && doubt === null)) return;
    if (performance.now() > endMs) throw new Error(`not settled: ${JSON.stringify(looks)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function sum(instances) {
  const looks = await Promise.all(instances.map((instance) => instance.ask('look')));
  return looks.reduce((total, { counts }) => {
    for (const [kind, count] of Object.entries(counts)) total[kind] = (total[kind] ?? 0) + count;
    return total;
  }, {});
}

function minus(after, before) {
  return Object.fromEntries(Object.entries(after).map(([kind, count]) => [kind, count - before[kind]]));
}

function printRow(row) {
  const one = (number) => number.toFixed(1);
  console.log(`  ${row.platforms} platforms`);
  console.log(`    all have an owner ${one(row.startedS)} s after the start of all three`);
  console.log(
    `    a sleep and a wake: ${one(row.writesPerCycle)} writes (${one(row.conflictsPerCycle)} of them conflicts), ${one(row.readsPerCycle)} reads, ` +
      `${one(row.publishedPerCycle)} messages, ${one(row.toldPerCycle)} entries told to all three`,
  );
  console.log(
    `    an agreement of all three: p50 ${one(row.agreeP50Ms)} ms, p99 ${one(row.agreeP99Ms)} ms (${row.cycles} sought, ${row.refused} refused${row.refusedWhy === null ? '' : `: ${row.refusedWhy}`})`,
  );
  console.log(`    nothing happens: ${one(row.quietWritesPerS)} writes a second of all three`);
  console.log(
    `    kill -9 of one: its ${row.orphans} platforms have owners again after ${one(row.recoveredS)} s, ${row.recoveryWrites} writes`,
  );
}
