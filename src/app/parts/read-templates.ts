import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseModelRef, providers } from '../../agents/models/providers.ts';
import { findConfiguredProvider } from '../../agents/models/registry.ts';
import { toolDescriptions } from '../../agents/tools/list.ts';
import type { ToolRegistry } from '../../agents/tools/registry.ts';
import { toolGroups } from '../../agents/tools/tool.ts';
import { findNearestWord } from '../../config/nearest.ts';
import { AppError, toAppError } from '../../core/errors/errors.ts';
import type { Template } from '../../core/model/template.ts';
import { findPromptErrors } from '../../sessions/run/prompt/overrides.ts';
import { findFolderNextToConfig } from '../commands/local-config.ts';
import type { Config } from '../settings/config.ts';
import { parseTemplate, templateNamePattern } from '../settings/templates.ts';
import { filterUnknownTools } from './policies.ts';

const own = fileURLToPath(new URL('../../agents/templates/', import.meta.url));
/** In the order in which clients list them. */
const ownNames = [
  ...['python_dev', 'node_dev', 'data_analyst', 'script_writer', 'code_reviewer', 'test_writer', 'minimal', 'default'],
  ...['plan_act', 'team', 'computer_use', 'code-interpreter', 'claude-code', 'codex', 'gemini-cli', 'opencode'],
];

export interface TemplateFile {
  readonly template: Template;
  readonly file: string;
}

/** The operator's templates override built-in ones. Throws invalid_request with all mistakes but unknown tool names. */
export function readTemplates(
  config: Pick<Config, 'template'> & { readonly models: Pick<Config['models'], 'compatible'> },
  folder = findFolderNextToConfig('templates'),
): readonly TemplateFile[] {
  const problems: string[] = [];
  const read = (file: string): TemplateFile[] => {
    const [, name] = /^(.*)[.]ya?ml$/.exec(basename(file)) ?? [];
    if (name === undefined || !templateNamePattern.test(name)) {
      problems.push(`${file} is not a template: its name must consist of a-z, 0-9, _ and -, followed by .yaml.`);
      return [];
    }
    try {
      const template = parseTemplate(name, readFileSync(file, 'utf8'), file);
      problems.push(...unknownProviders(template, file, config.models));
      problems.push(...findPromptErrors(template.promptParts ?? {}, (part) => `prompt-parts.${part} in ${file}`));
      return [{ template, file }];
    } catch (thrown) {
      problems.push(thrown instanceof AppError ? toAppError(thrown).publicMessage : unreadable(file, thrown));
      return [];
    }
  };
  const byName = new Map<string, TemplateFile>();
  const files = [
    ...ownNames.map((name) => join(own, `${name}.yaml`)),
    ...(folder === undefined ? [] : filesIn(folder)),
  ];
  for (const one of files.flatMap(read)) byName.set(one.template.name, one);
  if (config.template !== undefined && !byName.has(config.template)) {
    const known = [...byName.keys()].join(', ');
    problems.push(`CORRAL_TEMPLATE is ${config.template}, but there is no such template. Templates: ${known}.`);
  }
  if (problems.length > 0) throw new AppError('invalid_request', problems.join('\n'));
  return [...byName.values()];
}

export function checkToolNames(templates: readonly TemplateFile[], tools: ToolRegistry): void {
  const problems = templates.flatMap(({ template, file }) => unknownTools(template, file, tools));
  if (problems.length > 0) throw new AppError('invalid_request', problems.join('\n'));
}

/** A rule with an unknown tool name would have no effect. */
function unknownTools(template: Template, file: string, tools: ToolRegistry): string[] {
  const known = [
    ...toolGroups,
    ...toolDescriptions.map(({ name }) => name),
    ...tools.declarations.map(({ name }) => name),
  ];
  const check = (key: string, values: readonly string[] = []) =>
    filterUnknownTools(values, known).map((name) => {
      const meant = findNearestWord(name, known);
      const help = meant ? `did you mean ${meant}?` : `the groups are ${toolGroups.join(', ')}.`;
      return `${key} in ${file} contains ${name}, but there is no such tool or group; ${help}`;
    });
  const { allow, deny } = template.tools;
  return [
    ...check('tools.allow', allow),
    ...check('tools.deny', deny),
    ...check('approvals.tools', template.approvals.tools),
    ...check(
      'approvals.rules',
      template.approvals.rules?.map(({ tool }) => tool),
    ),
  ];
}

function unknownProviders(
  { model, models: { fallbacks = [] } }: Template,
  file: string,
  models: Pick<Config['models'], 'compatible'>,
): string[] {
  return [...(model === undefined ? [] : [model]), ...fallbacks].flatMap((ref) => {
    const { provider } = parseModelRef(ref);
    if (findConfiguredProvider(provider, models)) return [];
    const key = ref === model ? 'model' : 'models.fallbacks';
    const known = [...providers.map(({ name }) => name), ...Object.keys(models.compatible)].join(', ');
    return [`${key} in ${file} is ${ref}, but there is no provider ${provider}. Providers: ${known}.`];
  });
}

/** Hidden entries are left out: Kubernetes adds some to a mounted folder. */
function filesIn(folder: string): string[] {
  try {
    const names = readdirSync(folder).filter((name) => !name.startsWith('.'));
    return names.sort().map((name) => join(folder, name));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new AppError('invalid_request', unreadable(folder, cause), { cause });
  }
}

const unreadable = (path: string, cause: unknown): string =>
  `${path} cannot be read as a template: ${(cause as NodeJS.ErrnoException).code ?? (cause as Error).message}.`;
