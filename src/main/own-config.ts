import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Config, loadConfig } from '../config/config.ts';
import { AppError } from '../core/errors.ts';

/** The settings from the environment and from corral.yaml in the working directory. */
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
