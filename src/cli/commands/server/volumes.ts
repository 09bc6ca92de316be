import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { UsageError } from '../../command.ts';
import type { CustomVerbs, VerbCall } from '../../derived.ts';
import { type Io, saveToFile } from '../../io.ts';

function wordsOf(
  { verb, words }: VerbCall,
  ...needed: readonly string[]
): readonly [string, string, string | undefined] {
  if (words.length < needed.length)
    throw new UsageError(`Write: corral volume ${verb} ${needed.map((one) => `<${one}>`).join(' ')}`);
  return [words[0] ?? '', words[1] ?? '-', words[2]];
}

export const customVolumeVerbs: CustomVerbs = {
  verbs: {
    async get(call) {
      const [volume, path, file = '-'] = wordsOf(call, 'volume', 'path');
      const { body } = await call.server.volumes.read(volume, path, { signal: call.io.signal });
      await saveToFile(file, body, call.io);
    },
    async put(call) {
      const [volume, path, file = '-'] = wordsOf(call, 'volume', 'path');
      const content = await readLocalFile(file, call.io);
      await call.server.volumes.write(volume, path, content, { signal: call.io.signal });
      return undefined;
    },
    async backup(call) {
      const [volume, file] = wordsOf(call, 'volume');
      await saveToFile(file, await call.server.volumes.backup(volume, { signal: call.io.signal }), call.io);
    },
    async restore(call) {
      const [volume, file] = wordsOf(call, 'volume');
      const content = await readLocalFile(file, call.io);
      call.show([await call.server.volumes.restore(volume, content, { signal: call.io.signal })], 'ls');
      return undefined;
    },
  },
};

export const customSnapshotVerbs: CustomVerbs = {
  verbs: {
    async export({ words: [word, file], server, io }) {
      if (word === undefined || file === undefined)
        throw new UsageError('Specify the snapshot and a file: corral snapshot export <id or name> <file>');
      const { body } = await server.exportSnapshot(word, { signal: io.signal });
      await saveToFile(file, body, io);
    },
    async import({ words: [file], options, server, io, show }) {
      if (file === undefined) throw new UsageError('Specify the file: corral snapshot import <file>');
      const name = options.text('name');
      const content = await readLocalFile(file, io);
      const importOptions = { ...(name !== undefined && { name }), signal: io.signal };
      show([await server.importSnapshot(content, importOptions)], 'create');
      return undefined;
    },
  },
};

async function readLocalFile(file: string, io: Io): Promise<AsyncIterable<Uint8Array>> {
  if (file === '-') return io.stdin as AsyncIterable<Uint8Array>;
  if (!(await stat(file).catch(() => undefined))?.isFile())
    throw new UsageError(`There is no file ${file} on this machine. Check the path.`);
  return createReadStream(file, { highWaterMark: 1 << 18 });
}
