import { Readable } from 'node:stream';
import type { Outputs } from '../../client/types.ts';
import { type CliCommand, jsonOption } from '../command.ts';
import { exitCodes, UsageError } from '../exit-codes.ts';
import { oneLine } from '../io.ts';
import { readFrom, saveTo } from '../local-file.ts';
import { findBox } from '../server.ts';

type Snapshot = Outputs['snapshots']['list'][number];

const formatLine = ({ id, name, createdAt, bytes, sessionId }: Snapshot): string =>
  `${id}  ${oneLine(name ?? '-', 40).padEnd(24)}  ${createdAt}  ${String(bytes).padStart(12)}  ${sessionId}`;

/** The snapshots of the caller: creates, lists and deletes them. */
export const snapshotCommand: CliCommand = {
  name: 'snapshot',
  args: [
    ['[action]', 'ls (or list), create, delete, export, import; without one: ls'],
    ['[word]', 'with create: the session; with delete and export: the id or name of a snapshot; with import: its file'],
    ['[file]', 'with export: the file to write; `-`, also for import, is the standard output or input'],
  ],
  about: 'keeps copies of sandbox files for new sandboxes, and moves them between installations',
  options: [
    ['--name <name>', 'with create and import: a name, optionally with a tag (cache:v2), taken from an older snapshot'],
    ['--label <name=value...>', 'with create: labels'],
    jsonOption,
  ],
  examples: [
    'corral snapshot create last --name build-cache',
    'corral snapshot',
    'corral snapshot export build-cache cache.tar',
    'corral snapshot import cache.tar --name build-cache',
    'corral snapshot delete build-cache',
  ],
  async run({ args: [action = 'ls', word, file], options, io, corral }) {
    const server = corral();
    const isJson = options.flag('json');
    const list = () => server.call((api) => api.snapshots.list.query());
    if (action === 'ls' || action === 'list') {
      const all = await list();
      for (const one of all) io.print(isJson ? JSON.stringify(one) : formatLine(one));
      if (all.length === 0 && !isJson)
        io.say('There are no snapshots. Create one with: corral snapshot create <session>');
      return exitCodes.ok.code;
    }
    if (action === 'create') {
      if (word === undefined) throw new UsageError('Name the session: corral snapshot create <session>');
      const labels = parseLabels(options.texts('label'));
      const { id: sessionId } = await findBox(server, word);
      const name = options.text('name');
      const requested = { sessionId, labels, ...(name !== undefined && { name }) };
      const created = await server.call((api) => api.snapshots.create.mutate(requested));
      io.print(isJson ? JSON.stringify(created) : created.id);
      return exitCodes.ok.code;
    }
    if (action === 'export') {
      if (word === undefined || file === undefined)
        throw new UsageError('Name the snapshot and a file: corral snapshot export <id or name> <file>');
      const { body } = await server.exportSnapshot(word, { signal: io.signal });
      await saveTo(file, Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]), io);
      return exitCodes.ok.code;
    }
    if (action === 'import') {
      if (word === undefined) throw new UsageError('Name the file: corral snapshot import <file>');
      const name = options.text('name');
      const content = await readFrom(word, io);
      const created = await server.importSnapshot(content, { ...(name !== undefined && { name }), signal: io.signal });
      io.print(isJson ? JSON.stringify(created) : created.id);
      return exitCodes.ok.code;
    }
    if (action !== 'delete')
      throw new UsageError(`There is no action "${action}". Use ls, create, delete, export or import.`);
    if (word === undefined) throw new UsageError('Name the snapshot: corral snapshot delete <id or name>');
    const found = (await list()).find(({ id, name }) => id === word || name === word);
    await server.call((api) => api.snapshots.delete.mutate({ id: found?.id ?? word })); // the server reports that it is missing
    return exitCodes.ok.code;
  },
};

function parseLabels(values: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    values.map((one) => {
      const [, name, value] = /^([^=]+)=(.*)$/s.exec(one) ?? [];
      if (name === undefined || value === undefined) throw new UsageError(`--label ${one}: write name=value.`);
      return [name, value];
    }),
  );
}
