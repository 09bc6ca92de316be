import { afterEach, expect, test, vi } from 'vitest';
import { promptCommand } from '../../../src/app/commands/prompt.ts';
import { fence } from '../../support/clients/api.ts';
import { followEvents, openClient } from '../../support/clients/trpc.ts';
import { composedServer } from '../../support/servers/composed.ts';
import { runServerCommand } from '../../support/servers/run-command.ts';
import { settingsFolder } from '../../support/stores/store.ts';

afterEach(() => void vi.unstubAllEnvs());

const shown = async (...args: string[]) => (await runServerCommand(promptCommand, ...args)).printed.join('\n');

async function ranSession(url: string, text: string, token?: string) {
  using client = openClient(url, 'ws', token);
  const { id } = await client.sessions.create.mutate();
  const following = followEvents(client, { sessionId: id, lastEventId: '0' });
  await client.runs.send.mutate({ sessionId: id, text });
  await expect.poll(() => following.items.some(({ type }) => type === 'run.end')).toBe(true);
  const usages = following.items.flatMap((item) => (item.type === 'usage' ? [item.data] : []));
  return { id, usages };
}

test('prompt show prints the instructions, tools and messages of a turn, and the hash that its usage has', async () => {
  await using server = await composedServer();
  const { id, usages } = await ranSession(server.url, fence('sh', 'echo hi there'));
  const first = await shown('show', id, '--turn', '1', '--url', server.url);
  expect(first).toMatch(/^turn 1 of run \S+, plan, sent to demo/);
  expect(first).toContain('== instructions: role\n');
  expect(first).toMatch(/== tools: \d+\n[^=]*make_plan: /);
  expect(first).toMatch(/== message 1: user\n.*\n?.*echo hi there/);
  expect(first).not.toContain('== message 2');
  const newest = await shown('show', id, '--url', server.url);
  expect(newest).toContain(`sha256 ${usages.at(-1)?.requestHash} matches the stored request`);
  expect(newest).toMatch(/== message \d+: result of shell_exec \S+\n[^=]*hi there/);
});

test('prompt show prints all of it as JSON, and nothing to a caller who may not read the session', async () => {
  const token = 'a-token-of-the-operator-1234';
  await using server = await composedServer({ CORRAL_TOKEN: token });
  const { id } = await ranSession(server.url, fence('sh', 'true'), token);
  using client = openClient(server.url, 'ws', token);
  vi.stubEnv('CORRAL_TOKEN', (await client.keys.create.mutate({ role: 'user', name: 'Another' })).key);
  await expect(shown('show', id, '--url', server.url)).rejects.toThrow('There is no such session.');
  vi.stubEnv('CORRAL_TOKEN', token);
  const seen = JSON.parse(await shown('show', id, '--turn', '1', '--json', '--url', server.url));
  expect(seen).toMatchObject({ turn: 1, proved: true, request: { phase: { kind: 'plan' } } });
  expect(seen.sections.map(({ text }: { text: string }) => text).join('\n\n')).toBe(seen.request.system);
});

test('prompt show shows as its code what a terminal would obey', async () => {
  await using server = await composedServer();
  const { id } = await ranSession(server.url, 'Say \u001b[31mred\u202e');
  const text = await shown('show', id, '--turn', '1', '--url', server.url);
  expect(text).toContain('Say \\u{1b}[31mred\\u{202e}');
});

test('prompt show lists the turns when another one is requested', async () => {
  await using server = await composedServer();
  const { id, usages } = await ranSession(server.url, 'Say hi');
  await expect(shown('show', id, '--turn', '99', '--url', server.url)).rejects.toThrow(
    `There is no turn 99; the newest is ${usages.length}.`,
  );
});

test.each([[[]], [['show']], [['show', 'a', 'b']], [['list', 'a']], [['show', 'a', '--turn', '0']]])(
  'prompt %j is refused with how it is used',
  async (args) => await expect(shown(...args)).rejects.toThrow('prompt needs show <session>'),
);

test('a file in prompts/ next to corral.yaml replaces its part in what the model sees', async () => {
  const files = { 'corral.yaml': 'driver: memory\n', 'prompts/role.md': 'You are the gardener of this farm.\n' };
  using folder = settingsFolder(files);
  vi.stubEnv('CORRAL_CONFIG', folder.config);
  await using server = await composedServer();
  const { id } = await ranSession(server.url, 'Say hi');
  const text = await shown('show', id, '--url', server.url);
  expect(text).toContain('== instructions: role\nYou are the gardener of this farm.\n');
});
