import { expect, test } from 'vitest';
import { webUrlOf } from '../../../src/forges/forge.ts';
import { forgeKinds, parseForgeServer, parseRepositoryUrl } from '../../../src/forges/list.ts';

const own = [
  parseForgeServer('gitea=https://git.example.com'),
  parseForgeServer('gitlab=http://10.0.0.5:8080/gitlab/'),
  parseForgeServer('github=https://code.example.com'),
];
const found = (remote: string) => {
  const repository = parseRepositoryUrl(remote, own);
  return repository && `${repository.server.kind.name} ${webUrlOf(repository)}`;
};

test.each([
  ['https://github.com/acme/totals.git', 'github https://github.com/acme/totals'],
  ['https://github.com/acme/totals/', 'github https://github.com/acme/totals'],
  ['git@github.com:acme/totals.git', 'github https://github.com/acme/totals'],
  ['ssh://git@github.com:22/acme/totals', 'github https://github.com/acme/totals'],
  ['https://acme.ghe.com/acme/totals', 'github https://acme.ghe.com/acme/totals'],
  ['https://gitlab.com/acme/tools/deep/totals.git', 'gitlab https://gitlab.com/acme/tools/deep/totals'],
  ['https://codeberg.org/acme/totals.git', 'gitea https://codeberg.org/acme/totals'],
  ['https://git.example.com/acme/totals.git', 'gitea https://git.example.com/acme/totals'],
  ['http://10.0.0.5:8080/gitlab/acme/totals.git', 'gitlab http://10.0.0.5:8080/gitlab/acme/totals'],
])('%s is on a forge', (remote, repository) => expect(found(remote)).toBe(repository));

test.each([
  ...['https://github.com.evil.example/acme/totals.git', 'https://evilgithub.com/acme/totals.git'],
  ...['https://notghe.com/acme/totals.git', 'https://github.com:8443/acme/totals.git'],
  ...['https://git.example.com:444/acme/totals.git', 'http://10.0.0.5:8080/other/acme/totals.git'],
  ...['http://10.0.0.5:8080/gitlabx/acme/totals.git', 'https://github.com/totals.git'],
  ...['https://github.com/acme/..%2f..', 'https://github.com/acme/%2e%2e%2ftotals', '/srv/git/totals.git'],
  ...['file:///srv/git/totals.git', ''],
])('%s is on none', (remote) => expect(found(remote)).toBeUndefined());

test.each([
  ['https://github.com', 'https://api.github.com'],
  ['https://acme.ghe.com', 'https://api.acme.ghe.com'],
  ['https://code.example.com', 'https://code.example.com/api/v3'],
])('the API of %s is at %s', (webUrl, api) => expect(forgeKinds[0]?.apiUrl(webUrl)).toBe(api));

test('a server of an unknown kind, or without an address, is refused', () => {
  for (const input of ['svn=https://example.com', 'gitea', 'gitea='])
    expect(() => parseForgeServer(input)).toThrow(/Write its kind/);
});
