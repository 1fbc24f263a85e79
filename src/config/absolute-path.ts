// Paths of the configuration: relative ones are meant from the folder that the file stands in.
import { isAbsolute, resolve } from 'node:path';

export function absolute(path: string, folder: string): string {
  return isAbsolute(path) ? path : resolve(folder, path);
}
