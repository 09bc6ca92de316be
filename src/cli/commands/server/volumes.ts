import type { CustomVerbs, VerbCall } from '../../derived.ts';
import { UsageError } from '../../exit-codes.ts';
import { readLocalFile, saveToFile } from '../../local-file.ts';

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
