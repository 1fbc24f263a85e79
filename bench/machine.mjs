// The machine that figures come from, as every bench names it.
import os from 'node:os';

/** Its processor, how busy it is (load of the last minute), and Node's version. */
export function describeMachine() {
  return {
    cpu: os.cpus()[0]?.model ?? 'unknown',
    cores: os.cpus().length,
    platform: `${os.platform()} ${os.release()}`,
    node: process.version,
    loadBefore: os.loadavg()[0],
  };
}

/** The same on one line. */
export function machineLine({ cpu, cores, loadBefore, node }) {
  return `${cpu}, ${cores} cores, load ${loadBefore.toFixed(1)}, Node ${node}`;
}
