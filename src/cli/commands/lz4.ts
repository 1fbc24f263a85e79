// `torpor lz4 compress|decompress`: LZ4 frames from stdin to stdout with the stream core, in constant memory.
import { readFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { Lz4FrameDecoder } from '../../core/lz4-frame-decoder.ts';
import { Lz4FrameEncoder } from '../../core/lz4-frame-encoder.ts';
import type { BlockSizeId, Lz4Dictionary } from '../../core/lz4-frame-format.ts';
import { TorporError } from '../../platform/errors.ts';
import type { CliIo } from '../cli-io.ts';

interface DictionaryOptions {
  readonly dictionary?: string;
  readonly dictionaryId?: number;
}

interface CompressOptions extends DictionaryOptions {
  readonly high?: boolean;
  readonly blockSize: keyof typeof SIZE_IDS;
  readonly linked?: boolean;
  readonly blockChecksum?: boolean;
  readonly contentChecksum: boolean;
  readonly contentSize?: number;
}

const SIZE_IDS = { '64K': 4, '256K': 5, '1M': 6, '4M': 7 } as const satisfies Record<string, BlockSizeId>;

export function addLz4Commands(program: Command, io: CliIo): void {
  const lz4 = program.command('lz4').description('compress and restore LZ4 frames, stdin to stdout');
  lz4
    .command('compress')
    .description('write stdin as one LZ4 frame')
    .addOption(new Option('-1, --fast', 'fast compression; the default').conflicts('high'))
    .option('-9, --high', 'high compression: smaller, at a tenth of the speed or less; restored as fast')
    .addOption(new Option('-b, --block-size <size>', 'the largest block').choices(Object.keys(SIZE_IDS)).default('4M'))
    .option('--linked', 'let a block repeat from the 64 KiB before it')
    .option('--block-checksum', 'add a checksum to each block')
    .option('--no-content-checksum', 'leave the checksum of the content out')
    .option('--content-size <bytes>', 'tell the size in the header; it has to be true', parseBytes)
    .option(
      '-D, --dictionary <file>',
      'let blocks repeat from the last 64 KiB of a file; whoever restores needs it too',
    )
    .option('--dictionary-id <number>', 'tell in the header which dictionary it is', parseId)
    .hook('preAction', (command) => checkDictionary(command))
    .action((options: CompressOptions) => compress(options, io));
  lz4
    .command('decompress')
    .description('restore all LZ4 frames on stdin; legacy frames are refused')
    .option('-D, --dictionary <file>', 'the file that frames were compressed with')
    .option('--dictionary-id <number>', 'its id: a frame that tells another one is refused', parseId)
    .hook('preAction', (command) => checkDictionary(command))
    .action((options: DictionaryOptions) => decompress(options, io));
}

async function compress(options: CompressOptions, io: CliIo): Promise<void> {
  const dictionary = await readDictionary(options);
  const encoder = await Lz4FrameEncoder.create({
    effort: options.high === true ? 'high' : 'fast',
    blockSizeId: SIZE_IDS[options.blockSize],
    linked: options.linked === true,
    blockChecksums: options.blockChecksum === true,
    contentChecksum: options.contentChecksum,
    ...(options.contentSize === undefined ? {} : { contentBytes: options.contentSize }),
    ...(dictionary === null ? {} : { dictionary }),
  });
  for await (const chunk of io.input()) await writeAll(encoder.push(chunk), io);
  await writeAll(encoder.end(), io);
}

async function decompress(options: DictionaryOptions, io: CliIo): Promise<void> {
  const dictionary = await readDictionary(options);
  const decoder = await Lz4FrameDecoder.create(dictionary === null ? {} : { dictionary });
  for await (const chunk of io.input()) await writeAll(decoder.push(chunk), io);
  decoder.end();
}

/** An id alone says nothing: bad usage. */
function checkDictionary(command: Command): void {
  const { dictionary, dictionaryId } = command.opts<DictionaryOptions>();
  if (dictionaryId !== undefined && dictionary === undefined) {
    command.error("error: option '--dictionary-id' needs '-D, --dictionary <file>'");
  }
}

/** The dictionary that is asked for, or null. */
async function readDictionary({ dictionary, dictionaryId }: DictionaryOptions): Promise<Lz4Dictionary | null> {
  if (dictionary === undefined) return null;
  try {
    return { bytes: await readFile(dictionary), ...(dictionaryId === undefined ? {} : { id: dictionaryId }) };
  } catch (cause) {
    throw new TorporError(
      'ERR_LZ4_FRAME',
      `could not read the dictionary ${dictionary}; name a file that this user can read`,
      { cause },
    );
  }
}

async function writeAll(parts: Iterable<Uint8Array>, io: CliIo): Promise<void> {
  for (const part of parts) await io.outBytes(part);
}

function parseId(text: string): number {
  const id = Number(text);
  if (/^\d+$/.test(text) && id <= 0xffff_ffff) return id;
  throw new InvalidArgumentError(`"${text}" is no dictionary id: write a number up to 4294967295`);
}

function parseBytes(text: string): number {
  const bytes = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(bytes)) return bytes;
  throw new InvalidArgumentError(`"${text}" is no size: write a number of bytes`);
}
