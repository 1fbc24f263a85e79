// `torpor lz4 compress|decompress`: LZ4 frames from stdin to stdout with the stream core, in constant memory.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { Lz4FrameDecoder } from '../../core/lz4-frame-decoder.ts';
import { Lz4FrameEncoder } from '../../core/lz4-frame-encoder.ts';
import type { BlockSizeId } from '../../core/lz4-frame-format.ts';
import type { CliIo } from '../cli-io.ts';

interface CompressOptions {
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
    .action((options: CompressOptions) => compress(options, io));
  lz4
    .command('decompress')
    .description('restore all LZ4 frames on stdin; legacy frames are refused')
    .action(() => decompress(io));
}

async function compress(options: CompressOptions, io: CliIo): Promise<void> {
  const encoder = await Lz4FrameEncoder.create({
    effort: options.high === true ? 'high' : 'fast',
    blockSizeId: SIZE_IDS[options.blockSize],
    linked: options.linked === true,
    blockChecksums: options.blockChecksum === true,
    contentChecksum: options.contentChecksum,
    ...(options.contentSize === undefined ? {} : { contentBytes: options.contentSize }),
  });
  for await (const chunk of io.input()) await writeAll(encoder.push(chunk), io);
  await writeAll(encoder.end(), io);
}

async function decompress(io: CliIo): Promise<void> {
  const decoder = await Lz4FrameDecoder.create();
  for await (const chunk of io.input()) await writeAll(decoder.push(chunk), io);
  decoder.end();
}

async function writeAll(parts: Iterable<Uint8Array>, io: CliIo): Promise<void> {
  for (const part of parts) await io.outBytes(part);
}

function parseBytes(text: string): number {
  const bytes = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(bytes)) return bytes;
  throw new InvalidArgumentError(`"${text}" is no size: write a number of bytes`);
}
