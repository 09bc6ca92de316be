// @module-tag nightly
import { join } from 'node:path';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { browse } from '../../support/clients/browser.ts';
import { serverProcess } from '../../support/servers/server-process.ts';

const root = join(import.meta.dirname, '../../..');

test('the client runs in a browser', async (context) => {
  await using server = await serverProcess({ CORRAL_DRIVER: 'process' });
  const { page, complaints } = await browse(context, { width: 800, height: 600 });
  const source = `
    import { Corral } from ${JSON.stringify(join(root, 'src/client/index.ts'))};
    const box = await Corral.create({ url: location.origin });
    const ended = await box.exec('cat; echo oh >&2; exit 3', { stdin: 'hello' });
    await box.files.write('a.txt', new Blob(['one']).stream());
    const run = await box.run('Say hi');
    const types = [];
    for await (const event of run) types.push(event.type);
    document.title = JSON.stringify([ended.stdout, ended.stderr, ended.exitCode, await box.files.read('a.txt'), types.at(-1)]);
  `;
  const { outputFiles } = await build({
    stdin: { contents: source, loader: 'ts', resolveDir: root },
    bundle: true,
    format: 'esm',
    write: false,
  });
  const code = outputFiles[0]?.text ?? '';
  await page.route('**/try-client', (route) =>
    route.fulfill({ contentType: 'text/html', body: '<script type="module" src="/try-client.js"></script>' }),
  );
  await page.route('**/try-client.js', (route) => route.fulfill({ contentType: 'text/javascript', body: code }));
  await page.goto(`${server.url}/try-client`);
  await expect.poll(() => page.title()).toBe('["hello","oh\\n",3,"one","run.end"]');
  expect(complaints).toEqual([]);
});
