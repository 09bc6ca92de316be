import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import type { Corral } from '../../../client/index.ts';
import { type ParsedOptions, UsageError } from '../../command.ts';
import type { CustomVerbs } from '../../derived.ts';
import type { Io } from '../../io.ts';
import { findBox, findProjectId } from '../../server.ts';

export const customSecretVerbs: CustomVerbs = {
  options: [
    ['--session <session>', 'the secrets of one session'],
    ['--project <project>', 'the secrets of all sessions of a project, by its name or id'],
    ['--file <file>', 'with set: the file with the value; default: standard input'],
  ],
  async prepare({ verb, server, options, io }) {
    const holder = await findHolder(server, options);
    if (verb !== 'set') return holder;
    return { ...holder, fields: { ...holder.fields, value: await readValue(options.text('file'), io) } };
  },
};

async function findHolder(server: Corral, options: ParsedOptions) {
  const [session, project] = [options.text('session'), options.text('project')];
  if (session !== undefined && project !== undefined) throw new UsageError('Use --session or --project, not both.');
  if (session !== undefined)
    return { router: 'sessionCredentials', fields: { sessionId: (await findBox(server, session)).id } };
  if (project === undefined) return {};
  return { router: 'projectCredentials', fields: { projectId: await findProjectId(server, project) } };
}

async function readValue(file: string | undefined, io: Io): Promise<string> {
  if (file === undefined && io.stdin.isTTY)
    throw new UsageError(
      'The value comes from a file or a pipe: --file key.txt, or < key.txt. Other users can see arguments.',
    );
  const value = file === undefined ? await textOf(io.stdin) : await readFile(file, 'utf8').catch(() => undefined);
  if (value === undefined) throw new UsageError(`${file} cannot be read.`);
  return value.replace(/\r?\n$/, '');
}
