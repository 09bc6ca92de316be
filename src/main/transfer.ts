import { once } from 'node:events';
import { createReadStream, createWriteStream, existsSync, readFileSync } from 'node:fs';
import { truncate } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { systemClock } from '../core/clock.ts';
import { AppError } from '../core/errors.ts';
import { randomIds } from '../core/ids.ts';
import type { Store } from '../core/ports.ts';
import { largeAside } from '../store/large/large.ts';
import { mongoStore } from '../store/mongo/store.ts';
import { sqliteStore } from '../store/sqlite/store.ts';
import { exportSessions, importSessions, wholeSessions } from '../store/transfer.ts';
import { closeBlobs, openBlobs } from './blobs.ts';
import type { Command } from './command.ts';
import { ownConfig } from './own-config.ts';

/** The store that the settings name, or an error at once: nobody waits for it here. */
async function configured(): Promise<Store> {
  const config = ownConfig();
  const { mongodbUrl: url } = config;
  const dataDir = resolve(config.dataDir);
  await using stack = new AsyncDisposableStack();
  const bare = stack.use(url ? await mongoStore({ url }) : await sqliteStore({ path: join(dataDir, 'corral.db') }));
  await bare.settle();
  const blobs = stack.adopt(await openBlobs({ ...config, dataDir }, systemClock), closeBlobs);
  const { store } = largeAside({ store: bare, blobs, newId: randomIds().short, now: systemClock.now });
  const held = stack.move();
  return { ...store, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

const linesIn = (file: string) =>
  createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY });

function fileIn(args: readonly string[], { usage }: Command, name: string): string {
  const [file, ...rest] = args;
  if (file === undefined || rest.length > 0) throw new AppError('invalid_request', `${name} needs ${usage}.`);
  return file;
}

export const exportCommand: Command = {
  usage: '<file>',
  about: 'writes all sessions of the store to a file of JSON lines; a file that is cut is completed',
  async run(args, { signal, print }) {
    const file = fileIn(args, exportCommand, 'export');
    await using store = await configured();
    const begun = existsSync(file) ? await wholeSessions(linesIn(file)) : { bytes: 0, known: new Set<string>() };
    if (existsSync(file)) {
      if (begun.bytes === 0 && readFileSync(file).length > 0) {
        throw new AppError('conflict', `${file} is something else. Name another file, or remove it.`);
      }
      await truncate(file, begun.bytes);
    }
    const out = createWriteStream(file, { flags: 'a', mode: 0o600 });
    let sessions = 0;
    for await (const line of exportSessions(store, { known: begun.known, signal })) {
      if (begun.bytes > 0 && line.startsWith('{"corral"')) continue;
      if (line.startsWith('{"end"')) sessions++;
      if (!out.write(`${line}\n`)) await once(out, 'drain');
    }
    out.end();
    await once(out, 'finish');
    print(`${sessions} sessions exported to ${file}${begun.known.size > 0 ? `, ${begun.known.size} were there` : ''}`);
    return 0;
  },
};

export const importCommand: Command = {
  usage: '<file>',
  about: 'takes the sessions of such a file into the store; those that are there already stay as they are',
  async run(args, { signal, print }) {
    const file = fileIn(args, importCommand, 'import');
    if (!existsSync(file)) throw new AppError('file_not_found', `There is no file ${file}.`);
    await using store = await configured();
    const { sessions, skipped, events } = await importSessions(store, linesIn(file), signal);
    print(`${sessions} sessions imported, ${skipped} were there already; ${events} events compared with the file`);
    return 0;
  },
};
