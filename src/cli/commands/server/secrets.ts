import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import type { Corral } from '../../../client/index.ts';
import type { Outputs } from '../../../client/types.ts';
import { type CliCommand, jsonOption, type Options } from '../../command.ts';
import { exitCodes, UsageError } from '../../exit-codes.ts';
import type { Io } from '../../io.ts';
import { findBox } from '../../server.ts';

type Secret = Outputs['serverCredentials']['put'] | Outputs['sessionCredentials']['put'];
interface NewSecret {
  readonly name: string;
  readonly value: string;
  readonly hosts: string[];
  readonly header?: string;
  readonly scheme?: 'bearer' | 'basic';
  readonly user?: string;
  readonly env: string[];
  readonly paths?: string[];
}
/** The secrets of one session, of one project, or of all sandboxes of the server. */
interface SecretHolder {
  list(): Promise<readonly Secret[]>;
  set(secret: NewSecret): Promise<Secret>;
  remove(name: string): Promise<unknown>;
}

/** Keeps secrets that sandboxes use and never see. */
export const secretCommand: CliCommand = {
  name: 'secret',
  args: [
    ['[action]', 'ls (or list), set, remove; without one: ls'],
    ['[name]', 'a name such as weather, for set and remove'],
  ],
  about:
    'keeps secrets that the egress proxy adds to requests for their hosts; no sandbox and no answer contains a value',
  options: [
    ['--session <session>', 'the secrets of one session'],
    ['--project <project>', 'the secrets of all sessions of a project, by its name or id'],
    ['--host <host...>', 'with set: hosts whose requests get the value, such as api.example.com or *.example.com'],
    ['--header <name>', 'with set: the header for the plain value; default: Authorization: Bearer'],
    ['--scheme <scheme>', 'with set: bearer, or basic with --user'],
    ['--user <name>', 'with set: the name of basic'],
    ['--variable <name...>', 'with set: variables of the sandbox that get a placeholder'],
    ['--path <path...>', 'with set: only requests below these paths'],
    ['--file <file>', 'with set: the file with the value; default: standard input'],
    jsonOption,
  ],
  examples: [
    'corral secret',
    'corral secret set weather --host api.weather.example --header x-api-key < key.txt',
    'corral secret set model --session last --host api.model.example --variable MODEL_KEY --file key.txt',
    'corral secret remove weather',
  ],
  async run({ args: [action = 'ls', name], options, io, corral }) {
    const holder = await findHolder(corral(), options);
    const isJson = options.flag('json');
    const show = (secret: Secret) => io.print(isJson ? JSON.stringify(secret) : formatLine(secret));
    if (action === 'ls' || action === 'list') {
      const all = await holder.list();
      all.forEach(show);
      if (all.length === 0 && !isJson)
        io.say('There are no secrets. Add one with: corral secret set <name> --host <host>');
      return exitCodes.ok.code;
    }
    if (action !== 'set' && action !== 'remove')
      throw new UsageError(`There is no action "${action}". Use ls, set or remove.`);
    if (name === undefined) throw new UsageError(`Name the secret: corral secret ${action} <name>`);
    if (action === 'set') {
      const places = parsePlaces(options);
      show(await holder.set({ name, ...places, value: await readValue(options.text('file'), io) }));
      return exitCodes.ok.code;
    }
    await holder.remove(name);
    if (!isJson) io.print(name);
    return exitCodes.ok.code;
  },
};

function formatLine({ name, hosts, header, scheme, env }: Secret): string {
  const facts = [scheme === null ? header : `${header}: ${scheme}`, ...env.map((variable) => `$${variable}`)];
  return `${name.padEnd(24)}  ${hosts.join(', ')}  ${facts.join(' ')}`;
}

async function findHolder(server: Corral, options: Options): Promise<SecretHolder> {
  const [session, project] = [options.text('session'), options.text('project')];
  if (session !== undefined && project !== undefined) throw new UsageError('Use --session or --project, not both.');
  if (session !== undefined) {
    const { id: sessionId } = await findBox(server, session);
    return {
      list: () => server.call((api) => api.sessionCredentials.list.query({ sessionId })),
      set: (secret) => server.call((api) => api.sessionCredentials.put.mutate({ sessionId, ...secret })),
      remove: (name) => server.call((api) => api.sessionCredentials.revoke.mutate({ sessionId, name })),
    };
  }
  if (project !== undefined) {
    const { projects: all } = await server.call((api) => api.projects.list.query());
    const found = all.filter(({ id, name }) => id === project || name === project);
    if (found.length > 1) throw new UsageError(`${found.length} projects are called ${project}. Name one by its id.`);
    const projectId = found[0]?.id ?? project;
    return {
      list: () => server.call((api) => api.projectCredentials.list.query({ projectId })),
      set: (secret) => server.call((api) => api.projectCredentials.put.mutate({ projectId, ...secret })),
      remove: (name) => server.call((api) => api.projectCredentials.revoke.mutate({ projectId, name })),
    };
  }
  return {
    list: () => server.call((api) => api.serverCredentials.list.query()),
    set: (secret) => server.call((api) => api.serverCredentials.put.mutate(secret)),
    remove: (name) => server.call((api) => api.serverCredentials.revoke.mutate({ name })),
  };
}

function parsePlaces(options: Options): Omit<NewSecret, 'name' | 'value'> {
  const [header, scheme, user] = [options.text('header'), options.text('scheme'), options.text('user')];
  const [hosts, paths] = [options.texts('host'), options.texts('path')];
  if (hosts.length === 0) throw new UsageError('Set the hosts whose requests get the value: --host api.example.com');
  if (scheme !== undefined && scheme !== 'bearer' && scheme !== 'basic')
    throw new UsageError(`--scheme must be bearer or basic, not ${scheme}.`);
  return {
    hosts: [...hosts],
    env: [...options.texts('variable')],
    ...(header !== undefined && { header }),
    ...(scheme !== undefined && { scheme }),
    ...(user !== undefined && { user }),
    ...(paths.length > 0 && { paths: [...paths] }),
  };
}

/** Reads the value from a file or a pipe, never from an argument, which other users of the machine can see. */
async function readValue(file: string | undefined, io: Io): Promise<string> {
  if (file === undefined && io.stdin.isTTY)
    throw new UsageError(
      'The value comes from a file or a pipe: --file key.txt, or < key.txt. Other users can see arguments.',
    );
  const value = file === undefined ? await textOf(io.stdin) : await readFile(file, 'utf8').catch(() => undefined);
  if (value === undefined) throw new UsageError(`${file} cannot be read.`);
  return value.replace(/\r?\n$/, '');
}
