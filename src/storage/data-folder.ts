import { accessSync, constants, existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { AppError } from '../core/errors/errors.ts';

/** Node's `recursive` option loops forever under /proc, which reports ENOENT although the parent exists. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  if (dirname(folder) !== folder) makeFolder(dirname(folder));
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error; // another program may have just created it
  }
}

/** Call before anything else is written, so an unusable folder causes only one clear error. Throws: invalid_request. */
export function prepareDataFolder(dataDir: string): void {
  const folder = resolve(dataDir);
  try {
    makeFolder(folder);
    if (!statSync(folder).isDirectory()) throw Object.assign(new Error('a file'), { code: 'ENOTDIR' });
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why = code === 'EEXIST' || code === 'ENOTDIR' ? 'is not a folder' : `cannot be created or written (${code})`;
    const advice = 'Set CORRAL_DATA_DIR to a folder that this user can write to.';
    throw new AppError('invalid_request', `The data folder ${folder} ${why}. ${advice}`, { cause });
  }
}
