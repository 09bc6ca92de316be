// @module-tag nightly
// The lines of docs/models.md for each provider, run as written against a fake of that provider.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fakeKey, fakeProvider } from '../../support/agents/fake-models/server.ts';
import { fakeSettings } from '../../support/agents/fake-models/settings.ts';
import type { FakeReply, FakeRequest, WireName } from '../../support/agents/fake-models/wire-format.ts';
import { openClient } from '../../support/clients/trpc.ts';
import { serverProcess } from '../../support/servers/server-process.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

const planArgs = { title: 'Say hi', steps: ['Greet'], acknowledgement: 'Greeting at once.' };
const reply = ({ body }: FakeRequest): FakeReply =>
  JSON.stringify(body).includes('Greeting at once.')
    ? { text: 'Hi there.' }
    : { calls: [{ name: 'make_plan', args: planArgs }] };

const guide = await readFile('docs/models.md', 'utf8');
/** The variables before `npm start` in the line for this provider. */
function lineOf(wire: WireName): Record<string, string> {
  const line = guide.split('\n').find((it) => it.includes(`CORRAL_MODEL=${wire}/`) && it.endsWith(' npm start'));
  const pairs = (line ?? '').trim().split(' ').slice(0, -2);
  return Object.fromEntries(pairs.map((pair) => pair.replace('…', fakeKey).split('=', 2)));
}

async function greets(settings: Record<string, string>): Promise<string> {
  await using server = await serverProcess({ CORRAL_DRIVER: 'memory', ...settings });
  using client = openClient(server.url, 'ws');
  const { id } = await client.sessions.create.mutate({ task: 'Please greet me' });
  const now = async () => (await client.sessions.get.query({ id })).status;
  await expect.poll(now).toBe('completed');
  return (await client.sessions.get.query({ id })).latestMessage;
}

test.each(['gemini', 'openai', 'anthropic'] as const)('the line for %s gives a session with it', async (wire) => {
  await using provider = await fakeProvider(wire, reply);
  const line = lineOf(wire);
  expect(Object.keys(line)).toHaveLength(2);
  const { CORRAL_MODEL: _model, ...place } = fakeSettings(wire, provider.url);
  expect([await greets({ ...place, ...line }), provider.refusals]).toEqual(['Hi there.', []]);
});

test('the lines for a server that speaks Chat Completions give a session with it', async () => {
  await using provider = await fakeProvider('compatible', reply);
  const [, block = ''] = /\n\n((?: {4}.*\n)*? {4}model: local\/qwen3\n(?: {4}.*\n)*)/.exec(guide) ?? [];
  expect(block.trim().split('\n')).toHaveLength(3);
  using folder = temporaryFolder();
  const file = join(folder.path, 'corral.yaml');
  await writeFile(file, block.replace(/^ {4}/gm, '').replace(/http:[^"]*/, provider.url));
  expect([await greets({ CORRAL_CONFIG: file }), provider.refusals]).toEqual(['Hi there.', []]);
});
