// Whether the store that several Torpors share answers, and who else is there.
import type { FarmConfig } from '../../config/farm-schema.ts';
import { NatsStore } from '../../farm/nats/nats-store.ts';
import { errorText } from '../../platform/errors.ts';
import type { Logger } from '../../platform/ports.ts';
import { systemClock } from '../../system-clock.ts';
import type { CheckReport } from './check-finding.ts';

/** How long a server may take. One that refuses this Torpor is not asked again. */
const CONNECT_BOUND_MS = 10_000;
const SUBJECT = 'shared store';
const SILENT: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** Connects, reads this Torpor's own key, and leaves. Makes the bucket where it is not there yet, as the first Torpor would. */
export async function checkStore(config: FarmConfig, report: CheckReport, stop: AbortSignal): Promise<void> {
  const { servers, bucket, replicas, credentialsFile, tls, instance } = config;
  const name = `torpor check ${instance}`;
  const files = { credentialsFile, tls };
  const store = new NatsStore({ servers, bucket, replicas, name, ...files, clock: systemClock, log: SILENT });
  try {
    if (!(await connects(store, stop))) {
      const { why, todo } = store.status;
      const helps = todo ?? 'see whether nats-server runs there with JetStream, and who it lets in';
      report.fail(SUBJECT, `${servers.join(', ')}: ${why}`, `${helps}; until it answers nothing is suspended`);
      return;
    }
    const entry = await store.get(`instance.${instance}`);
    const there =
      entry === null ? 'no Torpor of this name is there' : 'a Torpor of this name is there: this one, if it runs';
    report.ok(SUBJECT, `${store.status.why}, bucket ${bucket}; ${there} (${instance})`);
  } catch (thrown) {
    report.fail(SUBJECT, errorText(thrown), 'see whether JetStream has a majority of its servers');
  } finally {
    await store.close();
  }
}

function connects(store: NatsStore, stop: AbortSignal): Promise<boolean> {
  if (store.status.connected) return Promise.resolve(true);
  return new Promise((resolve) => {
    const end = () => {
      cancel();
      forget();
      stop.removeEventListener('abort', end);
      resolve(store.status.connected);
    };
    const timer = setTimeout(end, CONNECT_BOUND_MS);
    const cancel = () => clearTimeout(timer);
    const forget = store.onStatus(({ connected, todo }) => {
      if (connected || todo != null) end();
    });
    stop.addEventListener('abort', end);
  });
}
