import { once } from 'node:events';
import { expect, test } from 'vitest';
import { createWorkspaceRoutes } from '../../../src/facades/compat/workspace/descriptor.ts';
import type { WorkspaceHandle } from '../../../src/sessions/api/workspaces.ts';
import { openWebSocket, socketTestServer } from '../../support/clients/sockets.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';

test('a workspace holds at most 16 MiB of waiting commands plus one, however few they are', async () => {
  const begun: string[] = [];
  const gate = Promise.withResolvers<void>();
  const member: Partial<WorkspaceHandle> = {
    async saveFile(name) {
      begun.push(name);
      if (name === 'a') await gate.promise;
      else await new Promise(() => {});
    },
    [Symbol.dispose]() {},
  };
  const workspaces = { join: () => member as WorkspaceHandle };
  const logger = { info: () => {}, warn: () => {}, error: () => {} };
  await using server = await socketTestServer({
    routes: (sockets) =>
      createWorkspaceRoutes({ workspaces, sockets, clock: manualClock(), logger }).mount(undefined as never),
  });
  using client = await openWebSocket(`${server.url}/ws`);
  const content = 'x'.repeat(6 * 1024 * 1024);
  for (const sessionId of ['a', 'b', 'c', 'd'])
    client.ws.send(JSON.stringify({ type: 'save_file', sessionId, filename: 'f', content }));
  const received = once(client.ws, 'pong');
  client.ws.ping();
  await received; // so that the server has all four frames
  await expect.poll(() => begun).toEqual(['a', 'b', 'c']);
  gate.resolve();
  await expect.poll(() => begun).toEqual(['a', 'b', 'c', 'd']);
});
