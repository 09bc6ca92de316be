import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { buildImageCommand } from '../../../../src/app/commands/build-image.ts';
import { runServerCommand } from '../../../support/servers/run-command.ts';
import { temporaryFolder } from '../../../support/stores/store.ts';

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
  vi.stubEnv('CORRAL_DATA_DIR', folder.path);
});
afterEach(() => {
  vi.unstubAllEnvs();
  folder[Symbol.dispose]();
});

/** The command with an engine that has every image. Resolves with what it prints and the engine's requests. */
async function run(...args: string[]) {
  const requests: string[] = [];
  const engine = createServer((req, res) => {
    requests.push(`${req.method} ${decodeURIComponent(req.url ?? '')}`);
    res.writeHead(req.method === 'POST' ? 201 : 200, { 'content-type': 'application/json' }).end('{"Id":"sha256:1"}');
  });
  const socket = join(folder.path, 'engine.sock');
  await new Promise<void>((resolve) => engine.listen(socket, resolve));
  try {
    return { ...(await runServerCommand(buildImageCommand, ...args, '--engine', `unix://${socket}`)), requests };
  } finally {
    engine.closeAllConnections();
    engine.close();
  }
}

test('without a tag an image is built under the name by which a server finds it', async () => {
  const { code, printed, requests } = await run('--code');
  expect([code, printed]).toEqual([0, [expect.stringMatching(/^corral\/sandbox-code:[0-9a-f]{12}$/)]]);
  expect(requests.filter((line) => line.startsWith('POST'))).toEqual([]);
});

test('with a tag the image gets that name too', async () => {
  const { printed, requests } = await run('--tag', 'registry.example.com/mine:1');
  expect(printed).toEqual(['registry.example.com/mine:1']);
  expect(requests.at(-1)).toMatch(/^POST .*corral\/sandbox:[0-9a-f]{12}\/tag\?.*tag=1/);
});

test('two kinds of image at once are refused', () =>
  expect(run('--code', '--desktop')).rejects.toMatchObject({ code: 'invalid_request' }));
