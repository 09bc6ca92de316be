import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Corral } from '../../../client/index.ts';
import type { Inputs } from '../../../client/types.ts';
import { type CliCommandInput, UsageError } from '../../command.ts';
import type { CustomVerbs, VerbCall } from '../../derived.ts';
import { type Io, toPrintable } from '../../io.ts';

type Holder = Inputs['memory']['notes'];

export const customMemoryVerbs: CustomVerbs = {
  options: [
    ['--project <project>', 'the notes of a project, by its name or id'],
    ['--person <id>', 'the notes of another person, by the id of the key; for administrators'],
    ['--file <file>', 'with edit: the new text; without it: from standard input, or from your editor ($EDITOR)'],
    ['--deleted', 'with ls: deleted notes too'],
  ],
  prepare: async ({ server, options }) => ({ fields: { ...(await findHolder(server, options)) } }),
  verbs: {
    async ls({ server, options, show }) {
      const holder = await findHolder(server, options);
      const all = await server.call((api) => api.memory.notes.query(holder));
      show(
        all.filter(({ deleted }) => !deleted || options.flag('deleted')),
        'delete',
      );
    },
    async show(call) {
      const { server, options, io, words } = call;
      const version = words[1] === undefined ? {} : { version: parseVersion(words[1]) };
      const place = await findPlace(call);
      const note = await server.call((api) => api.memory.read.query({ ...place, ...version }));
      io.print(options.flag('json') ? JSON.stringify(note) : toPrintable(note.text).replace(/\n$/, ''));
      return undefined;
    },
    async edit(call) {
      const { server, show, io } = call;
      const place = await findPlace(call);
      const notes = await server.call((api) => api.memory.notes.query({ of: place.of, id: place.id }));
      const now = notes.find(({ path, deleted }) => path === place.path && !deleted);
      const before = now ? (await server.call((api) => api.memory.read.query(place))).text : '';
      const after = await readText(call, basename(place.path), before);
      if (after === undefined) io.say('Nothing was changed.');
      else {
        const change = { ...place, text: after, expect: now?.version ?? 0 };
        show([await server.call((api) => api.memory.write.mutate(change))], 'delete');
      }
    },
  },
};

async function findHolder(server: Corral, options: CliCommandInput['options']): Promise<Holder> {
  const [project, person] = [options.text('project'), options.text('person')];
  if (project !== undefined && person !== undefined) throw new UsageError('Use --project or --person, not both.');
  if (project === undefined) return { of: 'person', ...(person !== undefined && { id: person }) };
  const all = await server.call((api) => api.memory.list.query());
  const found = all.filter(({ of, id, name }) => of === 'project' && (id === project || name === project));
  const [only] = found;
  if (only && found.length === 1) return { of: 'project', id: only.id };
  throw new UsageError(
    found.length === 0
      ? `There is no project ${project} whose notes you can see.`
      : `${found.length} projects are called ${project}. Use an id: ${found.map(({ id }) => id).join(', ')}`,
  );
}

async function findPlace({ verb, words: [path], server, options }: VerbCall): Promise<Holder & { path: string }> {
  if (path === undefined) throw new UsageError(`Specify the note: corral memory ${verb} <path>`);
  return { ...(await findHolder(server, options)), path };
}

function parseVersion(value: string): number {
  if (/^[1-9][0-9]{0,8}$/.test(value)) return Number(value);
  throw new UsageError(`${value} is not a version. Use a number from corral memory history.`);
}

async function readText({ options, io }: CliCommandInput, name: string, before: string): Promise<string | undefined> {
  const file = options.text('file');
  if (file !== undefined) return await readFile(file, 'utf8');
  if (!io.canAsk) return await text(io.stdin);
  const after = await inEditor(io, name, before);
  return after === before ? undefined : after;
}

async function inEditor(io: Io, name: string, before: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'corral-note-'));
  try {
    const file = join(folder, name);
    await writeFile(file, before);
    const editor = io.env.VISUAL || io.env.EDITOR || 'vi';
    const child = spawn('sh', ['-c', `${editor} "$1"`, 'sh', file], { stdio: 'inherit', signal: io.signal });
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0) throw new UsageError(`${editor} ended with ${code}, so the note is unchanged.`);
    return await readFile(file, 'utf8');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
