import { join, resolve } from 'node:path';
import { systemClock } from '../../core/contracts/clock.ts';
import { AppError } from '../../core/errors/errors.ts';
import { recoverFile } from '../../storage/sqlite/recover.ts';
import { assertStoreExists } from '../parts/store.ts';
import type { Command } from './command.ts';
import { localConfig } from './local-config.ts';

export const repairCommand: Command = {
  usage: '',
  about: 'takes what can be read of a damaged SQLite store into a new file; the damaged one is kept beside it',
  async run(args, { print }) {
    if (args.length > 0) {
      const why = `repair takes no arguments, and it got ${args.join(' ')}. CORRAL_DATA_DIR says where the store is.`;
      throw new AppError('invalid_request', why);
    }
    const config = localConfig();
    if (config.mongodbUrl) {
      throw new AppError('unsupported', 'The history is in MongoDB, which repairs itself: see its own manual.');
    }
    const path = join(resolve(config.dataDir), 'corral.db');
    assertStoreExists(path);
    const { kept, events, records, gaps } = recoverFile(path, systemClock.now());
    if (!kept) {
      print(`${path} is sound: nothing was changed.`);
      return 0;
    }
    print(`${path} holds ${events} events and ${records} records that could be read; sessions with gaps: ${gaps}.`);
    print(`The damaged file is kept as ${kept}.`);
    return 0;
  },
};
