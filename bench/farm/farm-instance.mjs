// One Torpor of the shared farm that `bench/farm-store.mjs` measures: presence, watch and members as shipped, a listener that agrees at once.
import { randomBytes } from 'node:crypto';
import { FarmMember } from '../../dist/farm/farm-member.js';
import { NatsStore } from '../../dist/farm/nats/nats-store.js';
import { systemClock } from '../../dist/system-clock.js';

const QUIET = { debug() {}, info() {}, warn() {}, error() {} };
const IDLE = { active: 0, newestDeadlineMs: null, keeps: null, held: false };
/** Suspends that are sought at the same time. */
const AT_ONCE = 20;
const [name, bucket, platforms, leaseMs, replicas, ...servers] = process.argv.slice(2);

const counts = { writes: 0, reads: 0, conflicts: 0, told: 0, published: 0 };
const files = { credentialsFile: null, tls: null };
const options = { servers, bucket, replicas: Number(replicas), name, ...files, clock: systemClock, log: QUIET };
const store = counted(new NatsStore(options));
const member = new FarmMember({
  store,
  name,
  version: 'bench',
  leaseMs: Number(leaseMs),
  clock: systemClock,
  wallMs: Date.now,
  random: Math.random,
  newBoot: () => randomBytes(8).toString('hex'),
  log: QUIET,
});
member.start();
const shares = Array.from({ length: Number(platforms) }, (_, number) => {
  const share = member.share(`host-${number}`);
  share.start((event) => {
    if (event.kind === 'suspendProposed') share.answerProposal(event.proposal, true, 'held');
  });
  share.tell(IDLE);
  return share;
});

const deeds = {
  look: () => {
    const peers = shares.map((share) => share.peers());
    const owned = peers.filter(({ owner }) => owner === name).length;
    const ownerless = peers.filter(({ owner }) => owner === null).length;
    const doubt = peers.find(({ uncertain }) => uncertain !== null)?.uncertain ?? null;
    return { owned, ownerless, doubt, counts, cpu: process.cpuUsage() };
  },
  /** Puts up to so many of its own platforms to sleep and wakes them again. */
  cycle: async ({ count }) => {
    const own = shares.filter((share) => share.peers().owner === name).slice(0, count);
    const sample = { cycles: 0, refusals: [], agreeMs: [] };
    for (let at = 0; at < own.length; at += AT_ONCE)
      await Promise.all(own.slice(at, at + AT_ONCE).map((share) => cycle(share, sample)));
    return sample;
  },
  stop: async () => {
    await member.stop();
    await store.close();
    setImmediate(() => process.exit());
    return {};
  },
};

async function cycle(share, sample) {
  const began = performance.now();
  const { agreed, why } = await share.seekAgreement(new AbortController().signal, false);
  if (!agreed) sample.refusals.push(why);
  sample.agreeMs.push(performance.now() - began);
  // As in a real suspend: it slept, somebody came, the owner says that it runs again.
  share.tell({ ...IDLE, active: 1, newestDeadlineMs: Date.now() + 60_000 });
  share.wantWake('bench');
  while (share.record.phase !== 'awake') await new Promise((resolve) => setTimeout(resolve, 5));
  share.endProposal('it runs again');
  share.tell(IDLE);
  sample.cycles += 1;
}

function counted(inner) {
  const count =
    (kind, call) =>
    async (...args) => {
      counts[kind] += 1;
      const answer = await call.apply(inner, args);
      if (answer?.outcome === 'conflict') counts.conflicts += 1;
      return answer;
    };
  return {
    get status() {
      return inner.status;
    },
    onStatus: (listener) => inner.onStatus(listener),
    get: count('reads', inner.get),
    create: count('writes', inner.create),
    update: count('writes', inner.update),
    remove: count('writes', inner.remove),
    watch: (listener) =>
      inner.watch({
        onBegin: () => listener.onBegin(),
        onCaughtUp: () => listener.onCaughtUp(),
        onEntry: (entry) => {
          counts.told += 1;
          listener.onEntry(entry);
        },
      }),
    publish: (...args) => {
      counts.published += 1;
      inner.publish(...args);
    },
    subscribe: (...args) => inner.subscribe(...args),
    ask: (...args) => inner.ask(...args),
    answer: (...args) => inner.answer(...args),
    close: () => inner.close(),
  };
}

process.on('message', async ({ deed, ...rest }) => process.send(await deeds[deed](rest)));
process.on('disconnect', () => process.exit());
process.send({ ready: true });
