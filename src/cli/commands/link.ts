// `torpor link`: the two ends of a compressed link, and the keys that they know each other by. What runs is src/link's.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { isHost, parseEndpoint } from '../../config/endpoint.ts';
import { EdgeStatusPage } from '../../link/edge-status-page.ts';
import { type TcpService, TcpServices } from '../../link/gate-services.ts';
import { type EdgeListener, LinkEdge } from '../../link/link-edge.ts';
import { LinkGate, RESUME_WINDOW_MS } from '../../link/link-gate.ts';
import { type LinkRole, makeLinkKeys } from '../../link/link-keys.ts';
import type { LinkFigures } from '../../link/link-session.ts';
import { readLinkKeys } from '../../link/link-tls.ts';
import { SharedReads } from '../../link/shared-reads.ts';
import { type Endpoint, formatEndpoint } from '../../platform/endpoint.ts';
import { errorText, TorporError } from '../../platform/errors.ts';
import { formatBytes } from '../../platform/units.ts';
import type { ProxyVersion } from '../../streams/proxy-header.ts';
import { systemClock } from '../../system-clock.ts';
import { type CliIo, printLines, stopSignal } from '../cli-io.ts';
import { jsonOption, readDurationMs } from '../command-options.ts';
import { createLog } from '../create-log.ts';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

interface KeygenOptions {
  readonly keys: string;
  readonly gate: readonly string[];
  readonly edge: readonly string[];
  readonly json?: boolean;
}

interface EndOptions {
  readonly keys: string;
  readonly name: string;
  readonly resume: number;
  readonly plain: readonly string[];
}

interface EdgeOptions extends EndOptions {
  readonly gate: Endpoint;
  readonly listen: readonly Mapping[];
  readonly status?: Endpoint;
}

interface GateOptions extends EndOptions {
  readonly listen: Endpoint;
  readonly service: readonly Mapping[];
  readonly proxyProtocol?: ProxyVersion;
}

interface Mapping {
  readonly name: string;
  readonly endpoint: Endpoint;
}

export function addLinkCommands(program: Command, io: CliIo): void {
  const link = program.command('link').description('carry clients’ streams over a slow line, compressed and encrypted');
  link
    .command('keygen')
    .description('make an authority and keys for a gate and its edges; run it again to add an edge')
    .addOption(keysOption())
    .addOption(
      new Option('--gate <name>', 'a gate to make keys for')
        .argParser(collectNames)
        .default([], 'gate, the first time'),
    )
    .addOption(
      new Option('--edge <name>', 'an edge to make keys for')
        .argParser(collectNames)
        .default([], 'edge, the first time'),
    )
    .addOption(jsonOption())
    .action((options: KeygenOptions) => keygen(options, io));
  addEndOptions(
    link
      .command('edge')
      .description('next to the clients: listen for them and carry them to the gate, until interrupted')
      .addOption(
        new Option('--gate <host:port>', 'where the gate listens').argParser(readEndpoint).makeOptionMandatory(),
      )
      .addOption(
        new Option('--listen <[host:]port=service>', 'where clients of a service connect; may be given again')
          .argParser((text, before: Mapping[] | undefined) => [...(before ?? []), readListen(text)])
          .makeOptionMandatory(),
      )
      .addOption(
        new Option('--status <[host:]port>', 'answer there, over HTTP, what the link and its streams do').argParser(
          readStatus,
        ),
      ),
    'edge',
  ).action((options: EdgeOptions) => runEdge(options, io));
  addEndOptions(
    link
      .command('gate')
      .description('next to the platforms: take edges’ links and connect their streams to services, until interrupted')
      .addOption(
        new Option('--listen <host:port>', 'where edges connect').argParser(readEndpoint).makeOptionMandatory(),
      )
      .addOption(
        new Option('--service <name=host:port>', 'a service, a listener of torpor run as a rule; may be given again')
          .argParser((text, before: Mapping[] | undefined) => [...(before ?? []), readService(text)])
          .makeOptionMandatory(),
      )
      .addOption(
        new Option(
          '--proxy-protocol <version>',
          'begin connections to services with a header that names the client',
        ).choices(['v1', 'v2']),
      ),
    'gate',
  ).action((options: GateOptions) => runGate(options, io));
}

function keysOption(): Option {
  return new Option('--keys <folder>', 'where the keys are').makeOptionMandatory();
}

function addEndOptions(command: Command, role: LinkRole): Command {
  return command
    .addOption(keysOption())
    .addOption(new Option('--name <name>', 'which keys of the folder are its own').default(role))
    .addOption(
      new Option('--resume <duration>', 'a link that breaks is taken up again within so long')
        .default(RESUME_WINDOW_MS, '60s')
        .argParser(readDurationMs),
    )
    .addOption(
      new Option('--plain <service>', 'send this service’s bytes as they are; may be given again')
        .argParser((text, before: readonly string[]) => [...before, text])
        .default([], 'none'),
    );
}

// ------------------------------------------------------------------------------------------ what they do

async function keygen(options: KeygenOptions, io: CliIo): Promise<void> {
  const isPlain = options.gate.length + options.edge.length === 0;
  const names = isPlain
    ? [
        { name: 'gate', role: 'gate' as const },
        { name: 'edge', role: 'edge' as const },
      ]
    : [
        ...options.gate.map((name) => ({ name, role: 'gate' as const })),
        ...options.edge.map((name) => ({ name, role: 'edge' as const })),
      ];
  const { written, isAdded } = await makeLinkKeys(options.keys, names, systemClock.nowMs());
  if (options.json === true) {
    printLines(io, JSON.stringify({ written }));
    return;
  }
  printLines(
    io,
    ...written.map((path) => `wrote ${path}`),
    '',
    `Bring ca.crt and its own .crt and .key to each end. ${isAdded ? '' : 'Keep ca.key away from both: whoever has it can make edges.'}`.trim(),
  );
}

async function runEdge(options: EdgeOptions, io: CliIo): Promise<void> {
  const log = createLog(io, 'info');
  const listeners: EdgeListener[] = options.listen.map(({ name, endpoint }) => ({
    service: name,
    listen: endpoint,
    compress: !options.plain.includes(name),
  }));
  const { keys, gate, resume: resumeMs } = options;
  const stopped = stopSignal(io);
  const files = await readLinkKeys(keys, options.name);
  const edge = await LinkEdge.start({ gate, keys: files, listeners, resumeMs, clock: systemClock, log });
  for (const [index, address] of edge.addresses.entries())
    log.info({ service: listeners[index]?.service, listen: formatEndpoint(address) }, 'the edge listens');
  const page =
    options.status === undefined ? null : await EdgeStatusPage.open(options.status, edge).catch(closing(edge));
  if (page !== null) log.info({ listen: formatEndpoint(page.address) }, 'the status is told');
  await stopped;
  const figures = edge.figures();
  await page?.close();
  await edge.close();
  log.info(factsOf(figures), 'the edge stops');
}

async function runGate(options: GateOptions, io: CliIo): Promise<void> {
  const log = createLog(io, 'info');
  const services: TcpService[] = options.service.map(({ name, endpoint }) => ({
    name,
    target: endpoint,
    compress: !options.plain.includes(name),
    proxyProtocol: options.proxyProtocol ?? null,
  }));
  const { keys, listen, resume: resumeMs } = options;
  const stopped = stopSignal(io);
  const files = await readLinkKeys(keys, options.name);
  const gate = await LinkGate.start({
    listen,
    keys: files,
    services: new TcpServices(services, log, await SharedReads.open()),
    resumeMs,
    clock: systemClock,
    log,
  });
  log.info({ listen: formatEndpoint(gate.address), services: services.map(({ name }) => name) }, 'the gate listens');
  await stopped;
  for (const { edge, figures } of gate.figures()) log.info({ edge, ...factsOf(figures) }, 'a link ends');
  await gate.close();
}

/** What was begun before ends where the next thing cannot begin. */
function closing(edge: LinkEdge): (error: unknown) => Promise<never> {
  return async (error) => {
    await edge.close();
    throw error;
  };
}

function factsOf(figures: LinkFigures): object {
  const { rawBytesSent, rawBytesReceived, wireBytesSent, wireBytesReceived } = figures;
  return {
    sent: `${formatBytes(rawBytesSent)} in ${formatBytes(wireBytesSent)}`,
    received: `${formatBytes(rawBytesReceived)} in ${formatBytes(wireBytesReceived)}`,
    streams: figures.streams,
    pieces: figures.pieces,
  };
}

// ------------------------------------------------------------------------------------------ reading options

function readEndpoint(text: string): Endpoint {
  try {
    return parseEndpoint(text);
  } catch (error) {
    if (error instanceof TorporError) throw new InvalidArgumentError(errorText(error));
    throw error;
  }
}

/** `13389=desktop` listens on this machine's loopback alone, as anything without an address does. */
function readListen(text: string): Mapping {
  const at = text.lastIndexOf('=');
  const where = text.slice(0, Math.max(0, at));
  return {
    name: readName(text.slice(at + 1)),
    endpoint: readEndpoint(/^\d+$/.test(where) ? `127.0.0.1:${where}` : where),
  };
}

function readStatus(text: string): Endpoint {
  return readEndpoint(/^\d+$/.test(text) ? `127.0.0.1:${text}` : text);
}

function readService(text: string): Mapping {
  const at = text.indexOf('=');
  if (at < 0) throw new InvalidArgumentError(`"${text}" is no service: write name=host:port`);
  return { name: readName(text.slice(0, at)), endpoint: readEndpoint(text.slice(at + 1)) };
}

function readName(text: string): string {
  if (NAME.test(text) && isHost(text)) return text;
  throw new InvalidArgumentError(`"${text}" is no name: letters, digits, dots, hyphens and underscores, 63 at most`);
}

function collectNames(text: string, before: readonly string[]): string[] {
  return [...before, readName(text)];
}
