import { expect, test } from 'vitest';
import { createWebSearch, type SearchEngineName } from '../../../../src/agents/search/engines.ts';
import { createWebSearchTool } from '../../../../src/agents/tools/web/search.ts';
import { Secret } from '../../../../src/core/text/secret.ts';
import { toolBench } from '../../../support/agents/tools.ts';

const soon = () => AbortSignal.timeout(60_000);
const settings = { baseUrl: 'http://search.example/api', key: new Secret('k-1'), engineId: 'cx-1' };
const page = { title: 'A page', url: 'https://a.example/' };
const hit = { title: 'A page', link: 'https://a.example/', snippet: 'About a.' };

function answering(body: unknown, status = 200) {
  const requests: { url: URL; init: RequestInit }[] = [];
  const fetch = async (url: string | URL, init: RequestInit = {}) => {
    requests.push({ url: new URL(url), init });
    return new Response(typeof body === 'string' ? body : JSON.stringify(body), { status });
  };
  return { requests, fetch };
}

test.each<[SearchEngineName, object, string]>([
  ['searxng', { results: [{ ...page, content: 'About a.' }] }, '/api/search?q=two+words&format=json'],
  ['brave', { web: { results: [{ ...page, description: 'About a.' }] } }, '/api/web/search?q=two+words&count=5'],
  ['tavily', { results: [{ ...page, content: 'About a.' }] }, '/api/search'],
  ['google', { items: [hit] }, '/api/customsearch/v1?q=two+words&num=5&cx=cx-1&key=k-1'],
])('%s is called in its own way, and its hits have one form', async (name, body, path) => {
  const { fetch, requests } = answering(body);
  expect(await createWebSearch(name, settings, fetch).search('two words', 5, soon())).toEqual([hit]);
  expect(`${requests[0]?.url.pathname}${requests[0]?.url.search}`).toBe(path);
});

test('keys go where each engine looks for them', async () => {
  const brave = answering({});
  await createWebSearch('brave', settings, brave.fetch).search('x', 1, soon());
  expect(brave.requests[0]?.init.headers).toMatchObject({ 'x-subscription-token': 'k-1' });
  const tavily = answering({});
  await createWebSearch('tavily', settings, tavily.fetch).search('x', 1, soon());
  expect(tavily.requests[0]?.init).toMatchObject({ method: 'POST', headers: { authorization: 'Bearer k-1' } });
  expect(JSON.parse(String(tavily.requests[0]?.init.body))).toEqual({ query: 'x', max_results: 1 });
});

test.each([
  ['a wrong key', 'no', 403, 'check search.key'],
  ['a spent quota', 'no', 429, 'Try again later'],
  ['a failure', 'no', 500, 'answered 500'],
  ['no JSON', '<html>', 200, 'returned no search results page'],
  ['another shape', { results: 'none' }, 200, 'returned no search results page'],
  ['an answer of too many values', `{"results":${'['.repeat(100_000)}`, 200, 'returned no search results page'],
  ['an answer without end', 'x'.repeat(3_000_000), 200, 'larger than 2 MiB'],
])('%s is one error that says so', async (_, body, status, words) => {
  const search = createWebSearch('searxng', settings, answering(body, status).fetch).search('x', 5, soon());
  await expect(search).rejects.toMatchObject({ code: 'unsupported', publicMessage: expect.stringContaining(words) });
});

test('hits of any size are cut, and only addresses of the web are passed on', async () => {
  const results = [
    { title: 't'.repeat(9_999), url: hit.link, content: 'c'.repeat(99_999) },
    { title: 'script', url: 'javascript:alert(1)', content: '' },
    { title: 7, url: hit.link },
  ];
  const found = await createWebSearch('searxng', settings, answering({ results }).fetch).search('x', 5, soon());
  expect(found.flatMap(({ title, snippet }) => [title.length, snippet.length])).toEqual([300, 1_000, 0, 0]);
});

test('an engine without a setting that it needs is refused by the name of the setting', () => {
  expect(() => createWebSearch('searxng', {}, fetch)).toThrow('search.base-url');
  expect(() => createWebSearch('google', {}, fetch)).toThrow('search.key and search.engine-id');
});

test('the tool shows the hits to the model and to people', async () => {
  const tool = createWebSearchTool(createWebSearch('google', settings, answering({ items: [hit] }).fetch));
  expect(await toolBench().run(tool, { query: 'a' })).toEqual({
    ok: true,
    output: '1. A page\n   https://a.example/\n   About a.',
    content: { results: [hit] },
  });
  const nothing = createWebSearchTool(createWebSearch('google', settings, answering({}).fetch));
  const expected = { ok: true, output: expect.stringContaining('Nothing') };
  expect(await toolBench().run(nothing, { query: 'a' })).toMatchObject(expected);
});
