// The stage of an end-to-end test as the pages show it: a `torpor.yaml` in the reader's own folder, round ports, one client's port.
import type { Stage } from '../../e2e/support/stage.ts';
import type { Stand } from './page-recorder.ts';

const FOLDER = '/etc/torpor';

/** `api` and the like stand for the ports that the reader's own set-up has there. */
const SHOWN_PORTS = { api: 7070, listener: 10022, vm: 2022, bmc: 6230 } as const;
const CLIENT = '127.0.0.1:54321';

/** `files`: the pages' own names of further files, and where they are. */
export function standOf(stage: Stage, run: Stand['run'], files: Readonly<Record<string, string>> = {}): Stand {
  const ports: ReadonlyArray<readonly [number | undefined, number]> = [
    [stage.apiPort, SHOWN_PORTS.api],
    [stage.listenPort, SHOWN_PORTS.listener],
    [stage.platform.vmPorts[0], SHOWN_PORTS.vm],
    [stage.platform.bmcPort, SHOWN_PORTS.bmc],
  ];
  const known = ports.map(([, shown]) => `127.0.0.1:${shown}`);
  const byName = Object.entries({ 'torpor.yaml': stage.configPath, ...files });
  return {
    run,
    asRun: (word) => {
      const found = byName.find(([name]) => name === word)?.[1];
      if (word === String(SHOWN_PORTS.bmc)) return String(stage.platform.bmcPort);
      return found ?? word.replace(new RegExp(`^${FOLDER}(?=/)`), stage.folder.path);
    },
    asShown: (text) => {
      const named = byName.reduce((done, [name, path]) => done.replaceAll(path, name), text);
      return ports
        .reduce((done, [port, shown]) => done.replaceAll(`127.0.0.1:${port}`, `127.0.0.1:${shown}`), named)
        .replaceAll(stage.folder.path, FOLDER)
        .replace(/127\.0\.0\.1:\d{4,5}\b/g, (address) => (known.includes(address) ? address : CLIENT))
        .replace(/torpor_[\w-]{43}/g, 'torpor_…');
    },
  };
}
