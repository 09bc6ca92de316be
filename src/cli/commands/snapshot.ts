import type { CustomVerbs } from '../derived.ts';
import { UsageError } from '../exit-codes.ts';
import { readLocalFile, saveToFile } from '../local-file.ts';

export const customSnapshotVerbs: CustomVerbs = {
  verbs: {
    async export({ words: [word, file], server, io }) {
      if (word === undefined || file === undefined)
        throw new UsageError('Name the snapshot and a file: corral snapshot export <id or name> <file>');
      const { body } = await server.exportSnapshot(word, { signal: io.signal });
      await saveToFile(file, body, io);
    },
    async import({ words: [file], options, server, io, show }) {
      if (file === undefined) throw new UsageError('Name the file: corral snapshot import <file>');
      const name = options.text('name');
      const content = await readLocalFile(file, io);
      const importOptions = { ...(name !== undefined && { name }), signal: io.signal };
      show([await server.importSnapshot(content, importOptions)], 'create');
      return undefined;
    },
  },
};
