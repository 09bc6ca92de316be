// @module-tag all
// Skills with a real server and real sandboxes: uploaded, named by a template, read by the agent, run in the sandbox.
import { expect, onTestFinished, test, vi } from 'vitest';
import { fakeProvider } from '../../support/agents/fake-models/server.ts';
import { fakeSettings } from '../../support/agents/fake-models/settings.ts';
import { type FakeReply, type FakeRequest, toolCall } from '../../support/agents/fake-models/wire-format.ts';
import { openClient } from '../../support/clients/trpc.ts';
import { needs } from '../../support/servers/components.ts';
import { composedServer } from '../../support/servers/composed.ts';
import { settingsFolder } from '../../support/stores/store.ts';

const skillMd = (name: string, description: string, body: string) =>
  `---\nname: ${name}\ndescription: ${description}\n---\n${body}\n`;
const base64 = (text: string) => Buffer.from(text).toString('base64');
const folder = (body: string) => [
  { path: 'letters/SKILL.md', content: base64(skillMd('letters', 'How letters are written.', body)) },
  { path: 'letters/scripts/greet.sh', content: base64('#!/bin/sh\necho "hello from a script"\n') },
];

/** Uses the template's skill, tries to change it, then creates a workspace skill and reads it. */
function replies({ body }: FakeRequest): FakeReply {
  const prompt = JSON.stringify(body);
  const shell = (command: string) => toolCall('shell_exec', { id: 'main', command });
  if (prompt.includes('Begin every letter')) {
    if (!prompt.includes('hello from a script')) {
      const look = 'sh .corral/skills/letters/scripts/greet.sh; echo x >> .corral/skills/letters/SKILL.md; echo looked';
      return shell(look);
    }
    return { text: 'Dear reader.' };
  }
  return toolCall('skill_read', { name: 'letters' });
}

test('a skill that a template names is read by the agent, and its scripts run in the sandbox', async (context) => {
  await needs(context, 'bubblewrap');
  await using provider = await fakeProvider('compatible', replies);
  using files = settingsFolder({ 'templates/writer.yaml': 'mode: react\nskills: [letters@1]\n' });
  vi.stubEnv('CORRAL_CONFIG', files.config);
  onTestFinished(() => void vi.unstubAllEnvs());
  await using server = await composedServer({ CORRAL_DRIVER: 'process', ...fakeSettings('compatible', provider.url) });
  using client = openClient(server.url, 'ws');
  const first = await client.skills.create.mutate({ files: folder('Begin every letter with Dear.') });
  await client.skills.addVersion.mutate({ id: first.id, files: folder('A newer text.') });
  expect((await client.skills.get.query({ id: first.id })).pins).toEqual([{ template: 'writer', version: 1 }]);

  const { id } = await client.sessions.create.mutate({ template: 'writer', task: 'Write a letter' });
  const status = async () => (await client.sessions.get.query({ id })).status;
  await expect.poll(status).toBe('completed');
  const { events } = await client.events.list.query({ sessionId: id, limit: 1_000 });
  const reads = events.flatMap((it) => (it.type === 'skill.read' ? [it.data] : []));
  expect(reads).toMatchObject([{ name: 'letters', file: 'SKILL.md', source: 'uploaded' }]);
  const shell = events.flatMap((it) => (it.type === 'tool.called' && it.data.tool === 'shell' ? [it.data.output] : []));
  expect(shell.join()).toContain('hello from a script');
  expect(shell.join()).toContain('Permission denied');
  const requested = JSON.stringify(provider.requests[0]?.body);
  expect(requested).toContain('letters: How letters are written.');
  expect(requested).not.toContain('Begin every letter');

  const mine = '.agents/skills/mine/SKILL.md';
  await client.files.write.mutate({ sessionId: id, path: mine, content: skillMd('mine', 'Of the workspace.', 'Hi') });
  expect(await client.sessions.skills.query({ id })).toMatchObject([
    { name: 'letters', source: 'uploaded' },
    { name: 'mine', source: 'workspace', version: null },
  ]);
  const set = await client.attempts.start.mutate({ sessionId: id, task: 'Write another letter', attempts: 2 });
  const attempts = async () => (await client.attempts.get.query({ sessionId: id, id: set.id })).attempts;
  await expect
    .poll(async () => (await attempts()).map(({ state, error }) => [state, error]))
    .toEqual([
      ['completed', null],
      ['completed', null],
    ]);
  const plain = await client.sessions.create.mutate({});
  expect((await client.sessions.agent.query({ id: plain.id })).tools).not.toContain('skill_read');
  await expect(client.sessions.create.mutate({ skills: ['nothing'] })).rejects.toThrow('There is no skill nothing');
  await expect(client.skills.delete.mutate({ id: first.id })).rejects.toThrow('The template writer uses letters');
});
