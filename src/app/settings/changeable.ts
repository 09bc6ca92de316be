import type { ToolRegistry } from '../../agents/tools/registry.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { ApprovalRule } from '../../core/model/approval-rule.ts';
import { parsePolicyEntry } from '../../sandboxes/egress/policy.ts';
import type { TemplateService } from '../../sessions/api/server/templates.ts';
import type { KnownSetting } from '../../sessions/projects/settings-service.ts';
import { assertKnownTools } from '../parts/policies.ts';
import type { Config } from './config.ts';
import { changeableSettings, type LiveConfig, readSettingAt } from './live-config.ts';

export const listKnownSettings = (config: Pick<Config, 'sources'>, live: Pick<LiveConfig, 'now'>): KnownSetting[] =>
  changeableSettings.flatMap(({ key, path, about, accepts, shown, fallback, schema, change }) =>
    change
      ? {
          key,
          about,
          accepts,
          variable: shown,
          section: change.section,
          form: change.form,
          fallback: fallback === undefined ? null : (schema.parse(undefined) ?? null),
          setBy: config.sources?.[key] ?? null,
          takes: (value) => value !== null && value !== undefined && schema.safeParse(value).success,
          value: () => readSettingAt(live.now, path),
        }
      : [],
  );

interface ChoosableNames {
  readonly tools: ToolRegistry;
  readonly templates: Pick<TemplateService, 'get'>;
}

/** Throws: invalid_request for a value that names an unknown template or tool, or an egress entry that cannot be read. */
export function checkKnownNames(key: string, value: unknown, { tools, templates }: ChoosableNames): void {
  if (key === 'template') templates.get(String(value));
  if (key === 'approvals.tools' || key === 'tools.deny') assertKnownTools(key, value as string[], tools);
  if (key === 'approvals.rules') {
    const names = (value as ApprovalRule[]).map(({ tool }) => tool);
    assertKnownTools(key, names, tools);
  }
  if (key !== 'egress.allow') return;
  const strange = (value as string[]).find((entry) => parsePolicyEntry(entry) === undefined);
  if (strange === undefined) return;
  throw new AppError('invalid_request', `egress.allow: '${strange}' is not host, *.host or host:port.`);
}
