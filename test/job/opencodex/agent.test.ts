// @module-tag all
import { expect, test } from 'vitest';
import { fakeGemini, functionCall, parts, text } from '../../support/agents/fake-gemini.ts';
import { call as request } from '../../support/clients/call.ts';
import { streamOf } from '../../support/clients/opencodex.ts';
import { needs } from '../../support/servers/components.ts';
import { composedServer } from '../../support/servers/composed.ts';

test("a project's agent works step by step with its own model, key, prompt and tools", async (context) => {
  await needs(context, 'bubblewrap');
  await using gemini = await fakeGemini((_request, n) =>
    n === 0
      ? { chunks: [text('Let me look.'), parts([functionCall('file_read', { file: 'project_files/in.txt' })], 'STOP')] }
      : { chunks: [text('It says '), text('hello.', 'STOP')] },
  );
  await using server = await composedServer({ CORRAL_DRIVER: 'process', CORRAL_MODELS_GEMINI_BASE_URL: gemini.url });
  const call = async (method: string, path: string, body?: unknown) =>
    (await request(method, `${server.url}/api/v1${path}`, { body })).body;
  const project = (await call('POST', '/projects', { name: 'P' })).id;
  const sid = (await call('POST', `/projects/${project}/chat-sessions`, { name: 'Of today' })).id;
  const form = new FormData();
  form.set('file', new File(['hello\n'], 'in.txt'));
  await call('POST', `/files/upload/${project}`, form);
  await call('PUT', `/projects/${project}/agent-config`, {
    llm_provider: 'gemini',
    llm_model: 'gemini-2.5-pro',
    system_instructions: 'You are a careful reader.',
    enabled_tools: ['file_read'],
  });
  using live = streamOf(`${server.url.replace('http', 'ws')}/api/v1/chats/${sid}/stream`);
  const types = () => live.frames.map(({ type }) => type);
  const ends = () => types().filter((type) => type === 'end').length;

  await live.send({ type: 'message', content: 'What does the file say?' });
  await expect.poll(ends).toBe(1);
  expect(types().slice(-2)).toEqual(['error', 'end']);
  expect(live.frames.at(-2).message).toContain('GEMINI_API_KEY');

  await call('POST', '/settings/api-keys', { provider: 'gemini', api_key: 'stored-key' });
  live.frames.length = 0;
  await live.send({ type: 'message', content: 'Again, what does the file say?' });
  await expect.poll(ends).toBe(1);
  expect(types()).toEqual(['user_text_block', 'start', 'chunk', 'action', 'observation', 'chunk', 'chunk', 'end']);
  const { messages } = await call('GET', `/chats/${sid}/messages`);
  expect(messages.at(-1).content).toBe('Let me look.\n\nIt says hello.');
  expect(messages.at(-1).agent_actions).toMatchObject([
    { action_type: 'file_read', status: 'success', action_output: { result: 'hello\n' } },
  ]);
  expect((await call('GET', `/chats/${sid}`)).name).toBe('What does the file say?');

  const [first] = gemini.requests;
  expect(first?.path).toContain('gemini-2.5-pro');
  expect(first?.headers['x-goog-api-key']).toBe('stored-key');
  expect(first?.body.systemInstruction.parts[0].text).toMatch(/^You are a careful reader\./);
  const declared = first?.body.tools[0].functionDeclarations.map(({ name }: { name: string }) => name);
  expect(declared.sort()).toEqual(['file_read', 'message_ask_user', 'message_notify_user', 'todo']);
  expect((await call('GET', '/settings/api-keys')).api_keys[0].last_used_at).toMatch(/Z$/);

  // Without a plan, no facade shows one.
  const history = await call('GET', `/sessions/${sid}`);
  expect(history.data.events.map(({ event }: { event: string }) => event)).not.toContain('plan');
  await call('DELETE', `/projects/${project}`);
});
