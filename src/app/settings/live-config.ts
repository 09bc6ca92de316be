import type { StoredSettings } from '../../sessions/projects/stored-settings.ts';
import type { Config } from './config.ts';
import { settings } from './schema.ts';

export const changeableSettings = settings.filter(({ change }) => change !== undefined);

/** The current settings: variables, the file, and changes made in the page to settings that neither of them sets. */
export class LiveConfig {
  readonly #base: Config;
  readonly #stored: Pick<StoredSettings, 'now'>;
  #of: StoredSettings['now'] | undefined;
  #now: Config;

  constructor(base: Config, stored: Pick<StoredSettings, 'now'>) {
    this.#base = base;
    this.#stored = stored;
    this.#now = base;
  }

  /** The same object until a setting changes. */
  get now(): Config {
    const { now } = this.#stored;
    if (now !== this.#of) {
      this.#of = now;
      this.#now = withChanges(this.#base, now);
    }
    return this.#now;
  }
}

/** A stored value that its setting no longer accepts is ignored. */
function withChanges(base: Config, changes: StoredSettings['now']): Config {
  const config = copyOf(base);
  for (const { key, path, schema } of changeableSettings) {
    if (!Object.hasOwn(changes, key) || base.sources?.[key] !== undefined) continue;
    const parsed = schema.safeParse(changes[key]);
    if (parsed.success) put(config, path, parsed.data);
  }
  return config;
}

function copyOf(base: Config): Config {
  const copy: Record<string, unknown> = { ...base };
  for (const { path } of changeableSettings) {
    const [name = '', ...rest] = path;
    if (rest.length > 0) copy[name] = { ...(base as unknown as Record<string, object>)[name] };
  }
  return copy as unknown as Config;
}

function put(tree: object, path: readonly string[], value: unknown): void {
  const [name = '', ...rest] = path;
  const fields = tree as Record<string, unknown>;
  if (rest.length === 0) fields[name] = value;
  else put(fields[name] as object, rest, value);
}

export function readSettingAt(config: Config, path: readonly string[]): unknown {
  let found: unknown = config;
  for (const name of path) found = (found as Record<string, unknown>)[name];
  return found ?? null;
}
