// HAProxy or nginx with a configuration of a test's own, for as long as the test wants it.
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { eventually } from './eventually.ts';
import { isListenedOn } from './kernel-tcp.ts';
import { findProgram } from './requirements.ts';
import { spawnTied } from './spawn-tied.ts';
import { TempFolder } from './temp-folder.ts';

const STREAM_MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so';

/** Resolves when it listens on the port; FOLDER in the configuration is its own. */
export async function startProxy(name: 'haproxy' | 'nginx', port: number, config: string): Promise<AsyncDisposable> {
  const folder = new TempFolder(name);
  const path = folder.file(`${name}.conf`);
  writeFileSync(path, config.replaceAll('FOLDER', folder.path));
  const args = name === 'haproxy' ? ['-db', '-f', path] : ['-c', path, '-p', folder.path, '-e', 'stderr'];
  const child = spawnTied(findProgram(name) ?? name, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const over = once(child, 'close');
  await eventually(`${name} to listen`, () => isListenedOn(port), {
    withinMs: 60_000,
    context: () => output,
  });
  return {
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      await over;
      folder.remove();
    },
  };
}

/** Time-outs as for remote desktops: a sleep is no reason to end a connection. */
export function haproxyConfig(sections: string): string {
  return `global\n  maxconn 100\ndefaults\n  timeout connect 30s\n  timeout client 1h\n  timeout server 1h\n  timeout check 30s\n${sections}`;
}

export function nginxConfig(block: string): string {
  return `load_module ${STREAM_MODULE};\ndaemon off;\nmaster_process off;\npid FOLDER/pid;\nevents {}\n${block}\n`;
}
