import { join, resolve } from 'node:path';
import { systemClock } from '../../core/contracts/clock.ts';
import { AppError } from '../../core/errors/errors.ts';
import { recoverDatabase } from '../../storage/sqlite/recover.ts';
import { assertStoreExists } from '../parts/store.ts';
import type { ServerCommandDefinition } from './command.ts';
import { loadLocalConfig } from './local-config.ts';

export const repairCommand: ServerCommandDefinition = {
  usage: '',
  about: 'recovers what can be read from a damaged SQLite store into a new file, and keeps the damaged one',
  async run(args, { print }) {
    if (args.length > 0) {
      const why = `repair takes no arguments, but got ${args.join(' ')}. CORRAL_DATA_DIR sets the folder of the store.`;
      throw new AppError('invalid_request', why);
    }
    const config = loadLocalConfig();
    if (config.mongodbUrl) {
      throw new AppError('unsupported', 'The history is in MongoDB, which repairs itself: see the MongoDB manual.');
    }
    const path = join(resolve(config.dataDir), 'corral.db');
    assertStoreExists(path);
    const { kept, events, records, gaps } = recoverDatabase(path, systemClock.now());
    if (!kept) {
      print(`${path} is not damaged: nothing was changed.`);
      return 0;
    }
    print(
      `${path} contains the ${events} events and ${records} records that could be read; sessions with gaps: ${gaps}.`,
    );
    print(`The damaged file was kept as ${kept}.`);
    return 0;
  },
};
