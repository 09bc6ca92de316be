import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import type { Box } from '../../client/index.ts';
import { isFolderPath } from '../../core/text/file-names.ts';
import { type CliCommand, jsonOption, UsageError } from '../command.ts';
import { type Io, saveToFile } from '../io.ts';
import { findBox } from '../server.ts';

export const cpCommand: CliCommand = {
  name: 'cp',
  args: [
    ['<from>', 'a local file or `<session>:<path>`; `-` is standard input'],
    ['<to>', 'the destination; `-` is standard output'],
  ],
  about: 'copies a file of any size into a sandbox, or out of one',
  options: [jsonOption],
  examples: ['corral cp data.csv last:data/', 'corral cp last:report.pdf .', 'corral cp last:log.txt - | grep error'],
  async run({ args: [from = '', to = ''], options, io, corral }) {
    const [source, target] = [parsePlace(from), parsePlace(to)];
    if ((source === undefined) === (target === undefined)) {
      throw new UsageError(
        'cp copies between this machine and a sandbox: exactly one of the two paths must be <session>:<path>.',
      );
    }
    const { session, path } = source ?? target ?? { session: '', path: '' };
    const box = await findBox(corral(), session);
    const copied = source ? await fetchFile(box, path, { to, io }) : await putFile(box, path, { from, io });
    if (options.flag('json')) (to === '-' ? io.say : io.print)(JSON.stringify({ session: box.id, ...copied }));
  },
};

interface CopyReport {
  readonly from: string;
  readonly to: string;
  readonly size: number;
}

/** Undefined for a local path, such as `./a:b` or `folder/a:b`. */
function parsePlace(word: string): { session: string; path: string } | undefined {
  const [, session = '', path = ''] = /^([a-z0-9][a-z0-9._-]{0,62}):(.*)$/.exec(word) ?? [];
  return session === '' ? undefined : { session, path: path || '.' };
}

const intoFolder = (path: string, name: string) => (isFolderPath(path) ? join(path, name) : path);

async function putFile(box: Box, path: string, { from, io }: { from: string; io: Io }): Promise<CopyReport> {
  const isInput = from === '-';
  const found = isInput ? undefined : await stat(from).catch(() => undefined);
  if (!isInput && !found) throw new UsageError(`There is no file ${from} on this machine. Check the path.`);
  if (found?.isDirectory()) {
    throw new UsageError(`${from} is a folder. Copy it with: tar c ${from} | corral exec ${box.id} tar x`);
  }
  if (isInput && intoFolder(path, 'x') !== path) throw new UsageError('Standard input needs a name: <session>:<path>.');
  const to = intoFolder(path, basename(from));
  const content = isInput
    ? (io.stdin as AsyncIterable<Uint8Array>)
    : createReadStream(from, { highWaterMark: 1 << 18 });
  const { size } = await box.files.write(to, content, { signal: io.signal });
  return { from, to: `${box.id}:${to}`, size };
}

async function fetchFile(box: Box, path: string, { to, io }: { to: string; io: Io }): Promise<CopyReport> {
  const { size, body } = await box.files.stream(path, { signal: io.signal });
  const content = Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]);
  if (to === '-') {
    await saveToFile(to, content, io);
    return { from: `${box.id}:${path}`, to, size };
  }
  const isFolder = (await stat(to).catch(() => undefined))?.isDirectory() === true || to.endsWith('/');
  const file = isFolder ? join(to, basename(path)) : to;
  await saveToFile(file, content, io);
  return { from: `${box.id}:${path}`, to: file, size };
}
