// @module-tag all
import { afterAll, beforeAll, expect, test } from 'vitest';
import WebSocket from 'ws';
import { ClientMessage } from '../../../src/facades/compat/workspace/descriptor.ts';
import { type CallerRoute, connect, procedureSocket, procedures } from './caller-doors.ts';
import { type Caller, callers, expected } from './caller-rights.ts';
import { procedureRules } from './caller-rules.ts';
import { type CallerServer, callerServer } from './caller-server.ts';

// The frames that each caller can send over a server's sockets.

let it: CallerServer;
beforeAll(async () => {
  it = await callerServer();
});
afterAll(() => it[Symbol.asyncDispose]());

test.each(['none', 'viewer', 'auditor', 'user-other', 'sandbox-token', 'person', 'proxy-person', 'program'] as const)(
  'procedures admit %s over a socket as they do over HTTP',
  async (caller) => {
    const shown = await it.shown(caller);
    if (expected('any', caller) !== 'through')
      return expect(await connect(`${it.server.url}/trpc`, shown)).toMatchObject({ code: 401 });
    using socket = await procedureSocket(it.server.url, shown);
    const doors = Object.keys(procedures).map((name): CallerRoute => {
      const ask: CallerRoute['ask'] = (_, to) => socket.ask(name, to);
      return { name: `procedure ${name}`, rule: procedureRules[name], ask };
    });
    expect(await it.mistakes(doors, [caller])).toEqual([]);
  },
);

type FrameCase = readonly [frame: Readonly<Record<string, unknown>>, rule: 'read' | 'work' | 'stop' | 'create'];
/**
 * The frames that clients can send on each socket. A socket that is missing here fails the test, so none stays
 * untested.
 */
const frames: Record<string, readonly FrameCase[]> = {
  '/ws/{sid}': [
    [{ type: 'message', content: 'hi' }, 'work'],
    [{ type: 'stop' }, 'stop'],
    [{ type: 'ping' }, 'read'],
  ],
  '/api/v1/chats/{sid}/stream': [
    [{ type: 'message', content: 'hi' }, 'work'],
    [{ type: 'stop' }, 'stop'],
    [{ type: 'cancel' }, 'stop'],
    [{ type: 'ping' }, 'read'],
  ],
  '/ws': [
    [{ type: 'execute_code', code: 'print(1)', filename: 'saved.py' }, 'create'],
    [{ type: 'terminal_command', command: 'echo hi > saved.py' }, 'create'],
    [{ type: 'save_file', filename: 'saved.py', content: 'a' }, 'create'],
    [{ type: 'ping' }, 'create'],
  ],
  '/ws/shells/{shell_id}': [
    [{ type: 'shell_input', data: 'echo hi\n' }, 'work'],
    [{ type: 'shell_resize', cols: 90, rows: 30 }, 'work'],
  ],
  '/api/v1/sessions/{sid}/vnc': [], // no frames of ours: the desktop's tests cover a viewer's input
};
const casesOf = (path: string) => (frames[path] ?? []).map(([frame, rule]) => [frame, rule] as const);

test('the table of frames names every socket and every frame of a workspace', () => {
  const sockets = it.server.routes.filter(({ isSocket, url }) => isSocket && url !== '/trpc');
  expect(Object.keys(frames).sort()).toEqual(sockets.map(({ url }) => url.replaceAll(/:(\w+)/g, '{$1}')).sort());
  const types = ClientMessage.options.map(({ shape }) => shape.type.value);
  expect(casesOf('/ws').map(([{ type }]) => type)).toEqual(types);
});

/** A socket with every frame that it received. */
async function listening(path: string, caller: Caller) {
  const { headers, signature } = await it.shown(caller);
  const query = signature === undefined ? '' : `${path.includes('?') ? '&' : '?'}signature=${signature}`;
  const socket = new WebSocket(it.server.url.replace('http', 'ws') + path + query, { headers });
  const messages: string[] = [];
  socket.on('message', (data) => void messages.push(String(data))).on('error', () => {});
  const ended = new Promise<number>((resolve) => {
    socket.on('close', resolve).on('unexpected-response', (_, { statusCode }) => resolve(statusCode ?? 0));
  });
  return { socket, messages, ended, [Symbol.dispose]: () => socket.terminate() };
}

// The route test shows that callers without read access are refused before the first frame. Of the admitted callers,
// only the viewer lacks the right to some frames.
test.each(['/ws/{sid}', '/api/v1/chats/{sid}/stream'])('%s: each frame needs a permission of its own', async (path) => {
  for (const [frame, rule] of casesOf(path)) {
    for (const caller of ['viewer', 'user-owner', 'admin'] as const) {
      const { sid } = await it.fresh('sid');
      using client = await listening(path.replace('{sid}', sid), caller);
      client.socket.on('open', () => {
        client.socket.send(JSON.stringify(frame));
        client.socket.send(JSON.stringify({ type: 'ping' }));
      });
      await expect.poll(() => client.messages.some((text) => text.includes('"pong"'))).toBe(true);
      const refused = client.messages.some((text) => text.includes('does not allow this'));
      expect([frame, caller, refused]).toEqual([frame, caller, expected(rule, caller) === 403]);
    }
  }
});

test.each(casesOf('/ws'))('/ws: the frame %j acts only for callers who may work in it', async (frame, rule) => {
  const { signal } = new AbortController();
  for (const caller of callers) {
    const { sid } = await it.fresh('sid');
    using client = await listening('/ws?user_id=somebody', caller);
    client.socket.on('open', () => client.socket.send(JSON.stringify({ ...frame, sessionId: sid, requestId: 'r' })));
    const target = expected(rule, caller);
    if (target === 'through') {
      await expect.poll(() => client.messages.some((text) => text.includes('"requestId":"r"'))).toBe(true);
    } else expect([caller, await client.ended]).toEqual([caller, target === 401 ? 401 : 1008]);
    if (frame.type === 'terminal_command') continue; // the fake sandboxes cannot run the wrapper around the command
    const names = (await it.server.core.services.files.list(sid as never, '.', signal)).map(({ name }) => name);
    const acts = frame.type !== 'ping' && expected('work', caller) === 'through';
    expect([caller, names.includes('saved.py')]).toEqual([caller, acts]);
  }
});

test.each(casesOf('/ws/shells/{shell_id}'))(
  '/ws/shells: the frame %j reaches it only by its rule',
  async (frame, rule) => {
    for (const caller of callers) {
      const { terminal } = await it.fresh('shell_id');
      using client = await listening(`/ws/shells/${terminal}`, caller);
      client.socket.on('open', () => {
        client.socket.send(JSON.stringify(frame));
        client.socket.send('{"type":"nothing"}'); // the server answers this frame last
      });
      const target = expected(rule, caller);
      if (target === 'through') {
        await expect.poll(() => client.messages.some((text) => text.includes('Unknown message type'))).toBe(true);
        expect(client.messages[0]).toContain('shell_connected');
        continue;
      }
      expect([caller, await client.ended]).toEqual([caller, target === 401 ? 401 : 1008]);
      expect(client.messages.filter((text) => !text.includes('"error"'))).toEqual([]);
    }
  },
);
