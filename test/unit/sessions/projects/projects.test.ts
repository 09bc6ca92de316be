import { expect, test } from 'vitest';
import { AppError } from '../../../../src/core/errors/errors.ts';
import type { SessionId } from '../../../../src/core/model/ids.ts';
import { createAgentConfigService } from '../../../../src/sessions/projects/agent-config.ts';
import { createProjectService } from '../../../../src/sessions/projects/projects.ts';
import { listSupportedProviders } from '../../../../src/sessions/projects/providers.ts';
import { templates } from '../../../support/agents/templates.ts';
import { fakeService } from '../../../support/egress/fake-service.ts';
import { anyMember } from '../../../support/egress/fake-services.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

/** Projects with the id `p`, and the ids of projects whose resources were removed. */
function world(checkModel: (ref: string) => void = () => {}) {
  const clock = manualClock(1_000);
  const { sessions, store, instead } = fakeService({ clock });
  const { records } = store;
  const providers = async () => listSupportedProviders({});
  const agents = createAgentConfigService({
    records,
    newId: () => 'a',
    templates,
    providers,
    model: 'demo',
    checkModel,
  });
  const removed: string[] = [];
  const removeBelongings = async (id: string) => void removed.push(id);
  const parts = { records, sessions, agents, clock, removeBelongings, people: anyMember, newId: () => 'p' };
  const open = (other: Partial<Parameters<typeof createProjectService>[0]> = {}) =>
    createProjectService({ ...parts, ...other });
  return { sessions, instead, agents, removed, open };
}

test('a deletion that is cut can be requested again, and ends what is left', async () => {
  const { sessions, instead, agents, removed, open } = world();
  const read: unknown[] = [];
  const pieces = (only?: object) => {
    read.push(only);
    return sessions.pieces(only);
  };
  const projects = open({ sessions: { pieces, delete: (which: SessionId) => sessions.delete(which) } });
  const { id } = await projects.create({ name: 'One' });
  for (const _ of [1, 2]) await sessions.create({ origin: 'opencodex', projectId: id });
  await sessions.create({ origin: 'opencodex' });
  instead.delete = () => Promise.reject(new Error('killed'));
  await expect(projects.delete(id)).rejects.toThrow('killed');
  expect(await projects.get(id)).toMatchObject({ name: 'One' });
  delete instead.delete;
  await projects.delete(id);
  expect(read).toEqual(Array(3).fill({ projectId: 'p' })); // and no other session
  expect([new Set(removed), (await sessions.list()).length]).toEqual([new Set(['p']), 1]);
  await expect(projects.get(id)).rejects.toMatchObject({ code: 'not_found' });
  await expect(agents.get(id)).rejects.toMatchObject({ code: 'not_found' });
});

test('changes of different fields of a project, and of its agent, at the same time are all kept', async () => {
  const { agents, open } = world();
  const projects = open();
  const { id } = await projects.create({ name: 'One' });
  await Promise.all([projects.update(id, { name: 'Two' }), projects.update(id, { description: 'new' })]);
  expect(await projects.get(id)).toMatchObject({ name: 'Two', description: 'new' });
  await Promise.all([agents.update(id, { prompt: 'Be brief.' }), agents.update(id, { tools: [] })]);
  expect(await agents.get(id)).toMatchObject({ prompt: 'Be brief.', tools: [] });
});

test('a deletion also removes sessions that are created in the project in the meantime', async () => {
  const { sessions, agents, removed, open } = world();
  const late = async () => void (await sessions.create({ origin: 'opencodex', projectId: 'p' }));
  const projects = open({ agents: { ...agents, delete: late } });
  await projects.create({ name: 'One' });
  await projects.delete('p');
  expect([removed, await sessions.list()]).toEqual([['p', 'p'], []]);
});

test("a project's agent changes field by field, and keeps its fall-backs apart from its template's", async () => {
  const projects = world((ref) => {
    if (ref === 'openai/secret') throw new AppError('invalid_request', 'openai/secret is refused.');
  }).open();
  await projects.create({ name: 'One' });
  const before = await projects.agent('p');
  expect(before).toMatchObject({ template: 'default', model: 'demo', fallbacks: null, toolServers: [] });
  const program = { name: 'files', command: 'npx', args: [], env: {}, tools: ['*'], timeoutMs: 60_000 };
  const change = { model: 'openai/gpt-5', fallbacks: ['gemini/gemini-2.5-pro'], toolServers: [program] };
  expect(await projects.changeAgent('p', change)).toEqual({ ...before, ...change });
  const refuses = (ref: string, text: string) =>
    expect(projects.changeAgent('p', { fallbacks: [ref] })).rejects.toThrow(text);
  await refuses('nobody/x', 'The fallback nobody/x uses the unknown provider nobody');
  await refuses('openai/secret', 'is refused');
  expect(await projects.changeAgent('p', { fallbacks: null })).toEqual({ ...before, ...change, fallbacks: null });
});
