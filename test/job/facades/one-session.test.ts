// @module-tag all
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import WebSocket from 'ws';
import type { SessionEvent } from '../../../src/core/model/events.ts';
import { api, fence, storedEvents } from '../../support/clients/api.ts';
import { type SeenEntry, socketWatcher, sseWatcher, trpcWatcher } from '../../support/clients/watchers.ts';
import { needs } from '../../support/servers/components.ts';
import { serverProcess } from '../../support/servers/server-process.ts';

// A second, independent copy of the table in wire.md 1.2: each facade's form of each event.
type Words = (event: SessionEvent) => string | undefined;
const isAsk = (event: SessionEvent) => 'function' in event.data && event.data.function === 'message_ask_user';
const ofMessage = (event: SessionEvent) => 'tool' in event.data && event.data.tool === 'message';

const sheikhbox: Words = (event) => {
  const names: Partial<Record<SessionEvent['type'], string>> = {
    'message.user': 'message',
    'message.assistant': 'message',
    title: 'title',
    plan: 'plan',
    step: 'step',
    'tool.calling': 'tool',
    'tool.called': 'tool',
    'run.wait': 'wait',
    'run.error': 'error',
    'run.end': 'done',
  };
  return isAsk(event) ? undefined : names[event.type];
};
const conversation =
  (profile: 'crogia' | 'cambioml'): Words =>
  (event) => {
    const names: Partial<Record<SessionEvent['type'], string>> = {
      'run.started': 'task_started',
      [profile === 'crogia' ? 'message.delta' : 'message.assistant']: 'text_delta',
      'tool.calling': 'tool_call',
      'tool.called': 'tool_complete',
      'run.wait': 'waiting',
      'run.error': 'error',
      'run.end': 'task_completed',
    };
    return ofMessage(event) ? undefined : names[event.type];
  };
const opencodex: Words = (event) => {
  const names: Partial<Record<SessionEvent['type'], string>> = {
    'message.user': 'user_text_block',
    'run.started': 'start',
    'run.resumed': 'start',
    title: 'title_updated',
    'message.delta': 'chunk',
    'tool.calling': 'action',
    'tool.called': 'observation',
    'run.wait': 'end',
    'run.error': 'error',
    'run.end': 'end',
  };
  return ofMessage(event) ? undefined : names[event.type];
};
const trpc: Words = (event) => event.type;

const expected = (events: readonly SessionEvent[], words: Words): SeenEntry[] =>
  events.flatMap((event) => {
    const name = words(event);
    return name === undefined ? [] : [{ seq: event.seq, name }];
  });

const task = `Work on\n${fence('sh', 'echo one; sleep 1; echo two')}\n${fence('ask', 'Which colour?')}\n${fence('sh', 'sleep 1; echo three > shared.txt')}`;

test('one session watched through every API during a crash and a restart of its server shows the same events in the same order in every API', async (context) => {
  await needs(context, 'bubblewrap');
  await using server = await serverProcess({ CORRAL_DRIVER: 'process', CORRAL_RATE_LIMIT_PER_MINUTE: '0' });
  const client = api(server.url);
  const id = await client.create();
  const ws = server.url.replace('http', 'ws');
  const names = ['message', 'title', 'plan', 'step', 'tool', 'wait', 'error', 'done'];
  using sheikhboxWatch = sseWatcher(`${server.url}/api/v1/sessions/${id}/events?last_event_id=0`, names);
  using crogiaWatch = socketWatcher(`${ws}/ws/${id}?profile=crogia`);
  using cambioWatch = socketWatcher(`${ws}/ws/${id}?profile=cambioml`);
  using opencodexWatch = socketWatcher(`${ws}/api/v1/chats/${id}/stream`);
  using trpcSse = trpcWatcher(server.url, id, 'sse');
  using trpcWs = trpcWatcher(server.url, id, 'ws');

  await client.send(id, task);
  await sleep(1_500);
  server.kill('SIGKILL');
  await server.restart();
  await expect.poll(() => client.status(id)).toBe('waiting');
  server.kill('SIGTERM');
  await server.restart();
  await client.send(id, 'Blue');
  await expect.poll(() => client.status(id)).toBe('completed');

  const events = storedEvents(server.data, id);
  const watchers = [
    [sheikhboxWatch, sheikhbox],
    [crogiaWatch, conversation('crogia')],
    [cambioWatch, conversation('cambioml')],
    [opencodexWatch, opencodex],
    [trpcSse, trpc],
    [trpcWs, trpc],
  ] as const;
  for (const [watcher, words] of watchers) await expect.poll(() => watcher.seen).toEqual(expected(events, words));

  // The sixth facade has no conversation stream, but works in the same workspace.
  const output = await inWorkspace(`${ws}/ws?user_id=u`, {
    type: 'terminal_command',
    sessionId: id,
    command: 'cat shared.txt',
  });
  expect(output).toMatchObject({ type: 'terminal_output', output: 'three\n' });
  expect((await client.remove(id)).status).toBe(200);
});

async function inWorkspace(url: string, command: object): Promise<Record<string, unknown>> {
  const socket = new WebSocket(url);
  try {
    const reply = Promise.withResolvers<Record<string, unknown>>();
    socket.on('error', reply.reject);
    socket.on('message', (data) => {
      const frame = JSON.parse(String(data)) as Record<string, unknown>;
      if (frame.type === 'connected') socket.send(JSON.stringify(command));
      else reply.resolve(frame);
    });
    return await reply.promise;
  } finally {
    socket.close();
  }
}
