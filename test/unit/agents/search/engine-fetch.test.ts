import type { RequestListener } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { fetchFromSearchEngine } from '../../../../src/agents/search/engine-fetch.ts';
import { freePort } from '../../../support/servers/free-port.ts';
import { httpServer } from '../../../support/servers/http-server.ts';

async function engine(answer: RequestListener): Promise<string> {
  const server = await httpServer(answer);
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server.url;
}

test('a redirect is not followed, so the key goes to no other host', async () => {
  const requests: unknown[] = [];
  const url = await engine(({ url: path }, res) => {
    requests.push(path);
    res.writeHead(302, { location: '/elsewhere' }).end();
  });
  expect([(await fetchFromSearchEngine(`${url}/search`)).status, requests]).toEqual([302, ['/search']]);
});

test('an engine that does not answer is named, with the setting to check', async () => {
  const host = `127.0.0.1:${await freePort()}`;
  await expect(fetchFromSearchEngine(`http://${host}/search?q=a`)).rejects.toMatchObject({
    code: 'not_found',
    publicMessage: `The search engine at ${host} cannot be reached (ECONNREFUSED). Check search.base-url.`,
  });
});

test('a search that is cancelled ends with the reason of its signal', async () => {
  const url = await engine(() => {});
  const why = new Error('stopped');
  const controller = new AbortController();
  const requested = fetchFromSearchEngine(url, { signal: controller.signal });
  controller.abort(why);
  await expect(requested).rejects.toBe(why);
});
