// Labelled sessions in a folder: their labels, their reads, and whose they are. Judges nothing.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readTraces } from '../../dist/streams/trace-replay.js';

/** The small set that the project carries. */
export const CARRIED_TRACES = fileURLToPath(new URL('../../test/streams/fixtures/traces/', import.meta.url));

const LABELS = '.labels.json';
/** In names such as ssh_a_idle_sa15 a single letter says what was recorded, and the first part alone who was. */
const SCENARIO = /^[a-z]$/;
/** Names of sessions that were recorded over a long way. */
const NETWORK = /wan$/;
/** What a description calls otherwise than the names do. */
const SAME_PROGRAM = { openssh: 'ssh' };

/**
 * Answers the sessions of `dir` whose names start with `prefix`: `name`, `client` (see clientOf), `protocol` as labelled, `labels`,
 * `files` and `reads()`, the reads of all its connections in time. Throws where the folder has none.
 */
export function listSessions(dir, prefix = '') {
  const files = readdirSync(dir);
  const names = files
    .filter((file) => file.endsWith(LABELS) && file.startsWith(prefix))
    .map((file) => file.slice(0, -LABELS.length))
    .sort();
  if (names.length === 0)
    throw new Error(`${dir} has no session that starts with "${prefix}": choose another --dir or --only`);
  return names.map((name) => {
    const labels = JSON.parse(readFileSync(join(dir, name + LABELS), 'utf8'));
    const traceFiles = connectionFiles(files, name);
    const traces = () => traceFiles.map((file) => ({ name: file, text: readFileSync(join(dir, file), 'utf8') }));
    return { name, client: clientOf(name), protocol: labels.proto, labels, traces, reads: () => readTraces(traces()) };
  });
}

/** The client program as a session's name tells it: the parts before the scenario's letter, else the first two. */
export function clientOf(name) {
  const [first, second = ''] = name.split('_');
  return second === '' || SCENARIO.test(second) ? first : `${first}_${second}`;
}

/**
 * The program that a session was recorded with, whatever network or options lay between: sessions that share it are left out together. Where
 * the name has no scenario the description starts with the program; else the name's first part says it, but for the network's.
 */
export function programOf({ name, labels }) {
  const [first, second = ''] = name.split('_');
  if (SCENARIO.test(second)) return first.replace(NETWORK, '');
  const program = /^[A-Za-z]+/.exec(labels.desc)?.[0].toLowerCase() ?? clientOf(name);
  return SAME_PROGRAM[program] ?? program;
}

/** First connection first. */
function connectionFiles(files, name) {
  return files
    .filter((file) => file === `${name}.jsonl` || (file.startsWith(`${name}_c`) && /_c\d+\.jsonl$/.test(file)))
    .sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
}
