import { expect, test } from 'vitest';
import { z } from 'zod';
import { toSandboxPage } from '../../../src/facades/compat/e2b/control/list.ts';
import { parseRequestBody } from '../../../src/facades/compat/e2b/control/parsed.ts';
import { parseQueryTime, QueryParameters } from '../../../src/facades/compat/managed-agents/wire.ts';
import { parseJsonBody } from '../../../src/http/transport/json-body.ts';

// Requests as public clients, generated ones and people with curl write them.

test.each([
  ['statuses[]=idle&statuses[]=running', ['idle', 'running']],
  ['statuses%5B%5D=idle', ['idle']],
  ['statuses=idle&statuses=running', ['idle', 'running']],
  ['statuses[0]=idle&statuses[1]=running', ['idle', 'running']],
  ['statuses=idle,running', ['idle', 'running']],
  ['statuses=idle%2Crunning', ['idle', 'running']],
  ['statuses=', []],
  ['', []],
  ['statuses[gte]=idle&status=running', []],
])('the list %s', (query, values) =>
  expect(new QueryParameters(`/v1/sessions?${query}`).all('statuses')).toEqual(values),
);

test.each([
  '2026-01-01T10:00:00Z',
  '2026-01-01T10:00:00',
  '2026-01-01T12:00:00+02:00',
  '2026-01-01T12:00:00 02:00', // the + of a URL that nobody escaped
  '2026-01-01T08:00:00-0200',
  '2026-01-01T10:00:00.000000Z',
  '2026-01-01 10:00:00',
])('the time %s', (value) => expect(parseQueryTime('at', value)).toBe(Date.UTC(2026, 0, 1, 10)));

const Shape = z.object({
  templateID: z.string(),
  timeout: z.int().default(15),
  metadata: z.record(z.string(), z.string()).optional(),
});
test.each([
  ['all of it', { templateID: 'base', timeout: 15, metadata: {} }, { templateID: 'base', timeout: 15, metadata: {} }],
  [
    'null for what is absent',
    { templateID: 'base', timeout: null, metadata: null },
    { templateID: 'base', timeout: 15 },
  ],
  ['a field of a later version', { templateID: 'base', later: [1] }, { templateID: 'base', timeout: 15 }],
])('the body of a new sandbox with %s', (_, body, parsed) => expect(parseRequestBody(Shape, body)).toEqual(parsed));

test.each([[{ templateID: null }], [null], [[null]], ['text']])('the body %j is refused', (body) =>
  expect(() => parseRequestBody(Shape, body)).toThrow(/invalid_request/),
);

test.each([
  'limit=&state=&nextToken=',
  'limit=100&state=running,paused',
  'state=running%2Cpaused',
  'state=running&state=paused',
])('the list of sandboxes with %s', (query) =>
  expect(toSandboxPage([], new URLSearchParams(query))).toMatchObject({ sessions: [] }),
);

test.each([
  ['a byte-order mark', '\ufeff{"a":1}', { a: 1 }],
  ['half of an emoji', '{"name":"A\\ud83e"}', { name: 'A\ufffd' }],
  ['half of an emoji in capitals', '{"name":"A\\uD83E"}', { name: 'A\ufffd' }],
  ['both halves', '{"name":"\\ud83e\\udd16"}', { name: '🤖' }],
  ['an escaped backslash', '{"name":"\\\\ud83e"}', { name: '\\ud83e' }],
  ['blanks around it', ' \r\n{"a":1}\n', { a: 1 }],
  ['null', 'null', null],
  ['nothing', '', undefined],
])('a JSON body with %s', (_, text, value) => expect(parseJsonBody(Buffer.from(text))).toEqual(value));
