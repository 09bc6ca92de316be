import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Corral } from '../../../client/index.ts';
import type { Inputs, Outputs } from '../../../client/types.ts';
import { type CliCommand, type CommandInput, jsonOption } from '../../command.ts';
import { exitCodes, UsageError } from '../../exit-codes.ts';
import { type Io, oneLine, printable } from '../../io.ts';

type Note = Outputs['memory']['notes'][number];
type Version = Outputs['memory']['history'][number];
type Holder = Inputs['memory']['notes'];

const actions = ['list', 'show', 'edit', 'rm', 'history', 'undo', 'redact'] as const;
type Action = (typeof actions)[number];

/** The notes that outlive sessions: lists, shows and changes them. */
export const memoryCommand: CliCommand = {
  name: 'memory',
  args: [
    ['[action]', 'list, show, edit, rm, history, undo, redact; without one: list'],
    ['[path]', 'the path of the note, such as build/commands.md'],
    ['[version]', 'its number: the text to show, to restore with undo, or to remove with redact (or all)'],
  ],
  about: 'shows and changes the notes of agents that outlive their sessions: your own, or those of a project',
  options: [
    ['--project <project>', 'the notes of a project, by its name or id'],
    ['--person <id>', 'the notes of another person, by the id of the key; for administrators'],
    ['--file <file>', 'with edit: the new text; without it: from standard input, or from your editor ($EDITOR)'],
    ['--deleted', 'with list: deleted notes too'],
    jsonOption,
  ],
  examples: [
    'corral memory list --project web',
    'corral memory edit build/commands.md',
    'corral memory undo build/commands.md',
    'corral memory redact build/commands.md 2',
  ],
  async run(input) {
    const [word = 'list', path, version] = input.args;
    const action = actions.find((one) => one === (word === 'ls' ? 'list' : word));
    if (!action) throw new UsageError(`There is no action "${word}". Use ${actions.join(', ')}.`);
    const server = input.corral();
    const holder = await findHolder(server, input.options);
    if (action === 'list') return await list(server, holder, input);
    if (path === undefined) throw new UsageError(`Name the note: corral memory ${action} <path>`);
    return await act(server, { action, place: { ...holder, path }, version }, input);
  },
};

async function findHolder(server: Corral, options: CommandInput['options']): Promise<Holder> {
  const [project, person] = [options.text('project'), options.text('person')];
  if (project !== undefined && person !== undefined) throw new UsageError('Name a project or a person, not both.');
  if (project === undefined) return { of: 'person', ...(person !== undefined && { id: person }) };
  const all = await server.call((api) => api.memory.list.query());
  const found = all.filter(({ of, id, name }) => of === 'project' && (id === project || name === project));
  const [only] = found;
  if (only && found.length === 1) return { of: 'project', id: only.id };
  throw new UsageError(
    found.length === 0
      ? `There is no project ${project} whose notes you can see.`
      : `${found.length} projects are called ${project}. Name one by its id: ${found.map(({ id }) => id).join(', ')}`,
  );
}

async function list(server: Corral, holder: Holder, { options, io }: CommandInput): Promise<number> {
  const all = await server.call((api) => api.memory.notes.query(holder));
  const shown = all.filter(({ deleted }) => !deleted || options.flag('deleted'));
  for (const note of shown) io.print(options.flag('json') ? JSON.stringify(note) : formatLine(note));
  if (shown.length === 0 && !options.flag('json'))
    io.say('There are no notes. Write one with: corral memory edit <path>');
  return exitCodes.ok.code;
}

interface NoteAction {
  readonly action: Exclude<Action, 'list'>;
  readonly place: Holder & { readonly path: string };
  readonly version: string | undefined;
}

async function act(server: Corral, { action, place, version }: NoteAction, input: CommandInput): Promise<number> {
  const { options, io } = input;
  const isJson = options.flag('json');
  const shown = (note: Note): number => {
    io.print(isJson ? JSON.stringify(note) : formatLine(note));
    return exitCodes.ok.code;
  };
  switch (action) {
    case 'show': {
      const number = parseVersion(version);
      const note = await server.call((api) =>
        api.memory.read.query({ ...place, ...(number !== undefined && { version: number }) }),
      );
      io.print(isJson ? JSON.stringify(note) : printable(note.text).replace(/\n$/, ''));
      return exitCodes.ok.code;
    }
    case 'edit':
      return await edit(server, place, input, shown);
    case 'rm':
      return shown(await server.call((api) => api.memory.delete.mutate(place)));
    case 'history': {
      const versions = await server.call((api) => api.memory.history.query(place));
      for (const one of versions) io.print(isJson ? JSON.stringify(one) : versionLine(one));
      return exitCodes.ok.code;
    }
    case 'undo': {
      const to = parseVersion(version);
      return shown(await server.call((api) => api.memory.undo.mutate({ ...place, ...(to !== undefined && { to }) })));
    }
    case 'redact': {
      if (version === undefined)
        throw new UsageError('Name the version, or all: corral memory redact <path> <version>');
      const which = version === 'all' ? version : (parseVersion(version) ?? 'all');
      return shown(await server.call((api) => api.memory.redact.mutate({ ...place, version: which })));
    }
  }
}

async function edit(
  server: Corral,
  place: NoteAction['place'],
  { options, io }: CommandInput,
  shown: (note: Note) => number,
): Promise<number> {
  const file = options.text('file');
  const notes = await server.call((api) => api.memory.notes.query({ of: place.of, id: place.id }));
  const now = notes.find(({ path, deleted }) => path === place.path && !deleted);
  const expect = now?.version ?? 0;
  const write = async (next: string) =>
    shown(await server.call((api) => api.memory.write.mutate({ ...place, text: next, expect })));
  if (file !== undefined) return await write(await readFile(file, 'utf8'));
  if (!io.canAsk) return await write(await text(io.stdin));
  const before = now ? (await server.call((api) => api.memory.read.query(place))).text : '';
  const after = await inEditor(io, basename(place.path), before);
  if (after !== before) return await write(after);
  io.say('Nothing was changed.');
  return exitCodes.ok.code;
}

/** Opens the text in the user's editor. Resolves with the result. */
async function inEditor(io: Io, name: string, before: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'corral-note-'));
  try {
    const file = join(folder, name);
    await writeFile(file, before);
    const editor = io.env.VISUAL || io.env.EDITOR || 'vi';
    const child = spawn('sh', ['-c', `${editor} "$1"`, 'sh', file], { stdio: 'inherit', signal: io.signal });
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0) throw new UsageError(`${editor} ended with ${code}, so the note stays as it was.`);
    return await readFile(file, 'utf8');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function parseVersion(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (/^[1-9][0-9]{0,8}$/.test(value)) return Number(value);
  throw new UsageError(`${value} is not a version. Use a number from corral memory history.`);
}

const time = (at: string) => at.slice(0, 19).replace('T', ' ');

function formatAuthor(author: Note['author']): string {
  if (author.kind === 'server') return 'the server, by age';
  if (author.kind === 'agent') return `agent of ${author.sessionId}${author.approved ? ', approved' : ''}`;
  return author.id === '' ? 'a person' : `person ${author.id}`;
}

const formatLine = ({ path, size, version, deleted, updatedAt, author }: Note): string =>
  `${oneLine(path, 80).padEnd(32)}  v${version}  ${deleted ? 'deleted' : `${size} bytes`}  ${time(updatedAt)}  ${formatAuthor(author)}`;

function versionLine({ number, at, action, size, text: words, redacted, author }: Version): string {
  const what = redacted ? 'redacted' : words === null ? 'deleted' : `${size} bytes`;
  return `v${number}  ${time(at)}  ${action.padEnd(6)}  ${what}  ${formatAuthor(author)}`;
}
