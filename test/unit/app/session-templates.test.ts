import { expect, test } from 'vitest';
import { sessionTemplates } from '../../../src/app/start/services/session-templates.ts';
import { RepositoryInput } from '../../../src/core/model/repository.ts';

const repositories = [RepositoryInput.parse({ url: 'https://example.org/team/own.git' })];

test('the template of a session brings its repositories, whoever chose it', async () => {
  const backend = { name: 'backend', repositories } as never;
  const choose = (template: string | undefined) =>
    sessionTemplates({
      templates: { get: () => backend, find: () => backend },
      projects: { api: { agents: { get: async () => ({ template: 'backend' }) } } } as never,
      live: { now: { template } as never },
      runnable: { check: () => {}, checkNamed: () => {} },
    });
  expect(await choose(undefined)('backend', null)).toMatchObject({ templateBy: 'session', brings: repositories });
  expect(await choose(undefined)(undefined, 'a-project' as never)).toEqual({
    template: 'backend',
    brings: repositories,
  });
  expect(await choose('backend')(undefined, null)).toMatchObject({ templateBy: 'server', brings: repositories });
  expect(await choose(undefined)(undefined, null)).toEqual({ template: 'default' });
});
