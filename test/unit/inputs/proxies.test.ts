import { once } from 'node:events';
import { request as ask } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { Secret } from '../../../src/core/text/secret.ts';
import { ClientResolver } from '../../../src/http/guard/clients.ts';
import { type TestServer, testServer } from '../../support/clients/http.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';

const trusted = ['127.0.0.1', '10.0.0.0/8', 'fd00::/8'];
const of = (remoteAddress: string, headers: Record<string, string> = {}) =>
  new ClientResolver(trusted).of({ socket: { remoteAddress }, headers } as never);

test.each([
  ['a stranger, who names another', '192.0.2.1', '203.0.113.9', '192.0.2.1'],
  ['a proxy', '127.0.0.1', '203.0.113.9', '203.0.113.9'],
  ['a proxy seen as IPv4 in IPv6', '::ffff:127.0.0.1', '203.0.113.9', '203.0.113.9'],
  ['a proxy of a network', '10.9.8.7', '203.0.113.9', '203.0.113.9'],
  ['a proxy of an IPv6 network', 'fd00::7', '2001:db8::1', '2001:db8::1'],
  ['two proxies', '127.0.0.1', '203.0.113.9, 10.1.1.1', '203.0.113.9'],
  ['a client that invents addresses before its own', '127.0.0.1', '1.1.1.1, 203.0.113.9', '203.0.113.9'],
  ['a client that invents an address of a proxy', '127.0.0.1', '10.1.1.1, 203.0.113.9', '203.0.113.9'],
  ['proxies alone: a call of their own', '127.0.0.1', '10.2.2.2, 10.1.1.1', '10.2.2.2'],
  ['an address with a port', '127.0.0.1', '203.0.113.9:4711', '203.0.113.9'],
  ['an IPv6 address with a port', '127.0.0.1', '[2001:db8::1]:4711', '2001:db8::1'],
  ['an IPv6 address with a zone', '127.0.0.1', 'fe80::1%eth0', 'fe80::1'],
  ['IPv4 in IPv6', '127.0.0.1', '::ffff:203.0.113.9', '203.0.113.9'],
  ['a text that is no address', '127.0.0.1', 'unknown', '127.0.0.1'],
  ['such a text before an address', '127.0.0.1', '<script>, 203.0.113.9', '203.0.113.9'],
  ['an empty header', '127.0.0.1', '', '127.0.0.1'],
  ['empty places', '127.0.0.1', ' , 203.0.113.9', '203.0.113.9'],
])('the client of %s', (_, peer, forwarded, address) =>
  expect(of(peer, { 'x-forwarded-for': forwarded }).address).toBe(address),
);

test.each([
  ['127.0.0.1', 'https', 'https'],
  ['127.0.0.1', 'HTTPS', 'https'],
  ['127.0.0.1', 'http, https', 'https'],
  ['127.0.0.1', 'javascript', 'http'],
  ['127.0.0.1', '', 'http'],
  ['192.0.2.1', 'https', 'http'],
])('the scheme for %s with %s', (peer, forwarded, scheme) =>
  expect(of(peer, { 'x-forwarded-proto': forwarded }).scheme).toBe(scheme),
);

let server: TestServer | undefined;
afterEach(() => server?.[Symbol.asyncDispose]());
const token = 'the-token-of-the-server';
const behindProxy = async (more: object = {}) => {
  const audited: unknown[] = [];
  const config = { token: new Secret(token), trustedProxies: ['127.0.0.1'], ...more };
  server = await testServer({ clock: manualClock(), config, audit: (row) => void audited.push(row.address) });
  const { call } = server;
  const by = (address: string, credential: string, path = '/api/v1/sessions', extra: object = {}) =>
    call('GET', path, undefined, { authorization: `Bearer ${credential}`, 'x-forwarded-for': address, ...extra });
  return { by, call, audited, server };
};

test('F134 a client behind a proxy locks itself out alone, and no lock refuses a valid credential', async () => {
  const { by, audited } = await behindProxy();
  for (let guess = 0; guess < 1_000; guess++) await by('203.0.113.9', `wrong${guess}`);
  const statuses = await Promise.all(
    [by('203.0.113.9', 'wrong'), by('203.0.113.9', token), by('203.0.113.8', 'wrong'), by('203.0.113.8', token)].map(
      async (answer) => (await answer).status,
    ),
  );
  expect([statuses, new Set(audited)]).toEqual([[429, 200, 401, 200], new Set(['203.0.113.9', '203.0.113.8'])]);
});

test.each([
  ['the API', '/api/v1/sessions'],
  ['previews', `/previews/3000-${'0'.repeat(16)}/${'a'.repeat(56)}/`],
])('rate limits of %s count the clients of a proxy apart', async (_, path) => {
  const { by } = await behindProxy({ rateLimitPerMinute: 1 });
  const statuses = [];
  for (const client of ['203.0.113.9', '203.0.113.9', '203.0.113.8'])
    statuses.push((await by(client, 'wrong', path)).status);
  expect(statuses).toEqual([401, 429, 401]);
});

test('connections of a proxy are not limited, but the open requests of each of its clients', async () => {
  const { by, server: it } = await behindProxy({ maxConnectionsPerAddress: 2 });
  const open = ['203.0.113.9', '203.0.113.9'].map((address) => {
    const headers = { authorization: `Bearer ${token}`, 'x-forwarded-for': address, expect: '100-continue' };
    return ask(`${it.url}/api/v1/sessions`, { method: 'PUT', headers });
  });
  for (const requested of open) {
    requested.on('error', () => {}).flushHeaders();
    await once(requested, 'continue');
  }
  expect([(await by('203.0.113.9', token)).status, (await by('203.0.113.8', token)).status]).toEqual([429, 200]);
  for (const requested of open) requested.destroy();
  await expect.poll(async () => (await by('203.0.113.9', token)).status).toBe(200);
});
