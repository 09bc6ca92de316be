import { expect, test } from 'vitest';
import { agentConfigService } from '../../../../src/session/projects/agent-config.ts';
import { projectService } from '../../../../src/session/projects/projects.ts';
import { offeredProviders } from '../../../../src/session/projects/providers.ts';
import { fakeService } from '../../../support/fake-service.ts';
import { manualClock } from '../../../support/manual-clock.ts';
import { templates } from '../../../support/templates.ts';

test('a deletion that is cut can be asked for again, and ends what is left', async () => {
  const clock = manualClock(1_000);
  const { sessions, store, instead } = fakeService({ clock });
  const agents = agentConfigService({
    records: store.records,
    newId: () => 'a',
    templates,
    providers: offeredProviders({}),
    model: 'demo',
  });
  const removed: string[] = [];
  const removeFiles = async (id: string) => void removed.push(id);
  const projects = projectService({ records: store.records, sessions, agents, removeFiles, newId: () => 'p', clock });
  const { id } = await projects.create({ name: 'One' });
  for (const _ of [1, 2]) await sessions.create({ origin: 'opencodex', projectId: id });
  await sessions.create({ origin: 'opencodex' });
  instead.delete = () => Promise.reject(new Error('killed'));
  await expect(projects.delete(id)).rejects.toThrow('killed');
  expect(await projects.get(id)).toMatchObject({ name: 'One' });
  delete instead.delete;
  await projects.delete(id);
  expect([new Set(removed), (await sessions.list()).length]).toEqual([new Set(['p']), 1]);
  await expect(projects.get(id)).rejects.toMatchObject({ code: 'not_found' });
  await expect(agents.get(id)).rejects.toMatchObject({ code: 'not_found' });
});

test('a deletion also removes sessions that are created in the project meanwhile', async () => {
  const clock = manualClock(1_000);
  const { sessions, store } = fakeService({ clock });
  const removed: string[] = [];
  const agents = {
    create: async () => {},
    delete: async () => void (await sessions.create({ origin: 'opencodex', projectId: 'p' })),
  };
  const removeFiles = async (id: string) => void removed.push(id);
  const projects = projectService({ records: store.records, sessions, agents, removeFiles, newId: () => 'p', clock });
  await projects.create({ name: 'One' });
  await projects.delete('p');
  expect([removed, await sessions.list()]).toEqual([['p', 'p'], []]);
});
