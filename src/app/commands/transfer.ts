import { createReadStream, createWriteStream, existsSync, statSync } from 'node:fs';
import { truncate } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream/promises';
import { systemClock } from '../../core/contracts/clock.ts';
import type { Store } from '../../core/contracts/ports.ts';
import { AppError } from '../../core/errors/errors.ts';
import { createIdSource } from '../../core/model/ids.ts';
import { withPayloadOffload } from '../../storage/payload-offload/payload-offload.ts';
import { exportSessions, importSessions, scanInterruptedExport } from '../../storage/transfer.ts';
import { closeBlobStore, openBlobStore, openCommandStore } from '../parts/store.ts';
import type { ServerCommandDefinition } from './command.ts';
import { loadLocalConfig } from './local-config.ts';

/** Unlike the server, a command does not wait for an unavailable store. */
export async function openLocalStore({ mayBegin }: { readonly mayBegin: boolean }): Promise<Store> {
  const config = loadLocalConfig();
  const dataDir = resolve(config.dataDir);
  await using stack = new AsyncDisposableStack();
  const bare = stack.use(await openCommandStore({ ...config, dataDir }, { mayBegin }));
  await bare.settle();
  const blobs = stack.adopt(await openBlobStore({ ...config, dataDir }, systemClock), closeBlobStore);
  const { store } = withPayloadOffload({ store: bare, blobs, newId: createIdSource().short, now: systemClock.now });
  const held = stack.move();
  return { ...store, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

const linesIn = (file: string) =>
  createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY });

function fileIn(args: readonly string[], { usage }: ServerCommandDefinition, name: string): string {
  const [file, ...rest] = args;
  if (file === undefined || rest.length > 0) throw new AppError('invalid_request', `${name} needs ${usage}.`);
  return file;
}

/** Truncates the file after its last complete session. */
async function begunIn(file: string): Promise<{ bytes: number; known: Set<string> }> {
  if (!existsSync(file)) return { bytes: 0, known: new Set() };
  const found = statSync(file);
  const begun = found.isFile() ? await scanInterruptedExport(linesIn(file)) : undefined;
  if (!begun || (begun.bytes === 0 && found.size > 0)) {
    throw new AppError('conflict', `${file} exists and is not an export. Choose another file, or remove it.`);
  }
  await truncate(file, begun.bytes);
  return begun;
}

const unwritable = (file: string) => (thrown: unknown) => {
  if (thrown instanceof AppError) throw thrown;
  const { code } = thrown as NodeJS.ErrnoException;
  if (code === undefined) throw thrown;
  const advice =
    'Check that its folder exists and its disk has space. Data already written is kept, and the next export continues after it.';
  throw new AppError('conflict', `${file} cannot be written (${code}). ${advice}`, { cause: thrown });
};

export const exportCommand: ServerCommandDefinition = {
  usage: '<file>',
  about: 'writes all sessions of the store to a file of JSON lines; an incomplete file is completed',
  async run(args, { signal, print }) {
    const file = fileIn(args, exportCommand, 'export');
    await using store = await openLocalStore({ mayBegin: false });
    const begun = await begunIn(file);
    let sessions = 0;
    async function* lines() {
      for await (const line of exportSessions(store, { known: begun.known, signal })) {
        if (begun.bytes > 0 && line.startsWith('{"corral"')) continue;
        if (line.startsWith('{"end"')) sessions++;
        yield `${line}\n`;
      }
    }
    await pipeline(lines, createWriteStream(file, { flags: 'a', mode: 0o600 })).catch(unwritable(file));
    print(
      `${sessions} sessions exported to ${file}${begun.known.size > 0 ? `, ${begun.known.size} were there before` : ''}`,
    );
    return 0;
  },
};

export const importCommand: ServerCommandDefinition = {
  usage: '<file>',
  about: 'imports sessions from an export file into the store; existing sessions are not changed',
  async run(args, { signal, print }) {
    const file = fileIn(args, importCommand, 'import');
    if (!existsSync(file) || !statSync(file).isFile()) {
      throw new AppError('file_not_found', `There is no file ${file}.`);
    }
    await using store = await openLocalStore({ mayBegin: true });
    const { sessions, skipped, events } = await importSessions(store, linesIn(file), signal);
    print(`${sessions} sessions imported, ${skipped} already existed; ${events} events compared with the file`);
    return 0;
  },
};
