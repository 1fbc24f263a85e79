// Whether what a module exports is the interface that this package speaks. The same for Node and for browsers.
import { TorporError } from '../platform/errors.ts';
import { ABI_VERSION, CORE_FUNCTIONS, type CoreAbi } from './abi.ts';

/** Throws ERR_CORE_ABI. `origin` says in the error where the module came from. */
export function checkAbi(exports: Readonly<Record<string, unknown>>, origin: string): CoreAbi {
  const version = typeof exports.abi_version === 'function' ? Number(exports.abi_version()) : undefined;
  if (version !== ABI_VERSION) {
    throw new TorporError(
      'ERR_CORE_ABI',
      `${origin} ${version === undefined ? 'is not the stream core' : `speaks version ${version} of the core's interface`}, this package speaks version ${ABI_VERSION}: build both together with "npm run build"`,
    );
  }
  const missing = CORE_FUNCTIONS.filter((name) => typeof exports[name] !== 'function');
  if (missing.length > 0 || exports.memory === undefined) {
    throw new TorporError(
      'ERR_CORE_ABI',
      `${origin} lacks ${[...missing, ...(exports.memory === undefined ? ['memory'] : [])].join(', ')}: build it again with "npm run build:core"`,
    );
  }
  return exports as unknown as CoreAbi;
}
