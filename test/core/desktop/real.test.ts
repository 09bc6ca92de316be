// @module-tag all
import { expect, type TestContext, test } from 'vitest';
import { rfbClient } from '../../support/clients/rfb-client.ts';
import { openWebSocket } from '../../support/clients/sockets.ts';
import { needs } from '../../support/servers/components.ts';
import { composedServer } from '../../support/servers/composed.ts';

// The whole chain: a viewer, the server, the daemon in a bubblewrap sandbox, and its Xvnc.
async function started(context: TestContext, settings: Record<string, string> = {}) {
  await needs(context, 'bubblewrap');
  await needs(context, 'xvnc');
  const server = await composedServer({ CORRAL_DRIVER: 'process', CORRAL_SANDBOX_DESKTOP: 'true', ...settings });
  const { sessions, sandboxes, desktop } = server.core.services;
  const { id } = await sessions.create({ origin: 'sheikhbox' });
  const never = new AbortController().signal;
  const facts = async () =>
    (await Array.fromAsync(sessions.history(id))).flatMap((event) =>
      event.type === 'desktop' ? [event.data.kind] : [],
    );
  return {
    server,
    id,
    sessions,
    sandboxes,
    desktop,
    never,
    facts,
    url: (query = '') => `${server.url.replace('http', 'ws')}/api/v1/sessions/${id}/vnc${query}`,
    async [Symbol.asyncDispose]() {
      await sessions.delete(id).catch(() => {});
      await server[Symbol.asyncDispose]();
    },
  };
}

test('connecting starts the desktop of a sandbox; a stop and a deletion each give their reason', async (context) => {
  await using it = await started(context);
  await it.sandboxes.start(it.id, it.never);
  expect(await it.desktop.status(it.id)).toMatchObject({ state: 'stopped', viewers: 0, controller: null });
  using viewer = await rfbClient(it.url('?viewer=the-viewer'));
  expect(viewer.size).toEqual({ width: 1280, height: 800 });
  expect(await viewer.pixel(10, 10)).toBeTypeOf('number');
  viewer.click(400, 300);
  await expect.poll(async () => (await it.desktop.status(it.id)).controller).toBe('the-viewer');
  await expect.poll(it.facts).toEqual(['started', 'control_taken']);
  expect(await it.desktop.stop(it.id, it.never)).toMatchObject({ state: 'stopped' });
  expect(await viewer.closed).toEqual({ code: 1000, reason: 'The desktop was stopped' });
  using third = await rfbClient(it.url());
  await it.sandboxes.stop(it.id);
  expect((await third.closed).code).toBe(1013);
  using held = await openWebSocket(it.url());
  expect(await held.closed).toEqual({ code: 1011, reason: 'VNC is not available: the sandbox is stopped.' });
  await it.sandboxes.start(it.id, it.never);
  using last = await rfbClient(it.url());
  await it.sessions.delete(it.id);
  expect((await last.closed).code).toBe(4410);
});
