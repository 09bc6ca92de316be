import { expect, onTestFinished, type TestContext } from 'vitest';
import { openWebSocket } from './clients/sockets.ts';
import { LeapingClock } from './machines/manual-clock.ts';
import { needs } from './servers/components.ts';
import { composedServer } from './servers/composed.ts';

// biome-ignore lint/suspicious/noExplicitAny: a test says what it expects
type Frame = any;

/** A client of the Workspace facade that has read the server's greeting. */
export async function workspaceClient(url: string, userId?: string) {
  const query = userId === undefined ? '' : `?user_id=${encodeURIComponent(userId)}`;
  const socket = await openWebSocket(`${url.replace('http', 'ws')}/ws${query}`);
  await expect.poll(() => socket.frames.length).toBeGreaterThan(0);
  const [greeting] = socket.frames;
  let calls = 0;
  const client = {
    socket,
    greeting,
    frames: socket.frames as Frame[],
    send: (frame: object | string) => socket.ws.send(typeof frame === 'string' ? frame : JSON.stringify(frame)),
    /** Resolves with the reply to this frame. */
    async ask(frame: object): Promise<Frame> {
      const requestId = `r${calls++}`;
      socket.ws.send(JSON.stringify({ ...frame, requestId }));
      const mine = () => socket.frames.find((it) => it.requestId === requestId);
      await expect.poll(() => mine() !== undefined, { interval: 10 }).toBe(true);
      const { requestId: _, ...reply } = mine();
      return reply;
    },
    /** Resolves with the reply to a command. */
    run: (command: string, sessionId = 'w'): Promise<Frame> =>
      client.ask({ type: 'terminal_command', sessionId, command }),
    close: async () => {
      socket.ws.close();
      await socket.closed;
    },
  };
  return client;
}
export type WorkspaceClient = Awaited<ReturnType<typeof workspaceClient>>;

/** A server on real sandboxes; the end of the test removes its sessions. */
export async function workspaceServer(context: TestContext, settings: Record<string, string> = {}) {
  await needs(context, 'bubblewrap');
  const clock = new LeapingClock();
  const server = await composedServer({ CORRAL_DRIVER: 'process', ...settings }, undefined, { clock });
  onTestFinished(async () => {
    const { sessions } = server.core.services;
    await Promise.all((await sessions.list()).map(({ id }) => sessions.delete(id)));
    await server[Symbol.asyncDispose]();
  });
  const sessions = () => server.core.services.sessions.list();
  return {
    ...server,
    clock,
    sessions,
    async client(userId?: string): Promise<WorkspaceClient> {
      const client = await workspaceClient(server.url, userId);
      onTestFinished(() => client.socket[Symbol.dispose]());
      return client;
    },
    /** The only session of that name. */
    async session(title: string) {
      const found = (await sessions()).filter((it) => it.title === title);
      expect(found, `sessions called ${title}`).toHaveLength(1);
      return found[0] as NonNullable<(typeof found)[0]>;
    },
  };
}
