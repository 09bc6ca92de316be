import { describe, expect, test } from 'vitest';
import {
  findPushObstacle,
  GitRef,
  RepositoryInput,
  RepositoryInputs,
  RepositoryPath,
  RepositoryUrl,
  toSessionRepository,
} from '../../../src/core/model/repository.ts';

const messageOf = (input: string) => RepositoryUrl.safeParse(input).error?.issues[0]?.message;

describe('the URL of a repository', () => {
  test.each([
    ['https://Git.Example.org/Team/Project.git', 'https://git.example.org/Team/Project.git'],
    ['https://example.org:8443/a/b/', 'https://example.org:8443/a/b'],
  ])('%s keeps its path, and has its host in lower case', (url, kept) => expect(RepositoryUrl.parse(url)).toBe(kept));

  test.each([
    ['ext::sh -c touch% /tmp/x', 'not the address'],
    ['--upload-pack=touch /tmp/x', 'not the address'],
    ['-oProxyCommand=x', 'not the address'],
    ['https://example.org/a/--upload-pack=x', 'a path with other characters'],
    ['https://example.org/a/-b', 'a path with other characters'],
    ['https://example.org/a/../b', 'a path with other characters'],
    ['https://example.org/a%2f..%2fb', 'a path with other characters'],
    ['https://example.org/', 'names no repository'],
    ['https://example.org/.git', 'names no repository'],
    ['https://example.org/a?service=x', 'a query'],
    ['https://example.org/a#main', 'Write the branch or tag'],
    ['git@example.org:a/b.git', 'https:// address'],
    ['ssh://git@example.org/a/b', 'https:// address'],
    ['file://server/etc', 'not the address'],
    ['file:/etc', 'not the address'],
    ['file:///srv/a%2f..%2fb', 'a path with other characters'],
    ['file:///srv/project/.git', 'a path with other characters'],
    ['file:///', 'names no repository'],
    ['/etc', 'Write it like file:///srv/git/project'],
    ['../a', 'Write it like file:///srv/git/project'],
  ])('%s is refused with advice', (input, advice) => {
    const message = messageOf(input);
    // The URL parser resolves `..`, so such a text never names a path other than the one it shows.
    if (input.includes('/../')) expect(RepositoryUrl.parse(input)).toBe('https://example.org/b');
    else expect(message).toContain(advice);
  });

  test('can be a folder of the server, without a way up in it, and nothing is pushed there', () => {
    expect(RepositoryUrl.parse('file:///srv/git/project.git/')).toBe('file:///srv/git/project.git');
    for (const input of ['file:///srv/git/../../etc', 'file:///srv/git/%2e%2e/../etc', 'file://localhost/etc'])
      expect(RepositoryUrl.safeParse(input).data ?? 'file:///etc').toBe('file:///etc');
    const made = toSessionRepository(RepositoryInput.parse({ url: 'file:///srv/git/project', access: 'write' }));
    expect(made).toMatchObject({ path: 'project', access: 'read' });
    expect(findPushObstacle(made)).toContain('Download the patch');
  });

  test('with a credential in it is refused, and the message does not repeat the credential', () => {
    for (const input of ['https://me:s3cret@example.org/a/b', 'https://s3cret@example.org/a/b']) {
      expect(messageOf(input)).toContain('has a credential in it');
      expect(messageOf(input)).not.toContain('s3cret');
    }
  });
});

const refs = ['-x', '--upload-pack=x', 'a..b', 'a b', 'a~1', 'a:b', 'HEAD@{1}', 'x.lock', '/a', 'a/', ''];
const folders = ['..', '.', '/a', 'a/../b', '.git', 'a/.git', '-a', 'a//b', '.corral', ''];
test.each([
  ...refs.map((input) => ['ref', input, GitRef] as const),
  ...folders.map((input) => ['folder', input, RepositoryPath] as const),
])('the %s %j is refused', (_, input, schema) => expect(schema.safeParse(input).success).toBe(false));
test.each(['main', 'release/1.2', 'v1.0-rc.1', 'a'.repeat(40)])('the ref %j is taken', (input) =>
  expect(GitRef.parse(input)).toBe(input),
);

test('a repository goes into a folder of its name, and waits to be fetched', () => {
  const input = RepositoryInput.parse({ url: 'https://example.org/team/project.git', ref: 'main' });
  expect(toSessionRepository(input)).toMatchObject({ path: 'project', ref: 'main', access: 'write', state: 'waiting' });
});

test('two repositories cannot share a folder, also not by a folder in it', () => {
  const twice = (path: string, other: string) =>
    RepositoryInputs.safeParse([
      { url: 'https://example.org/a/x', path },
      { url: 'https://example.org/b/x', path: other },
    ]).success;
  expect([twice('x', 'x'), twice('x', 'x/y'), twice('x', 'xy')]).toEqual([false, false, true]);
});
