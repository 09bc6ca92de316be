import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseJson } from '../core/text/json.ts';
import type { Io } from './io.ts';

// The tokens of `corral login`, in a file that only the user can read.

interface SavedTokens {
  readonly server?: string | undefined;
  readonly tokens: Readonly<Record<string, string>>;
}

const fileOf = (env: Io['env']) =>
  join(env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config'), 'corral', 'tokens.json');

/** Empty if the file is missing or damaged. */
export function readSavedTokens(env: Io['env']): SavedTokens {
  try {
    const found = parseJson(readFileSync(fileOf(env), 'utf8'), { maxBytes: 1_000_000, maxDepth: 3, maxValues: 10_000 });
    const { server, tokens } = (found.ok ? found.value : {}) as SavedTokens;
    return { server, tokens: { ...tokens } };
  } catch {
    return { tokens: {} };
  }
}

/**
 * Stores the server's token and makes this server the default. Without a token, deletes the stored one, and no server is the
 * default. Returns the file's path.
 */
export function saveToken(env: Io['env'], server: string, token: string | undefined): string {
  const { [server]: _, ...others } = readSavedTokens(env).tokens;
  const saved: SavedTokens =
    token === undefined ? { tokens: others } : { server, tokens: { ...others, [server]: token } };
  const file = fileOf(env);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, `${JSON.stringify(saved)}\n`, { mode: 0o600 });
  chmodSync(file, 0o600); // also applies to an existing file
  return file;
}
