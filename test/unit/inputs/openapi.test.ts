import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestServer, testServer } from '../../support/clients/http.ts';

interface Operation {
  readonly operationId: string;
  readonly responses: Record<string, { links?: Record<string, { operationId: string; parameters: object }> }>;
}
let server: TestServer;
// biome-ignore lint/suspicious/noExplicitAny: the document is what the test is about
let document: any;
beforeAll(async () => {
  server = await testServer();
  document = (await server.call('GET', '/openapi.json')).body;
});
afterAll(() => server[Symbol.asyncDispose]());

/** Every value of this key, anywhere in the document. */
function valuesOf(key: string, at: unknown = document): string[] {
  if (typeof at !== 'object' || at === null) return [];
  return Object.entries(at).flatMap(([name, value]) =>
    name === key && typeof value === 'string' ? [value] : valuesOf(key, value),
  );
}
const operations = () =>
  Object.entries<Record<string, Operation>>(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );

test('the document is valid by its own rules', async () => {
  const { valid, errors } = await new Validator().validate(structuredClone(document));
  expect([valid, errors]).toEqual([true, undefined]);
});

// A schema that refers to itself is a type that refers to itself in the clients of openapi-typescript.
test('every schema is whole where it stands, without references', () => expect(valuesOf('$ref')).toEqual([]));

test('every pattern means the same in other engines: no properties of Unicode, no look-behind, no named groups', () =>
  expect(valuesOf('pattern').filter((one) => /\\[pPuk]\{?|\(\?<|\(\?[a-z-]+[):]/.test(one))).toEqual([]));

test('operations on things that others make or list are linked with those', () => {
  const linked = new Set(
    operations().flatMap(({ operation }) =>
      Object.values(operation.responses).flatMap(({ links = {} }) =>
        Object.values(links).map((one) => one.operationId),
      ),
    ),
  );
  const withIds = operations().filter(({ path }) => path.includes('{'));
  const without = withIds.filter(({ operation }) => !linked.has(operation.operationId));
  expect(
    without.length / withIds.length,
    without.map(({ path, method }) => `${method} ${path}`).join('\n'),
  ).toBeLessThan(0.1);
});

test('an id that a link names is in the answer', async () => {
  const { data } = (await server.call('PUT', '/api/v1/sessions')).body;
  const { links } = document.paths['/api/v1/sessions'].put.responses[200];
  const { operationId } = document.paths['/api/v1/sessions/{sid}'].get;
  expect(links[operationId]).toEqual({ operationId, parameters: { sid: '$response.body#/data/session_id' } });
  expect((await server.call('GET', `/api/v1/sessions/${data.session_id}`)).status).toBe(200);
  const list = document.paths['/api/v1/sessions'].get.responses[200].links[operationId];
  expect(list.parameters).toEqual({ sid: '$response.body#/data/sessions/0/session_id' });
});

const oddValues = [
  ...[
    '',
    '%00',
    '%F0%9F',
    '%ff',
    '1e999',
    '-1',
    '-0',
    '9'.repeat(400),
    'NaN',
    '[]',
    '%7B%7D',
    '__proto__',
    '0x10',
    '1.5',
  ],
  ...['%2B1', '%E2%80%AE', 'a%0D%0AX-A:%20b', '2026-13-45T99:99:99Z', '..%2F..', "'%22%3C"],
];
test('no odd query is the failure of the server, at any operation that reads', { tags: ['all'] }, async () => {
  const isStream = (one: unknown) => JSON.stringify(one).includes('text/event-stream');
  const reads = operations().filter(
    ({ path, method, operation }) => method === 'get' && !isStream(operation) && !/^\/(ws|streams)/.test(path),
  );
  const failed: string[] = [];
  const queries = reads.flatMap(({ path, operation }) => {
    const { parameters = [] } = operation as { parameters?: { in: string; name: string }[] };
    const names = parameters.filter((one) => one.in === 'query').map(({ name }) => name);
    const own = names.flatMap((name) => [
      ...oddValues.map((value) => `${name}=${value}`),
      `${name}=1&${name}=2`,
      `${name}[]=1`,
    ]);
    const url = path.replaceAll(/\{[^}]+\}/g, '0123456789abcdef');
    return [...own, '__proto__[x]=1&constructor.prototype=1', '=x&&&a', '%zz'].map((query) => `${url}?${query}`);
  });
  for (const url of queries) {
    const { status } = await server.call('GET', url);
    if (status >= 500 && status !== 501) failed.push(`${status} ${url}`);
  }
  expect([reads.length > 80, failed]).toEqual([true, []]);
});
