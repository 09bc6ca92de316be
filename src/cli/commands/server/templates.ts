import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildLogEntry, BuiltTemplate, Corral, TemplateBuild } from '../../../client/index.ts';
import { type CliCommand, type CommandInput, jsonOption } from '../../command.ts';
import { BuildContext } from '../../context-archive.ts';
import { exitCodes, UsageError } from '../../exit-codes.ts';
import { findNamed } from '../../find-named.ts';
import { oneLine } from '../../io.ts';

const actions = ['ls', 'build', 'builds', 'log', 'cancel', 'tag', 'untag', 'delete'] as const;
const maxLine = 2_000;

/** The caller's own templates, built from a Dockerfile. */
export const templateCommand: CliCommand = {
  name: 'template',
  args: [
    ['[action]', `${actions.join(', ')}; without one: ls`],
    [
      '[word]',
      'with build: the folder of the Dockerfile (default: the current one); otherwise: the id or name of a template',
    ],
    ['[more]', 'with log and cancel: a build (default: the newest); with tag and untag: the tag'],
  ],
  about: 'builds templates from a Dockerfile, isolated in a sandbox, and lists, tags and deletes them',
  options: [
    ['--tag <name>', 'with build: the name of the template, optionally with a tag (my-tools:v1)'],
    ['--also <tag...>', 'with build: further tags'],
    ['--file <file>', 'with build: the Dockerfile, if it has another name or place'],
    ['--arg <name=value...>', 'with build: values of its ARGs'],
    ['--fresh', 'with build: run every step again'],
    ['--from <tag>', 'with tag: the tag whose build gets the new one; default: default'],
    jsonOption,
  ],
  examples: [
    'corral template build --tag my-tools:v1 .',
    'corral box --built my-tools:v1 tools',
    'corral template builds my-tools',
    'corral template tag my-tools stable --from v1',
  ],
  async run(input) {
    const [named = 'ls', word, more] = input.args;
    const action = actions.find((one) => one === (named === 'list' ? 'ls' : named));
    if (!action) throw new UsageError(`There is no action "${named}". Use one of ${actions.join(', ')}.`);
    const server = input.corral();
    if (action === 'ls') return await list(server, input);
    if (action === 'build') return await build(server, word ?? '.', input);
    if (word === undefined) throw new UsageError(`Name the template: corral template ${action} <template>`);
    const template = findNamed('template', await server.templates.list(), word);
    return await act(server, { action, template, more }, input);
  },
};

async function list({ templates }: Corral, { options, io }: CommandInput): Promise<number> {
  const isJson = options.flag('json');
  const all = await templates.list();
  for (const one of all) io.print(isJson ? JSON.stringify(one) : formatLine(one));
  if (all.length === 0 && !isJson)
    io.say('You have built no templates. Build one with: corral template build --tag <name>');
  return exitCodes.ok.code;
}

async function build({ templates }: Corral, folder: string, { options, io }: CommandInput): Promise<number> {
  const name = options.text('tag');
  if (name === undefined) throw new UsageError('Name the template: corral template build --tag my-tools');
  const file = options.text('file') ?? join(folder, 'Dockerfile');
  const dockerfile = await readFile(file, 'utf8').catch(() => {
    throw new UsageError(`There is no ${file}. Name the folder of the Dockerfile, or the file with --file.`);
  });
  const context = await BuildContext.open(folder);
  const ended = await templates.build(name, {
    dockerfile,
    args: parsePairs(options.texts('arg')),
    tags: options.texts('also'),
    fresh: options.flag('fresh'),
    files: (source) => context.files(source),
    onLog: (entry) => io.say(formatEntry(entry)),
    signal: io.signal,
  });
  if (options.flag('json')) io.print(JSON.stringify(ended));
  else if (ended.status === 'ready') io.print(`${ended.templateId}  ${name}  ${ended.id}`);
  return ended.status === 'ready' ? exitCodes.ok.code : exitCodes.failed.code;
}

interface Request {
  readonly action: Exclude<(typeof actions)[number], 'ls' | 'build'>;
  readonly template: BuiltTemplate;
  readonly more: string | undefined;
}

async function act(
  server: Corral,
  { action, template, more }: Request,
  { options, io }: CommandInput,
): Promise<number> {
  const { id, name } = template;
  const { templates } = server;
  const isJson = options.flag('json');
  const show = (value: object, line: string) => io.print(isJson ? JSON.stringify(value) : line);
  const tag = () => {
    if (more === undefined) throw new UsageError(`Name the tag: corral template ${action} ${name} <tag>`);
    return more;
  };
  switch (action) {
    case 'builds':
      for (const one of await templates.builds(id)) show(one, buildLine(one));
      break;
    case 'log': {
      const of = { id, build: await findBuild(server, template, more) };
      const { signal } = io;
      const ended = await templates.follow(of, { signal, onLog: (entry) => show(entry, formatEntry(entry)) });
      return ended.status === 'ready' ? exitCodes.ok.code : exitCodes.failed.code;
    }
    case 'cancel': {
      const of = { id, build: await findBuild(server, template, more) };
      const stopped = await server.call((api) => api.templateBuilds.cancel.mutate(of));
      show(stopped, buildLine(stopped));
      break;
    }
    case 'tag': {
      const requested = { from: `${name}:${options.text('from') ?? 'default'}`, tags: [tag()] };
      const tagged = await server.call((api) => api.templateBuilds.tag.mutate(requested));
      show(tagged, formatLine(tagged));
      break;
    }
    case 'untag': {
      const requested = { id, tags: [tag()] };
      const untagged = await server.call((api) => api.templateBuilds.untag.mutate(requested));
      show(untagged, formatLine(untagged));
      break;
    }
    case 'delete':
      await templates.remove(id);
  }
  return exitCodes.ok.code;
}

async function findBuild(
  { templates }: Corral,
  { id, name }: BuiltTemplate,
  word: string | undefined,
): Promise<string> {
  const builds = await templates.builds(id);
  const found = word === undefined ? builds[0] : builds.find((one) => one.id === word);
  if (found) return found.id;
  throw new UsageError(
    `${name} has no ${word === undefined ? 'builds' : `build ${word}`}. See: corral template builds ${name}`,
  );
}

const formatLine = ({ id, name, tags }: BuiltTemplate): string =>
  `${id}  ${name.padEnd(24)}  ${tags.map(({ tag }) => tag).join(', ') || 'not built yet'}`;
const buildLine = ({ id, status, createdAt, tags, reason }: TemplateBuild): string =>
  `${id}  ${status.padEnd(8)}  ${createdAt}  ${tags.join(', ')}${reason ? `  ${oneLine(reason.message, 200)}` : ''}`;
const formatEntry = ({ level, text }: BuildLogEntry): string =>
  `${level === 'info' ? '' : `${level}: `}${oneLine(text, maxLine)}`;

function parsePairs(values: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    values.map((one) => {
      const [, name, value] = /^([^=]+)=(.*)$/s.exec(one) ?? [];
      if (name === undefined || value === undefined) throw new UsageError(`--arg ${one}: write name=value.`);
      return [name, value];
    }),
  );
}
