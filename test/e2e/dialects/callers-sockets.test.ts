import { afterAll, beforeAll, expect, test } from 'vitest';
import WebSocket from 'ws';
import { Frame } from '../../../src/facades/workspace/frames.ts';
import type { Said } from './caller-calls.ts';
import { type Asked, type CallerMatrix, callerMatrix } from './caller-matrix.ts';
import { inputOf, placeOf, procedures } from './caller-procedures.ts';
import { type Caller, callers, expected, procedureRules } from './caller-rules.ts';
import type { Targets } from './caller-targets.ts';

// Every tRPC procedure over a socket, and every frame that a client can send on the other sockets.

let matrix: CallerMatrix;
beforeAll(async () => {
  matrix = await callerMatrix();
}, 60_000);
afterAll(() => matrix[Symbol.asyncDispose]());

test('each procedure admits the same callers over a socket as over HTTP', { timeout: 120_000 }, async () => {
  const asked = Object.entries(procedureRules).map(
    ([name, rule]): Asked => ({
      ...{ name, rule, path: placeOf(name) },
      ask: (caller, to) => callOverSocket(name, caller, to),
    }),
  );
  expect(await matrix.mistakes(asked)).toEqual([]);
});

function callOverSocket(name: string, caller: Caller, to: Targets): Promise<Said> {
  const { promise, resolve } = Promise.withResolvers<Said>();
  const socket = new WebSocket(`${matrix.server.url.replace('http', 'ws')}/trpc`, {
    headers: matrix.credentials(caller),
  });
  const method = procedures[name]?._def.type;
  const input = name === 'system.info' ? {} : { input: inputOf(name, to) };
  socket.on('open', () => socket.send(JSON.stringify({ id: 1, method, params: { path: name, ...input } })));
  socket.on('message', (data) => {
    const { error, result } = JSON.parse(String(data));
    if (result?.type === 'started') return;
    resolve({ code: error?.data.httpStatus ?? 200, text: String(data) });
  });
  socket.on('unexpected-response', (_, { statusCode }) => resolve({ code: statusCode ?? 0, text: '' }));
  socket.on('error', () => {});
  return promise.finally(() => socket.terminate());
}

type FrameCase = readonly [frame: Readonly<Record<string, unknown>>, rule: 'read' | 'work' | 'stop' | 'create'];
/** The frames that clients can send on each socket. A socket that is missing here fails, so none stays untested. */
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
    [{ type: 'execute_code', code: 'print(1)', filename: 'told.py' }, 'create'],
    [{ type: 'terminal_command', command: 'echo hi > told.py' }, 'create'],
    [{ type: 'save_file', filename: 'told.py', content: 'a' }, 'create'],
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
  const sockets = matrix.routes.filter(({ isSocket }) => isSocket).map(({ path }) => path);
  expect(Object.keys(frames).sort()).toEqual(sockets.sort());
  const types = Frame.options.map(({ shape }) => shape.type.value);
  expect(casesOf('/ws').map(([{ type }]) => type)).toEqual(types);
});

/** A socket, with all frames that it received. */
function listening(path: string, caller: Caller) {
  const socket = new WebSocket(matrix.server.url.replace('http', 'ws') + path, { headers: matrix.credentials(caller) });
  const said: string[] = [];
  socket.on('message', (data) => void said.push(String(data))).on('error', () => {});
  const ended = new Promise<number>((resolve) => {
    socket.on('close', resolve).on('unexpected-response', (_, { statusCode }) => resolve(statusCode ?? 0));
  });
  return { socket, said, ended, [Symbol.dispose]: () => socket.terminate() };
}

// The test of the routes shows that callers who cannot read are refused before the first frame. Of the callers that
// are admitted, only the viewer lacks the right to some frames.
test.each(['/ws/{sid}', '/api/v1/chats/{sid}/stream'])('%s: each frame needs a permission of its own', async (path) => {
  for (const [frame, rule] of casesOf(path)) {
    for (const caller of ['viewer', 'user-owner', 'admin'] as const) {
      const { sid } = await matrix.fresh('sid');
      using client = listening(path.replace('{sid}', sid), caller);
      client.socket.on('open', () => {
        client.socket.send(JSON.stringify(frame));
        client.socket.send(JSON.stringify({ type: 'ping' }));
      });
      await expect.poll(() => client.said.some((text) => text.includes('"pong"')), { timeout: 5_000 }).toBe(true);
      const refused = client.said.some((text) => text.includes('may not do this'));
      expect([frame, caller, refused]).toEqual([frame, caller, expected(rule, caller) === 403]);
    }
  }
});

test.each(casesOf('/ws'))(
  '/ws: the frame %j acts on its session for the owner and an administrator only',
  async (frame, rule) => {
    const { signal } = new AbortController();
    for (const caller of callers) {
      const { sid } = await matrix.fresh('sid');
      using client = listening('/ws?user_id=somebody', caller);
      client.socket.on('open', () => client.socket.send(JSON.stringify({ ...frame, sessionId: sid, requestId: 'r' })));
      const wanted = expected(rule, caller);
      if (wanted === 'through') {
        await expect.poll(() => client.said.some((text) => text.includes('"requestId":"r"'))).toBe(true);
      } else expect([caller, await client.ended]).toEqual([caller, wanted === 401 ? 401 : 1008]);
      if (frame.type === 'terminal_command') continue; // the fake sandboxes cannot run the wrapper around the command
      const names = (await matrix.server.core.services.files.list(sid as never, '.', signal)).map(({ name }) => name);
      const acts = frame.type !== 'ping' && (caller === 'user-owner' || caller === 'admin');
      expect([caller, names.includes('told.py')]).toEqual([caller, acts]);
    }
  },
);

test.each(casesOf('/ws/shells/{shell_id}'))(
  '/ws/shells: the frame %j reaches a terminal only for callers its rule admits',
  async (frame, rule) => {
    for (const caller of callers) {
      const { terminal } = await matrix.fresh('shell_id');
      using client = listening(`/ws/shells/${terminal}`, caller);
      client.socket.on('open', () => {
        client.socket.send(JSON.stringify(frame));
        client.socket.send('{"type":"nothing"}'); // the server answers this frame last
      });
      const wanted = expected(rule, caller);
      if (wanted === 'through') {
        await expect.poll(() => client.said.some((text) => text.includes('Unknown message type'))).toBe(true);
        expect(client.said[0]).toContain('shell_connected');
        continue;
      }
      expect([caller, await client.ended]).toEqual([caller, wanted === 401 ? 401 : 1008]);
      expect(client.said.filter((text) => !text.includes('"error"'))).toEqual([]);
    }
  },
);
