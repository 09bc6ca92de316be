import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { type Box, Corral, CorralError } from '../client/index.ts';
import { parseJson } from '../core/text/json.ts';
import { trimEndCharacters } from '../core/text/text.ts';
import { UsageError } from './command.ts';
import type { Io } from './io.ts';

/** Contents of the file that a running server writes (src/app/commands/local-server.ts). */
export interface LocalServer {
  readonly url: string;
  readonly pid: number;
  readonly token?: string;
}
const usual = 'http://127.0.0.1:8000';

export interface ServerAddress {
  readonly url: string;
  readonly token: string | undefined;
}

/** In order of precedence: `--url` or CORRAL_URL, the running local server, `corral login`, the default address. */
export function resolveAddress(value: string | undefined, env: Io['env']): ServerAddress {
  const url = value ?? (env.CORRAL_URL || undefined);
  const token = env.CORRAL_TOKEN || undefined;
  const found = foundFiles(env).flatMap((file) => readFound(file) ?? []);
  const saved = readSavedTokens(env);
  if (url === undefined) {
    const [local] = found;
    const at = local?.url ?? saved.server ?? usual;
    return { url: at, token: token ?? local?.token ?? saved.tokens[new URL(at).origin] };
  }
  if (!/^https?:\/\/[^/]/.test(url) || !URL.canParse(url)) {
    throw new UsageError(`${url} is not the address of a server. Write it like ${usual}.`);
  }
  const own = found.find((one) => new URL(one.url).origin === new URL(url).origin);
  return { url: trimEndCharacters(url, '/'), token: token ?? own?.token ?? saved.tokens[new URL(url).origin] };
}

export function connectToAddress(value: string | undefined, env: Io['env']): Corral {
  const { url, token = '' } = resolveAddress(value, env);
  return new Corral({ url, token });
}

export function openBrowser(url: string): void {
  const program = { darwin: 'open', win32: 'explorer' }[process.platform as string] ?? 'xdg-open';
  spawn(program, [url], { detached: true, stdio: 'ignore' })
    .on('error', () => {})
    .unref();
}

export const findRunningServer = (dataDir: string): LocalServer | undefined => readFound(join(dataDir, 'server.json'));

export function connectToDataDir(dataDir: string): Corral | undefined {
  const found = findRunningServer(dataDir);
  return found && new Corral({ url: found.url, token: found.token ?? '' });
}

function foundFiles(env: Io['env']): string[] {
  const runtime = env.XDG_RUNTIME_DIR ? join(env.XDG_RUNTIME_DIR, 'corral') : undefined;
  const others = runtime === undefined ? [] : listNames(runtime).map((name) => join(runtime, name));
  return [join(resolve(env.CORRAL_DATA_DIR || 'data'), 'server.json'), ...others];
}

function listNames(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith('.json'));
  } catch {
    return [];
  }
}

/** Undefined if the file is unreadable or its server has ended. */
function readFound(file: string): LocalServer | undefined {
  try {
    const found = JSON.parse(readFileSync(file, 'utf8')) as LocalServer;
    return typeof found.url === 'string' && isProcessRunning(found.pid) ? found : undefined;
  } catch {
    return undefined;
  }
}

export function isProcessRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Accepts an id, a name, the start of an id, or `last`. */
export async function findBox(corral: Corral, word: string): Promise<Box> {
  if (/^[0-9a-f]{16}$/.test(word)) return await corral.open(word);
  if (word !== 'last' && /^[a-z0-9][a-z0-9._-]{0,62}$/.test(word)) {
    const named = await corral.call((api) => api.sessions.byName.query({ name: word })).catch(unlessMissing);
    if (named) return await corral.open(named.id);
  }
  const { items } = await corral.call((api) => api.sessions.list.query({ limit: 500 }));
  const matches =
    word === 'last'
      ? items.filter(({ parent }) => parent === null).slice(0, 1)
      : items.filter(({ id }) => word !== '' && id.startsWith(word));
  if (matches.length > 1)
    throw new UsageError(`${word} matches the ids of ${matches.length} sessions. Type more characters.`);
  return await corral.open(matches[0]?.id ?? word);
}

export async function findProjectId(corral: Corral, word: string): Promise<string> {
  const { projects: all } = await corral.call((api) => api.projects.list.query());
  const found = all.filter(({ id, name }) => id === word || name === word);
  if (found.length > 1) throw new UsageError(`${found.length} projects are called ${word}. Use an id.`);
  return found[0]?.id ?? word;
}

function unlessMissing(error: unknown): undefined {
  if (!(error instanceof CorralError && error.code === 'session_not_found')) throw error;
}

interface SavedTokens {
  readonly server?: string | undefined;
  readonly tokens: Readonly<Record<string, string>>;
}

const fileOf = (env: Io['env']) =>
  join(env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config'), 'corral', 'tokens.json');

function readSavedTokens(env: Io['env']): SavedTokens {
  try {
    const found = parseJson(readFileSync(fileOf(env), 'utf8'), { maxBytes: 1_000_000, maxDepth: 3, maxValues: 10_000 });
    const { server, tokens } = (found.ok ? found.value : {}) as SavedTokens;
    return { server, tokens: { ...tokens } };
  } catch {
    return { tokens: {} };
  }
}

export function saveToken(env: Io['env'], server: string, token: string | undefined): string {
  const { [server]: _, ...others } = readSavedTokens(env).tokens;
  const saved: SavedTokens =
    token === undefined ? { tokens: others } : { server, tokens: { ...others, [server]: token } };
  const file = fileOf(env);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, `${JSON.stringify(saved)}\n`, { mode: 0o600 });
  chmodSync(file, 0o600);
  return file;
}
