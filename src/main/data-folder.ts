import { accessSync, constants, mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { AppError } from '../core/errors.ts';

/** Checks the folder before anything is written there, so that a wrong folder is one clear error. */
export function openDataFolder(dataDir: string): void {
  const folder = resolve(dataDir);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why = code === 'EEXIST' || code === 'ENOTDIR' ? 'is no folder' : `cannot be made or written (${code})`;
    const advice = 'Set CORRAL_DATA_DIR to a folder that this user may write.';
    throw new AppError('invalid_request', `The data folder ${folder} ${why}. ${advice}`, { cause });
  }
}
