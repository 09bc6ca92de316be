import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Config, loadConfig } from '../config/config.ts';
import { AppError } from '../core/errors.ts';

/** What the environment says, and corral.yaml in the folder that the program was started in. */
export const ownConfig = (): Config => loadConfig(process.env, ownFile('corral.yaml'));

function ownFile(name: string): string {
  try {
    return existsSync(name) ? readFileSync(name, 'utf8') : '';
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why = `${resolve(name)} cannot be read (${code}). It must be a file that this user may read.`;
    throw new AppError('invalid_request', why, { cause });
  }
}
