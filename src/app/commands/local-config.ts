import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { AppError } from '../../core/errors/errors.ts';
import { type Config, loadConfig } from '../settings/config.ts';

export const loadLocalConfig = (): Config => loadConfig(process.env, readConfigText(process.env.CORRAL_CONFIG));

/** Undefined without a settings file, because a folder of this name may then be unrelated to Corral. */
export function findFolderNextToConfig(folder: string, named = process.env.CORRAL_CONFIG): string | undefined {
  const file = resolve(named || 'corral.yaml');
  return existsSync(file) ? join(dirname(file), folder) : undefined;
}

export function readConfigText(named: string | undefined): string {
  if (named && !existsSync(named)) {
    throw new AppError('invalid_request', `CORRAL_CONFIG is ${resolve(named)}, but that file does not exist.`);
  }
  return ownFile(named || 'corral.yaml');
}

function ownFile(name: string): string {
  try {
    return existsSync(name) ? readFileSync(name, 'utf8') : '';
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why = `${resolve(name)} cannot be read (${code}). It must be a file that this user can read.`;
    throw new AppError('invalid_request', why, { cause });
  }
}
