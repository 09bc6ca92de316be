import { expect, test } from 'vitest';
import type { SessionId } from '../../../../src/core/model/ids.ts';
import { Secret } from '../../../../src/core/text/secret.ts';
import {
  prepareRepositoryResources,
  putRepositoryToken,
  RepositoryRequest,
} from '../../../../src/facades/compat/managed-agents/sessions/repository-resources.ts';
import { parseInput } from '../../../../src/facades/compat/managed-agents/wire.ts';
import type { BoundCredential } from '../../../../src/sessions/api/credentials.ts';

const url = 'https://github.com/acme/tools';
const choice = (more: object = {}) =>
  parseInput(RepositoryRequest, { type: 'github_repository', url, authorization_token: 'ghp_secret', ...more });
const made = (...choices: readonly object[]) =>
  prepareRepositoryResources(choices.map(choice), { newId: () => 'n', now: () => Date.parse('2026-11-20T10:00:00Z') });

test.each([
  ['nothing more', {}, { access: 'write' }, '/workspace/tools'],
  ['a branch', { checkout: { type: 'branch', name: 'next/one' } }, { ref: 'next/one' }, '/workspace/tools'],
  ['a commit', { checkout: { type: 'commit', sha: 'a1b2c3d' } }, { ref: 'a1b2c3d' }, '/workspace/tools'],
  ['a place', { mount_path: '/workspace/work/own/' }, { path: 'work/own' }, '/workspace/work/own'],
])('a repository with %s is one of Corral, and is shown without its token', (_, more, input, mount) => {
  const [one] = made(more);
  expect(one?.input).toMatchObject({ url, ...input });
  expect(one?.shown).toMatchObject({ id: 'sesrsc_n', type: 'github_repository', url, mount_path: mount });
  expect(one?.token.reveal()).toBe('ghp_secret');
  expect(JSON.stringify(one?.shown)).not.toContain('ghp_secret');
});

test.each([
  ['another host', [{ url: 'https://gitlab.com/acme/tools' }]],
  ['.git at its end', [{ url: `${url}.git` }]],
  ['a token in its address', [{ url: 'https://x:y@github.com/acme/tools' }]],
  ['a query', [{ url: `${url}?x=1` }]],
  ['no token', [{ authorization_token: undefined }]],
  ['a token with a line break', [{ authorization_token: 'a\r\nx: y' }]],
  ['a branch that git would read as an option', [{ checkout: { type: 'branch', name: '--upload-pack=x' } }]],
  ['a commit that is no hash', [{ checkout: { type: 'commit', sha: 'main' } }]],
  ['a place outside of the workspace', [{ mount_path: '/etc/tools' }]],
  ['a place that leads out of the workspace', [{ mount_path: '/workspace/../etc' }]],
  ['the workspace as its place', [{ mount_path: '/workspace/' }]],
  ['the address of another', [{}, { mount_path: '/workspace/b' }]],
  ['the place of another', [{}, { url: 'https://github.com/other/tools' }]],
  ['an unknown field', [{ colour: 'red' }]],
])('a repository with %s is refused', (_, choices) =>
  expect(() => made(...choices)).toThrow(expect.objectContaining({ code: 'invalid_request' })),
);

test('each token is for git in its own repository, and a new one replaces it', async () => {
  const held = new Map<string, [BoundCredential, Secret]>();
  const credentials = {
    list: async () => [...held.values()].map(([one]) => one),
    put: async (_: SessionId, places: object, value: Secret) => {
      const one = { createdAt: 1, ...places } as BoundCredential;
      held.set(one.name, [one, value]);
      return one;
    },
  } as never;
  const put = (at: string, token: string) =>
    putRepositoryToken(credentials, 's' as SessionId, { url: at, token: new Secret(token) });
  await put(url, 'one');
  await put('https://github.com/acme/other', 'two');
  await put(url, 'three');
  const places = { hosts: ['github.com'], header: 'authorization', scheme: 'basic', git: 'write' };
  expect([...held.values()].map(([one, value]) => [one, value.reveal()])).toMatchObject([
    [{ ...places, paths: ['/acme/tools'] }, 'three'],
    [{ ...places, paths: ['/acme/other'] }, 'two'],
  ]);
});
