// @module-tag all
import { expect } from 'vitest';
import { test } from '../../support/fixtures.ts';
import { eachNeeds } from '../../support/servers/components.ts';

eachNeeds('bubblewrap');

test('a port of a box is listed, answers a program without the token, ends when it is closed', async ({ owner }) => {
  const box = await owner.corral.create();
  const report = 'response.end(JSON.stringify(request.headers))';
  await box.files.write(
    'server.cjs',
    `require('node:http').createServer((request, response) => ${report}).listen(3000)`,
  );
  const terminal = await box.terminal(); // a command ends with every process it started
  await terminal.write('node server.cjs\r');
  await expect.poll(async () => (await box.ports()).map(({ port }) => port)).toEqual([3000]);
  const port = box.port(3000);
  expect(await port.url).toMatch(new RegExp(`^http://3000-${box.id}\\.localhost:\\d+/\\?corral_preview=`));
  const answer = await port.fetch('/a');
  const headers = (await answer.json()) as Record<string, string>;
  expect(headers.host).toBe('localhost:3000');
  expect(headers).not.toHaveProperty('authorization');
  const { path } = await port.open();
  await port.close();
  expect((await fetch(owner.corral.address + path)).status).toBe(401);
  await expect(box.preview(3128)).rejects.toMatchObject({ code: 'forbidden' });
});
