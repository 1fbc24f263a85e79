// An X server that picks its own display number and says it (Xorg's -displayfd). What it shows is its owner's.
import type { ChildProcess } from 'node:child_process';
import { eventually } from '../../support/eventually.ts';
import { pipeText } from './pipe-text.ts';

/** `:7`, once the server that was started with `-displayfd 1` takes clients. */
export function displayOf(server: ChildProcess): Promise<string> {
  let said = '';
  server.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const log = pipeText(server);
  return eventually('the X server to name its display', () => /^(\d+)\n/.exec(said)?.[1], { context: log }).then(
    (number) => `:${number}`,
  );
}
