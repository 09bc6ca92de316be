import { expect, test } from 'vitest';
import { classifyRequestOrigin, isHostAllowed, isOriginAllowed } from '../../../src/auth/browser-headers.ts';

const named = ['http://localhost:3000'];

test.each([
  ['localhost', true],
  ['localhost:8000', true],
  ['LocalHost', true],
  ['127.0.0.1:80', true],
  ['[::1]:8000', true],
  ['::1', false],
  ['localhost.', false],
  ['127.0.0.2', false],
  ['localhost:', false],
  ['localhost:999999', false],
  ['localhost, evil.example', false],
  ['evil.example#localhost', false],
  ['', false],
  [undefined, false],
])('F129 Host %j is ours: %s', (host, ours) => expect(isHostAllowed(host, [])).toBe(ours));

test.each([
  [{ host: 'a:1' }, 'own'],
  [{ host: 'a:1', 'sec-fetch-site': 'none' }, 'own'],
  [{ host: 'a:1', 'sec-fetch-site': 'same-origin' }, 'own'],
  [{ host: 'a:1', 'sec-fetch-site': 'same-site' }, 'foreign'],
  [{ host: 'a:1', 'sec-fetch-site': 'cross-site' }, 'foreign'],
  [{ host: 'a:1', origin: 'http://a:1' }, 'own'],
  [{ host: 'a:1', origin: 'https://a:1' }, 'own'],
  [{ host: 'A:1', origin: 'http://a:1' }, 'own'],
  [{ host: 'a', origin: 'http://a:1' }, 'foreign'],
  [{ host: 'a', origin: 'https://a:8443' }, 'foreign'],
  [{ host: 'a', origin: 'http://a' }, 'own'],
  [{ host: 'a', origin: 'https://a' }, 'own'],
  [{ host: 'a', origin: 'https://a:443' }, 'own'],
  [{ host: 'a:80', origin: 'http://a' }, 'own'],
  [{ host: 'a:443', origin: 'https://a' }, 'own'],
  [{ host: 'a:443', origin: 'http://a' }, 'foreign'],
  [{ host: 'a:1', origin: 'http://a' }, 'foreign'],
  [{ host: 'a:1', origin: 'http://a:2' }, 'foreign'],
  [{ host: 'a:1', origin: 'null' }, 'foreign'],
  [{ host: 'a:1', origin: '' }, 'foreign'],
  [{ host: 'a:1', origin: 'http://a.evil.example:1' }, 'foreign'],
  [{ host: 'a:1', origin: 'file://a:1' }, 'foreign'],
  [{ origin: 'http://a' }, 'foreign'],
  [{ host: 'a:1', origin: 'http://localhost:3000' }, 'named'],
  [{ host: 'a:1', origin: 'http://localhost:3000', 'sec-fetch-site': 'cross-site' }, 'named'],
  [{ host: 'a:1', origin: 'http://localhost:5173' }, 'foreign'],
  [{ host: 'a', origin: 'http://a', 'sec-fetch-site': 'cross-site' }, 'foreign'],
  [{ host: 'a', origin: 'http://a', 'sec-fetch-site': 'same-site' }, 'foreign'],
  [{ host: 'a', origin: 'http://a', 'sec-fetch-site': 'unheard-of' }, 'foreign'],
  [{ host: 'a:1', origin: 'http://a:1', 'sec-fetch-site': 'none' }, 'own'],
  [{ host: 'localhost:3000', origin: 'http://localhost:3000' }, 'own'],
  [{ host: 'a:1', origin: 'http://localhost:3000', 'sec-fetch-site': 'same-origin' }, 'own'],
  [{ host: 'a:1', origin: 'http://localhost:3000.evil.example' }, 'foreign'],
  [{ host: 'a:1', origin: 'http://localhost:3000/' }, 'foreign'],
])('F128 a request with %j is of a page that is %s', (headers, page) =>
  expect(classifyRequestOrigin(headers, named)).toBe(page),
);

test('a development origin counts as one only where the operator named no origins', () => {
  const headers = { host: 'localhost:8000', origin: 'http://localhost:5173', 'sec-fetch-site': 'same-site' };
  expect([undefined, [], ['http://localhost:5173']].map((list) => classifyRequestOrigin(headers, list))).toEqual([
    ...['default', 'foreign', 'named'],
  ]);
});

test('the server allows only the listed origins, exactly as they are listed', () => {
  expect(isOriginAllowed('http://localhost:3000', named)).toBe(true);
  for (const origin of [undefined, '', '*', 'null', 'http://localhost:30000', 'https://localhost:3000'])
    expect(isOriginAllowed(origin, named)).toBe(false);
});
