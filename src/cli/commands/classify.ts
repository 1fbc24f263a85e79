// `torpor classify`: what the data path's own judgement says about recorded streams, one line per activity. Suspends nothing.
import { readFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { PROTOCOL_HINT_LAST, PROTOCOL_NAMES } from '../../core/abi.ts';
import type { ProtocolName } from '../../core/stream-core.ts';
import { TorporError } from '../../platform/errors.ts';
import { DEFAULT_STREAM_POLICY, type StreamPolicy } from '../../platform/stream-policy.ts';
import type { CliIo } from '../cli-io.ts';
import { jsonOption } from '../command-options.ts';

interface ClassifyOptions {
  readonly protocol: ProtocolName;
  readonly port: number;
  readonly periodicInput: StreamPolicy['periodicInput'];
  readonly periodicRequests: StreamPolicy['periodicRequests'];
}

/** Those that a stream may be said to speak; the rest are told by its bytes alone. */
const PROTOCOLS: readonly ProtocolName[] = PROTOCOL_NAMES.slice(0, PROTOCOL_HINT_LAST + 1);

export function addClassifyCommand(program: Command, io: CliIo): void {
  program
    .command('classify')
    .description('replay traces of one session, its first connection first, and print each moment of activity as JSON')
    .argument('<file...>', 'trace files, JSON lines')
    .addOption(new Option('--protocol <name>', 'what the stream speaks').choices(PROTOCOLS).default('auto'))
    .addOption(new Option('--port <port>', "the target's port").argParser(parsePort).default(0))
    .addOption(
      new Option('--periodic-input <rule>', "input that keeps a period, as a mouse jiggler's does")
        .choices(['active', 'moves', 'ignore'])
        .default(DEFAULT_STREAM_POLICY.periodicInput),
    )
    .addOption(
      new Option('--periodic-requests <rule>', 'requests that keep a period, as polls and health checks do')
        .choices(['active', 'ignore'])
        .default(DEFAULT_STREAM_POLICY.periodicRequests),
    )
    .addOption(jsonOption())
    .action((files: string[], options: ClassifyOptions) => classify(files, options, io));
}

async function classify(files: readonly string[], options: ClassifyOptions, io: CliIo): Promise<void> {
  const [traces, { loadCore }, { replayTraces }] = await Promise.all([
    Promise.all(files.map(async (name) => ({ name, text: await readTrace(name) }))),
    import('../../core/stream-core.ts'),
    import('../../streams/trace-replay.ts'),
  ]);
  const core = await loadCore({ maxStreams: Math.max(1, files.length), heapBytes: 256 * 1024 });
  const { protocol, port, periodicInput, periodicRequests } = options;
  const policy = { ...DEFAULT_STREAM_POLICY, periodicInput, periodicRequests };
  const found = replayTraces(traces, { core, protocol, port, policy });
  io.out(found.map((activity) => `${JSON.stringify(activity)}\n`).join(''));
}

async function readTrace(name: string): Promise<string> {
  try {
    return await readFile(name, 'utf8');
  } catch (cause) {
    throw new TorporError('ERR_CLI_USAGE', `the trace ${name} cannot be read: see whether it is there and readable`, {
      cause,
    });
  }
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new InvalidArgumentError('a port is 0 to 65535.');
  return port;
}
