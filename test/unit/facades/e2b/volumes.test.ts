import { afterAll, expect, test } from 'vitest';
import { toMountRequests } from '../../../../src/facades/compat/e2b/control/volumes.ts';
import { e2bFacade } from '../../../support/clients/e2b-facade.ts';

// The volumes of programs over storage in memory. test/job/e2b/sdk has the SDKs over real ones.
const it = await e2bFacade();
afterAll(() => it[Symbol.asyncDispose]());

test('a volume is made, listed, found and destroyed', async () => {
  const { status, body } = await it.api('POST', '/volumes', { name: 'cache' });
  expect([status, Object.keys(body).sort()]).toEqual([201, ['name', 'token', 'volumeID']]);
  expect((await it.api('GET', '/volumes')).body).toEqual([{ volumeID: body.volumeID, name: 'cache' }]);
  expect((await it.api('GET', `/volumes/${body.volumeID}`)).body).toEqual(body);
  expect((await it.api('POST', '/volumes', { name: 'cache' })).status).toBe(409);
  expect((await it.api('POST', '/volumes', { name: '../x' })).status).toBe(400);
  expect((await it.api('DELETE', `/volumes/${body.volumeID}`)).status).toBe(204);
  expect((await it.api('DELETE', `/volumes/${body.volumeID}`)).status).toBe(404);
});

test('content needs the token of its own volume, before anything of the request counts', async () => {
  const [one, other] = [
    (await it.api('POST', '/volumes', { name: 'one' })).body,
    (await it.api('POST', '/volumes', { name: 'other' })).body,
  ];
  const ask = async (token?: string) =>
    (
      await fetch(`${it.server.url}/volumecontent/${one.volumeID}/path`, {
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      })
    ).status;
  expect([await ask(), await ask('wrong'), await ask(other.token), await ask(one.token)]).toEqual([401, 401, 401, 400]);
});

test('a mount writes, or reads where its name says so', () => {
  expect(
    toMountRequests([
      { name: 'a', path: '/mnt/a/' },
      { name: 'b:read', path: '/data' },
    ]),
  ).toEqual([
    { volume: 'a', path: '/mnt/a', access: 'write' },
    { volume: 'b', path: '/data', access: 'read' },
  ]);
  expect(toMountRequests(undefined)).toBeUndefined();
});
