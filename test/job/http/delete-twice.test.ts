// @module-tag all
import { expect, test } from 'vitest';
import { api } from '../../support/clients/api.ts';
import { serverProcess } from '../../support/servers/server-process.ts';

test('F110 ten deletes at the same moment: one succeeds, and the others find no session', async () => {
  await using server = await serverProcess({ CORRAL_DRIVER: 'memory' });
  const client = api(server.url);
  const id = await client.create();
  const answers = await Promise.all(Array.from({ length: 10 }, () => client.remove(id)));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(9).fill(404)]);
});
