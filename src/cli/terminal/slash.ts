import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Box } from '../../client/index.ts';
import { toReadableModel } from '../../core/model/runs/readable-model.ts';
import type { ChatTerminal } from './talk.ts';

export type SlashCommandResult = 'stay' | 'leave' | 'choose' | Box;

export interface SlashCommand {
  readonly name: string;
  readonly usage?: string;
  readonly about: string;
  run(talk: ChatTerminal, argument: string): Promise<SlashCommandResult>;
}

const maxFiles = 200;
const maxModels = 20;

export const slashCommands: readonly SlashCommand[] = [
  {
    name: 'help',
    about: 'shows the commands and the keys',
    run: async (talk) => showNotice(talk, help()),
  },
  {
    name: 'model',
    usage: '[provider/model]',
    about: 'shows the model, or starts a new session with another one',
    async run(talk, model) {
      if (model === '') {
        const agent = await talk.corral.call((api) => api.sessions.agent.query({ id: talk.box.id }));
        const models = [agent.model, ...agent.fallbacks].map(toReadableModel).join(', then ');
        return showNotice(talk, `${models} (template: ${agent.template})${formatModels(await readModels(talk))}`);
      }
      const offered = await readModels(talk);
      try {
        return await talk.corral.create({ model: offered.get(model) ?? model });
      } catch (thrown) {
        talk.say('error', `No session with ${model}: ${(thrown as Error).message}${formatModels(offered)}`);
        return 'stay';
      }
    },
  },
  {
    name: 'stop',
    about: 'stops the current run',
    run: async (talk) => ((await talk.stop()) ? 'stay' : showNotice(talk, 'No run is in progress.')),
  },
  {
    name: 'files',
    usage: '[folder]',
    about: 'lists the files of the workspace',
    async run(talk, path) {
      const entries = await talk.box.files.list(path === '' ? '.' : path);
      const lines = entries
        .slice(0, maxFiles)
        .map(({ name, type, size }) =>
          type === 'directory' ? `${name}/` : `${name}${size === undefined ? '' : `  ${size} bytes`}`,
        );
      return showNotice(talk, lines.length === 0 ? 'There are no files yet.' : lines.join('\n'));
    },
  },
  {
    name: 'diff',
    usage: '[file]',
    about: 'shows what the last run changed',
    run: showDiff,
  },
  {
    name: 'attach',
    usage: '<local file>',
    about: 'copies a local file into the workspace',
    async run(talk, file) {
      const found = await stat(file).catch(() => undefined);
      if (!found?.isFile()) {
        talk.say(
          'warning',
          file === ''
            ? 'Specify a local file: /attach <local file>.'
            : `There is no file ${file} on this machine. Check the path.`,
        );
        return 'stay';
      }
      await talk.attach(basename(file), createReadStream(file));
      return showNotice(talk, `${basename(file)} is in the workspace: mention it as @${basename(file)}.`);
    },
  },
  {
    name: 'fork',
    about: 'continues in a new session with this conversation and these files',
    run: async (talk) => await talk.box.fork(),
  },
  {
    name: 'new',
    about: 'starts a new session with the same model',
    async run(talk) {
      const { model } = await talk.box.session();
      return await talk.corral.create(model === null ? {} : { model });
    },
  },
  { name: 'sessions', about: 'chooses another session', run: async () => 'choose' },
  ...['exit', 'quit'].map((name) => ({ name, about: 'leaves; the session stays', run: async () => 'leave' as const })),
];

/** Undefined if the line is not a slash command. If the name is unknown or ambiguous, `command` is undefined. */
export function parseSlashCommand(
  line: string,
): { readonly command: SlashCommand | undefined; readonly argument: string } | undefined {
  const [, name, argument = ''] = /^\/([a-z]*)(?:\s(.*))?$/.exec(line.trim()) ?? [];
  if (name === undefined) return undefined;
  const starting = slashCommands.filter((one) => one.name.startsWith(name));
  const command =
    slashCommands.find((one) => one.name === name) ?? (name !== '' && starting.length === 1 ? starting[0] : undefined);
  return { command, argument: argument.trim() };
}

/** Full references by readable name, or by themselves if two have the same. Empty if the server does not list models. */
async function readModels({ corral }: ChatTerminal): Promise<ReadonlyMap<string, string>> {
  const listed = await corral.call((api) => api.models.offered.query()).catch(() => undefined);
  if (!listed) return new Map();
  const offered = listed.providers.flatMap(({ provider, models }) => models.map(({ id }) => `${provider}/${id}`));
  const named = [...Map.groupBy(['demo', ...offered], toReadableModel)];
  return new Map(named.flatMap(([name, refs]) => refs.map((ref) => [refs.length === 1 ? name : ref, ref] as const)));
}

function formatModels(models: ReadonlyMap<string, string>): string {
  const shown = [...models.keys()].slice(0, maxModels);
  if (shown.length === 0) return '';
  return `\nAvailable: ${[...shown, ...(models.size > maxModels ? ['…'] : [])].join(', ')}`;
}

function showNotice(talk: ChatTerminal, text: string): SlashCommandResult {
  talk.say('note', text);
  return 'stay';
}

function help(): string {
  const rows = slashCommands.map(({ name, usage = '', about }) => [`/${name} ${usage}`.trim(), about]);
  const keys = [
    ['@file', 'mentions a file of the workspace; tab completes'],
    ['! command', 'runs a command in the sandbox'],
    ['enter', 'sends; alt-enter, ctrl-j or a backslash before it begins a new line'],
    ['up, down', 'earlier messages'],
    ['ctrl-c', 'stops the current run; if there is none, clears the line, then exits'],
    ['ctrl-d', 'exits'],
  ];
  return [...rows, ...keys].map(([what = '', about = '']) => `${what.padEnd(24)} ${about}`).join('\n');
}

async function showDiff(talk: ChatTerminal, only: string): Promise<SlashCommandResult> {
  const sessionId = talk.box.id;
  const { files } = await talk.corral.call((api) => api.files.changes.query({ sessionId }));
  const requested = files.filter(({ path }) => only === '' || path === only);
  if (requested.length === 0) return showNotice(talk, 'The last run changed no files.');
  for (const { path, change } of requested) {
    const was =
      change === 'added'
        ? ''
        : await talk.corral.call((api) => api.files.before.query({ sessionId, path })).then(({ content }) => content);
    const is = change === 'deleted' ? '' : await talk.box.files.read(path);
    talk.show({
      kind: 'call',
      title: path,
      output: '',
      change: { before: was, after: is },
      isDone: true,
      about: change,
    });
  }
  return 'stay';
}
