import type { ToolRegistry } from '../../agents/tools/registry.ts';
import { listForms } from '../../config/kinds.ts';
import { ServerComponent } from '../../core/contracts/server-parts.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { ApprovalRule } from '../../core/model/approval-rule.ts';
import { parsePolicyEntry } from '../../sandboxes/egress/policy.ts';
import type { TemplateService } from '../../sessions/api/server/templates.ts';
import type { SettingDefinition, SettingsStore } from '../../sessions/projects/settings-service.ts';
import { assertKnownTools, listToolNames } from '../parts/policies.ts';
import type { Config } from './config.ts';
import { settings } from './schema.ts';

export const changeableSettings = settings.filter(({ change }) => change !== undefined);

/** Environment variables and corral.yaml override changes made on the page. */
export class LiveConfig extends ServerComponent<{
  readonly base: Config;
  readonly stored: Pick<SettingsStore, 'now'>;
}> {
  #of: SettingsStore['now'] | undefined;
  #now = this.deps.base;

  /** The same object until a setting changes. */
  get now(): Config {
    const { now } = this.deps.stored;
    if (now !== this.#of) {
      this.#of = now;
      this.#now = withChanges(this.deps.base, now);
    }
    return this.#now;
  }
}

function withChanges(base: Config, changes: SettingsStore['now']): Config {
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

function readSettingAt(config: Config, path: readonly string[]): unknown {
  let found: unknown = config;
  for (const name of path) found = (found as Record<string, unknown>)[name];
  return found ?? null;
}

export const listKnownSettings = (
  config: Pick<Config, 'sources'>,
  live: Pick<LiveConfig, 'now'>,
  tools: ToolRegistry,
): SettingDefinition[] =>
  changeableSettings.flatMap(({ key, path, about, accepts, shown, fallback, schema, change }) =>
    change
      ? {
          key,
          about,
          accepts: accepts.replace(listForms, ''),
          variable: shown,
          section: change.section,
          form: namesTools(change.form) ? { ...change.form, options: listToolNames(key, tools) } : change.form,
          fallback: fallback === undefined ? null : (schema.parse(undefined) ?? null),
          setBy: config.sources?.[key] ?? null,
          takes: (value) => value !== null && value !== undefined && schema.safeParse(value).success,
          value: () => readSettingAt(live.now, path),
        }
      : [],
  );

const namesTools = ({ kind }: { readonly kind: string }): boolean => kind === 'tools' || kind === 'rules';

interface ChoosableNames {
  readonly tools: ToolRegistry;
  readonly templates: Pick<TemplateService, 'get'>;
}

/** Throws invalid_request for an unknown template or tool, or a malformed egress entry. */
export function assertKnownNames(key: string, value: unknown, { tools, templates }: ChoosableNames): void {
  if (key === 'template') templates.get(String(value));
  if (key === 'approvals.tools' || key === 'tools.deny') assertKnownTools(key, value as string[], tools);
  if (key === 'approvals.rules') {
    const names = (value as ApprovalRule[]).map(({ tool }) => tool);
    assertKnownTools(key, names, tools);
  }
  if (key !== 'egress.allow') return;
  const strange = (value as string[]).find((entry) => parsePolicyEntry(entry) === undefined);
  if (strange === undefined) return;
  throw new AppError(
    'invalid_request',
    `'${strange}' is not a host. Write it like example.org, *.example.org or example.org:8443.`,
  );
}
