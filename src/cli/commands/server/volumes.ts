import { Readable } from 'node:stream';
import type { Corral, Volume } from '../../../client/index.ts';
import { type CliCommand, type CommandInput, jsonOption } from '../../command.ts';
import { exitCodes, UsageError } from '../../exit-codes.ts';
import { type Io, oneLine } from '../../io.ts';
import { readFrom, saveTo } from '../../local-file.ts';

const actions = ['ls', 'create', 'show', 'set', 'delete', 'files', 'get', 'put', 'rm', 'backup', 'restore'] as const;
type Action = (typeof actions)[number];

/** Storage that outlives sessions: volumes, and their content. */
export const volumeCommand: CliCommand = {
  name: 'volume',
  args: [
    ['[action]', `${actions.join(', ')}; without one: ls`],
    ['[volume]', 'the name of a new volume, or the id or name of an existing one'],
    [
      '[path]',
      'with files, get, put and rm: a path in it; with backup and restore: a local archive (- is standard output or input)',
    ],
    ['[file]', 'with get and put: a local file; - is standard output or input'],
  ],
  about: 'keeps files beyond sessions: volumes that sessions mount, and their content',
  options: [
    ['--quota <size>', 'with create and set: its maximum size, such as 2GiB'],
    ['--name <name>', 'with set: a new name'],
    jsonOption,
  ],
  examples: [
    'corral volume create build-cache --quota 2GiB',
    'corral run --volume build-cache:/mnt/cache:write "Build the project; the cache is in /mnt/cache"',
    'corral volume files build-cache',
    'corral volume put build-cache models/small.bin small.bin',
    'corral volume backup build-cache cache.tar.gz',
    'corral volume restore build-cache cache.tar.gz',
  ],
  async run(input) {
    const [word = 'ls', volume, ...rest] = input.args;
    const action = actions.find((one) => one === (word === 'list' ? 'ls' : word));
    if (!action) throw new UsageError(`There is no action "${word}". Use one of ${actions.join(', ')}.`);
    const server = input.corral();
    if (action === 'ls') return await list(server, input);
    if (volume === undefined) throw new UsageError(`Name the volume: corral volume ${action} <volume>`);
    const shown = await act(server, { action, volume, rest }, input);
    if (shown !== undefined) input.io.print(input.options.flag('json') ? JSON.stringify(shown) : formatResult(shown));
    return exitCodes.ok.code;
  },
};

interface Request {
  readonly action: Exclude<Action, 'ls'>;
  readonly volume: string;
  readonly rest: readonly (string | undefined)[];
}

async function list(server: Corral, { options, io }: CommandInput): Promise<number> {
  const isJson = options.flag('json');
  const all = await server.volumes.list();
  for (const one of all) io.print(isJson ? JSON.stringify(one) : formatLine(one));
  if (all.length === 0 && !isJson) io.say('There are no volumes. Create one with: corral volume create <name>');
  return exitCodes.ok.code;
}

async function act(
  { volumes }: Corral,
  { action, volume, rest: [path, file] }: Request,
  { options, io }: CommandInput,
): Promise<object | string | undefined> {
  const [quota, name] = ['quota', 'name'].map((one) => options.text(one));
  const read = (what: string) => {
    if (path === undefined) throw new UsageError(`Name ${what}: corral volume ${action} ${volume} <${what}>`);
    return path;
  };
  const { signal } = io;
  switch (action) {
    case 'create':
      return await volumes.create(volume, quota === undefined ? {} : { quota });
    case 'show':
      return await volumes.get(volume);
    case 'set':
      if (quota === undefined && name === undefined) throw new UsageError('Nothing to set. Pass --quota or --name.');
      return await volumes.update(volume, {
        ...(quota !== undefined && { quota }),
        ...(name !== undefined && { name }),
      });
    case 'delete':
      return void (await volumes.remove(volume));
    case 'files': {
      const entries = await volumes.files(volume, path ?? '.');
      if (options.flag('json')) return entries;
      const lines = entries.map(
        (one) =>
          `${String(one.size ?? '-').padStart(14)}  ${one.modified}  ${oneLine(one.name, 200)}${one.type === 'directory' ? '/' : ''}`,
      );
      return lines.length > 0 ? lines.join('\n') : undefined;
    }
    case 'get':
      return void (await save((await volumes.read(volume, read('path'), { signal })).body, file ?? '-', io));
    case 'put':
      return void (await volumes.write(volume, read('path'), await readFrom(file ?? '-', io), { signal }));
    case 'rm':
      return void (await volumes.removeFile(volume, read('path')));
    case 'backup':
      return void (await save(await volumes.backup(volume, { signal }), path ?? '-', io));
    case 'restore':
      return await volumes.restore(volume, await readFrom(path ?? '-', io), { signal });
  }
}

const isVolume = (shown: object): shown is Volume => 'quotaBytes' in shown;
const formatResult = (shown: object | string) =>
  typeof shown === 'string' ? shown : isVolume(shown) ? formatLine(shown) : JSON.stringify(shown);

function formatLine({ id, name, usedBytes, quotaBytes, mounts }: Volume): string {
  const writer = mounts.find(({ access }) => access === 'write');
  const readers = mounts.filter(({ access }) => access === 'read').length;
  const users = [...(writer ? [`written by ${writer.sessionId}`] : []), ...(readers > 0 ? [`${readers} read`] : [])];
  return `${id}  ${oneLine(name, 40).padEnd(24)}  ${usedBytes} of ${quotaBytes} bytes${users.length > 0 ? `  ${users.join(', ')}` : ''}`;
}

const save = (body: ReadableStream<Uint8Array>, file: string, io: Io): Promise<void> =>
  saveTo(file, Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]), io);
