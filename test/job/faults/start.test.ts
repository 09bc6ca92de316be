// @module-tag all
// A failed start must end the process, so that its supervisor starts another one. A process that serves no client must
// not stay.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { serverProgram } from '../../support/servers/built-server.ts';
import { freePort } from '../../support/servers/free-port.ts';
import { mongoUrl, rawDatabase, skipMongo } from '../../support/stores/mongo.ts';
import { mongoProxy } from '../../support/stores/mongo-proxy.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

describe.skipIf(skipMongo)('a start on MongoDB (needs TEST_MONGODB_URL)', () => {
  test('a server whose database refuses its user during its start reports it and exits', async () => {
    const name = `corral_${crypto.randomUUID().slice(0, 8)}`;
    await using proxy = await mongoProxy(mongoUrl as string);
    using folder = temporaryFolder();
    // MongoDB's code for a user without a right. Waiting cannot help, unlike with a shutdown.
    proxy.cause(/^(find|findAndModify|update|insert) records/, 13, Number.POSITIVE_INFINITY);
    const env = {
      PATH: process.env.PATH,
      PORT: String(await freePort()),
      CORRAL_DRIVER: 'memory',
      CORRAL_DATA_DIR: folder.path,
      MONGODB_URL: proxy.url + name,
    };
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', serverProgram()], { env });
    let output = '';
    child.stderr.on('data', (chunk) => {
      output += chunk;
    });
    child.stdout.resume();
    const ended = once(child, 'exit', { signal: AbortSignal.timeout(20_000) });
    const [code] = await ended.catch(() => ['it did not end']).finally(() => child.kill('SIGKILL'));
    await rawDatabase(name, (db) => db.dropDatabase());
    expect({ code, output }, proxy.seen.join('; ')).toMatchObject({
      code: 1,
      output: expect.stringContaining('lacks a right that the store needs'),
    });
  });
});
