import { expect, test } from 'vitest';
import { hostAllowed, isForeign, originAllowed } from '../../../src/auth/browser.ts';

const origins = ['http://localhost:3000'];

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
])('F129 Host %j is ours: %s', (host, ours) => {
  expect(hostAllowed(host, [])).toBe(ours);
});

test.each([
  [{ host: 'a:1' }, false],
  [{ host: 'a:1', 'sec-fetch-site': 'none' }, false],
  [{ host: 'a:1', 'sec-fetch-site': 'same-origin' }, false],
  [{ host: 'a:1', 'sec-fetch-site': 'same-site' }, true],
  [{ host: 'a:1', 'sec-fetch-site': 'cross-site' }, true],
  [{ host: 'a:1', origin: 'http://a:1' }, false],
  [{ host: 'a:1', origin: 'https://a:1' }, false],
  [{ host: 'A:1', origin: 'http://a:1' }, false],
  [{ host: 'a', origin: 'http://a:1' }, false],
  [{ host: 'a:80', origin: 'http://a' }, false],
  [{ host: 'a:443', origin: 'https://a' }, false],
  [{ host: 'a:443', origin: 'http://a' }, true],
  [{ host: 'a:1', origin: 'http://a' }, true],
  [{ host: 'a:1', origin: 'http://a:2' }, true],
  [{ host: 'a:1', origin: 'null' }, true],
  [{ host: 'a:1', origin: '' }, true],
  [{ host: 'a:1', origin: 'http://a.evil.example:1' }, true],
  [{ host: 'a:1', origin: 'file://a:1' }, true],
  [{ origin: 'http://a' }, true],
  [{ host: 'a:1', origin: 'http://localhost:3000' }, false],
  [{ host: 'a:1', origin: 'http://localhost:3000', 'sec-fetch-site': 'cross-site' }, false],
  [{ host: 'a:1', origin: 'http://localhost:3000.evil.example' }, true],
  [{ host: 'a:1', origin: 'http://localhost:3000/' }, true],
])('F128 a request with %j is foreign: %s', (headers, foreign) => {
  expect(isForeign(headers, origins)).toBe(foreign);
});

test('only a listed origin is allowed, exactly as listed', () => {
  expect(originAllowed('http://localhost:3000', origins)).toBe(true);
  for (const origin of [undefined, '', '*', 'null', 'http://localhost:30000', 'https://localhost:3000']) {
    expect(originAllowed(origin, origins)).toBe(false);
  }
});
