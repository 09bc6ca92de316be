// @module-tag all
import { afterAll, expect, type TestContext, test } from 'vitest';
import { computer } from '../../../src/agents/tools/computer/claude.ts';
import type { ToolContext } from '../../../src/agents/tools/tool.ts';
import { toolBench } from '../../support/agents/tools.ts';
import { needs } from '../../support/servers/components.ts';
import { type ComposedServer, composedServer } from '../../support/servers/composed.ts';

// An agent's actions on a real screen, and the events about that screen in the log.
const soon = () => AbortSignal.timeout(40_000);
const patience = { interval: 50 };
let server: ComposedServer | undefined;
afterAll(async () => await server?.[Symbol.asyncDispose]());

async function opened(context: TestContext) {
  await needs(context, 'bubblewrap');
  await needs(context, 'desktop');
  const settings = { CORRAL_DRIVER: 'process', CORRAL_SANDBOX_DESKTOP: 'true', CORRAL_SANDBOX_MEMORY: '2GiB' };
  server ??= await composedServer(settings);
  const { sessions } = server.core.services;
  const { id } = await sessions.create({ origin: 'sheikhbox' });
  const used = await server.core.engine.sandboxes.use(id, soon());
  const keepPicture: ToolContext['keepPicture'] = async ({ mimeType }) => ({ file: 'f', url: '/f', mimeType });
  const { context: made } = toolBench();
  const facts = async () =>
    (await Array.fromAsync(sessions.history(id))).flatMap((event) => (event.type === 'desktop' ? [event.data] : []));
  return {
    id,
    facts,
    desktop: used.client.desktop,
    exec: async (command: string) => (await used.client.exec({ command }, soon())).stdout,
    act: async (args: object) => {
      const result = await computer.run(made({ sandbox: used.client, keepPicture }), args);
      expect(result.ok, result.output).toBe(true);
      return result.output;
    },
    async [Symbol.asyncDispose]() {
      await used[Symbol.asyncDispose]();
      await sessions.delete(id);
    },
  };
}

test('F126 F127 the log records that a tool started the desktop, and that its browser and its display were killed', {
  tags: ['nightly'],
}, async (context) => {
  await using it = await opened(context);
  await it.act({ action: 'screenshot' });
  await expect.poll(it.facts, patience).toEqual([{ kind: 'started', detail: 'The desktop runs, 1280 × 800.' }]);
  const reported = async () => (await it.facts()).slice(1).map(({ kind, detail }) => `${kind}: ${detail}`);
  const browser = async () => (await it.desktop.status(soon())).browser;
  await expect.poll(browser, patience).toBe('running');
  await it.exec('pkill -KILL -f remote-debugging-pipe');
  await expect.poll(reported, patience).toEqual([expect.stringMatching(/^restarted: chromium.* SIGKILL/)]);
  await it.exec('pkill -KILL -f "X(tiger)?vnc"');
  await expect.poll(async () => (await reported()).at(-1), patience).toMatch(/^restarted: X(tiger)?vnc.* SIGKILL/);
  await it.act({ action: 'screenshot' }); // the session continues
  await it.desktop.stop(soon());
  await expect.poll(async () => (await reported()).at(-1), patience).toBe('stopped: The desktop was stopped.');
});
