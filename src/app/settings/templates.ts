import { z } from 'zod';
import { oneOf, textValue, wordList } from '../../config/kinds.ts';
import { defineOptionalSetting } from '../../config/setting.ts';
import { readSettingsLayout } from '../../config/settings.ts';
import { describeInvalidValue, parseSettings, readYamlSettings } from '../../config/yaml-file.ts';
import { AppError } from '../../core/errors/errors.ts';
import { findRequestedPackages } from '../../core/model/packages.ts';
import { RepositoryInputs } from '../../core/model/repository.ts';
import { MountRequests, maxMounts } from '../../core/model/sandboxes/volume.ts';
import { ServiceRecipes } from '../../core/model/services/recipe.ts';
import type { Template } from '../../core/model/template.ts';
import { parseRepository } from '../../core/text/repository-address.ts';
import { Config } from './schema.ts';

type OptionalSetting<Setting> = Setting extends z.ZodPrefault<infer Kind> | z.ZodOptional<infer Kind>
  ? z.ZodOptional<Kind>
  : never;

/** An omitted key takes the value from corral.yaml, not the setting's default. */
const unset = <Setting extends z.ZodPrefault<z.ZodType> | z.ZodOptional<z.ZodType>>(setting: Setting) =>
  setting
    .unwrap()
    .optional()
    .meta({ ...setting.meta() }) as unknown as OptionalSetting<Setting>;

const pipForm = /^[A-Za-z0-9][\w.-]*(\[[\w.,-]+\])?([<>=!~]=?[\w.*+!]+(,[<>=!~]=?[\w.*+!]+)*)?$/;
const npmForm = /^(@[a-z0-9][\w.-]*\/)?[a-z0-9][\w.-]*(@[\w.^~<>=*+-]+)?$/;
const atMost50 = (accepts: string, pattern: RegExp) => ({
  accepts: `at most 50 ${accepts}`,
  kind: z.array(z.string().max(200).regex(pattern)).max(50),
});

const { model, models, maxSteps, run, session, approvals, mcp, sandbox, egress } = Config.shape;

const maxPrompt = 16 * 1024;
const rules = () => wordList('names of tools, groups such as bash, or globs such as browser_*', /^[a-z*][a-z0-9_*]*$/);

const argv = () => ({
  accepts: 'a list of words, such as [gemini, --acp]',
  kind: z.array(z.string().min(1).max(4_096)).min(1).max(100),
});

const TemplateFile = z.strictObject({
  name: defineOptionalSetting(textValue("the file's name without .yaml"), 'the name that sessions use'),
  label: defineOptionalSetting(textValue('one line', /^.{1,80}$/), 'the name for people'),
  description: defineOptionalSetting(textValue('one line', /^.{1,300}$/), 'what the agent is for'),
  environment: defineOptionalSetting(
    textValue('a word such as python3.11', /^\S{1,40}$/),
    'the environment shown in OpenCodex clients, which list only templates with one',
  ),
  mode: defineOptionalSetting(
    oneOf('plan-act', 'react'),
    'whether the agent makes a plan first, or chooses each next action',
  ),
  agent: z.strictObject({
    kind: defineOptionalSetting(
      oneOf('acp'),
      "the agent is a program of the sandbox's image that speaks this protocol",
    ),
    command: defineOptionalSetting(argv(), 'the program and its arguments'),
    auth: defineOptionalSetting(
      textValue('a word', /^[\w.-]{1,80}$/),
      "the agent's name for the login method, if it needs one",
    ),
    mode: defineOptionalSetting(textValue('a word', /^[\w.:-]{1,80}$/), "the agent's name for its mode"),
    resume: defineOptionalSetting(
      oneOf('session', 'summary'),
      'how the agent continues after its process has ended: in its saved session, or in a new one with a summary',
    ),
    keys: defineOptionalSetting(
      wordList('names of variables such as OPENAI_API_KEY', /^[A-Z][A-Z0-9_]{0,63}$/),
      'the variables that hold its key; without a secret that sets one the page offers the template as unavailable',
    ),
  }),
  prompt: defineOptionalSetting(
    textValue(`text of at most ${maxPrompt} characters`, new RegExp(`^[^]{1,${maxPrompt}}$`)),
    "instructions to the agent, placed before the server's own",
  ),
  promptParts: defineOptionalSetting(
    { accepts: 'names of parts of the prompt, each with its text', kind: z.record(z.string(), z.string().trim()) },
    "texts that replace parts of the server's prompt",
  ),
  model: unset(model),
  models: z.strictObject({ fallbacks: unset(models.shape.fallbacks) }),
  maxSteps: unset(maxSteps),
  run: z.strictObject({
    timeoutSeconds: unset(run.shape.timeoutSeconds),
    tokenBudget: unset(run.shape.tokenBudget),
    costBudget: unset(run.shape.costBudget),
    toolCallBudget: unset(run.shape.toolCallBudget),
  }),
  session: z.strictObject({
    turnBudget: unset(session.shape.turnBudget),
    tokenBudget: unset(session.shape.tokenBudget),
    costBudget: unset(session.shape.costBudget),
    toolCallBudget: unset(session.shape.toolCallBudget),
    timeBudgetSeconds: unset(session.shape.timeBudgetSeconds),
  }),
  approvals: z.strictObject({
    rules: unset(approvals.shape.rules),
    tools: unset(approvals.shape.tools),
    timeoutSeconds: unset(approvals.shape.timeoutSeconds),
  }),
  mcp: z.strictObject({ servers: unset(mcp.shape.servers) }),
  sandbox: z.strictObject({
    image: unset(sandbox.shape.image),
    desktop: unset(sandbox.shape.desktop),
    memory: unset(sandbox.shape.memory),
    cpus: unset(sandbox.shape.cpus),
    pids: unset(sandbox.shape.pids),
    disk: unset(sandbox.shape.disk),
    idleSeconds: unset(sandbox.shape.idleSeconds),
  }),
  packages: z.strictObject({
    pip: defineOptionalSetting(
      atMost50('Python packages such as pandas==2.3.3', pipForm),
      'installed when a sandbox starts',
    ),
    npm: defineOptionalSetting(
      atMost50('npm packages such as typescript@5', npmForm),
      'installed when a sandbox starts',
    ),
  }),
  services: defineOptionalSetting(
    {
      accepts: 'names, each with image, and command, env, ports, healthcheck, after, scratch, see docs/services.md',
      kind: ServiceRecipes,
    },
    'containers next to its sandboxes, such as a database',
  ),
  children: defineOptionalSetting(
    { accepts: 'a number from 1 to 8', kind: z.int().min(1).max(8) },
    'maximum number of children that its agent can run at the same time; unset: it cannot delegate',
  ),
  memory: defineOptionalSetting(
    oneOf('off', 'read', 'write'),
    'whether its agents read, or also write, notes that outlive their sessions, see docs/memory.md',
  ),
  skills: defineOptionalSetting(
    wordList(
      'names of shared skills such as pdf, or pdf@3 for one version',
      /^[a-z0-9][a-z0-9-]{0,63}(@[1-9][0-9]{0,5})?$/,
    ),
    'the uploaded skills that the agent has',
  ),
  repositories: defineOptionalSetting(
    {
      accepts:
        'at most 10 repositories, each a URL such as https://example.org/team/project.git#main, or url, ref, path, depth and access',
      kind: z.preprocess(
        (all) => (Array.isArray(all) ? all.map((one) => (typeof one === 'string' ? parseRepository(one) : one)) : all),
        RepositoryInputs,
      ),
    },
    'the repositories that its sessions start with',
  ),
  volumes: defineOptionalSetting(
    {
      accepts: `at most ${maxMounts} volumes, each with volume, path and access, see docs/volumes.md`,
      kind: MountRequests,
    },
    "the volumes of its sessions, by the session owner's names",
  ),
  egress: z.strictObject({ policy: unset(egress.shape.policy), allow: unset(egress.shape.allow) }),
  tools: z.strictObject({
    allow: defineOptionalSetting(rules(), 'the tools of the agent; unset: all'),
    deny: defineOptionalSetting(rules(), 'tools that the agent does not get, even if allow lists them'),
    computer: defineOptionalSetting(
      oneOf('off', 'auto', 'claude', 'gemini'),
      "the desktop's keyboard and mouse; auto: in the format that the model knows",
    ),
  }),
});
export const templateNamePattern = /^[a-z][a-z0-9_-]{0,40}$/;

const layout = readSettingsLayout(TemplateFile);

/** Throws invalid_request for mistakes in the file. `file` is its name in the messages. */
export function parseTemplate(name: string, yamlText: string, file: string): Template {
  const problems: string[] = [];
  const keys = layout.settings.map(({ key }) => key).join(', ');
  const values = readYamlSettings(yamlText, { ...layout, file, help: `these are: ${keys}.` }, problems);
  const parsed = parseSettings(TemplateFile, layout.settings, ({ key }) => values.get(key));
  for (const setting of 'refused' in parsed ? parsed.refused : []) {
    problems.push(describeInvalidValue(setting, `${setting.key} in ${file}`, values.get(setting.key)));
  }
  const named = values.get('name') ?? name;
  if (named !== name) problems.push(`name in ${file} is ${JSON.stringify(named)}; the file's own name is ${name}.`);
  if ('refused' in parsed || problems.length > 0) throw new AppError('invalid_request', problems.join('\n'));
  const { label = name, description = '', ...content } = parsed.data;
  const { kind, command } = content.agent;
  if ((kind === undefined) !== (command === undefined)) {
    throw new AppError(
      'invalid_request',
      `agent.kind and agent.command in ${file} belong together: set both, or neither.`,
    );
  }
  if (content.egress.policy === 'none' && findRequestedPackages(content.packages).length > 0) {
    throw new AppError(
      'invalid_request',
      `packages in ${file} need a registry, but its egress.policy is none: remove one of them.`,
    );
  }
  return { ...content, name, label, description };
}
