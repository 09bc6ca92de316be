import { expect, onTestFinished, type TestContext, test } from 'vitest';
import type { TerminalConnection } from '../../../src/sessions/api/terminals.ts';
import { endSandboxes } from '../../support/sandboxes/ended-sandboxes.ts';
import { needs } from '../../support/servers/components.ts';
import { type ComposedCore, composeCore } from '../../support/servers/composed.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

const budget = () => AbortSignal.timeout(60_000);

/** The core on real sandboxes, with a session that is deleted at the end of the test. */
async function started(context: TestContext) {
  await needs(context, 'bubblewrap');
  const folder = temporaryFolder();
  let life = await composeCore({ CORRAL_DRIVER: 'process' }, folder.path);
  const { id } = await life.core.services.sessions.create({ origin: 'trpc' });
  onTestFinished(async () => {
    await life.core.services.sessions.delete(id).catch(() => {});
    await life[Symbol.asyncDispose]();
    await endSandboxes(folder.path);
    folder[Symbol.dispose]();
  });
  return {
    id,
    terminals: () => life.core.services.terminals,
    services: () => life.core.services,
    async restart(): Promise<ComposedCore> {
      await life[Symbol.asyncDispose]();
      life = await composeCore({ CORRAL_DRIVER: 'process' }, folder.path);
      return life;
    },
  };
}

/** Reads a line as a user's page does. */
function watching(line: TerminalConnection) {
  let text = '';
  line.output.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const shows = (expected: string) => expect.poll(() => text).toContain(expected);
  return { shows, text: () => text };
}

test('a terminal survives a server restart as long as its sandbox lives', async (context) => {
  const { id, terminals, restart } = await started(context);
  const info = await terminals().open(id, budget());
  {
    await using line = await terminals().connect(info.id, budget());
    const { shows } = watching(line);
    line.write('kept=yes; echo set:$((3*3))\n');
    await shows('set:9\r\n');
  }
  await restart();
  expect(await terminals().list(id)).toEqual([info]);
  await using line = await terminals().connect(info.id, budget());
  const { shows } = watching(line);
  line.write('echo kept:$kept\n');
  await shows('kept:yes\r\n');
});

test('stopping the sandbox ends its terminals, and listing them does not start it', async (context) => {
  const { id, terminals, services } = await started(context);
  const info = await terminals().open(id, budget());
  await using line = await terminals().connect(info.id, budget());
  line.output.resume();
  await services().sandboxes.stop(id);
  expect([await line.ended, await terminals().list(id)]).toEqual(['exited', []]);
  await expect(terminals().connect(info.id, budget())).rejects.toMatchObject({ code: 'shell_not_found' });
  expect((await services().sandboxes.status(id)).state).toBe('stopped');
});

test('deleting a session deletes its terminals', async (context) => {
  const { id, terminals, services } = await started(context);
  const info = await terminals().open(id, budget());
  await using line = await terminals().connect(info.id, budget());
  line.output.resume();
  await services().sessions.delete(id);
  expect(await line.ended).toBe('session_deleted');
  await expect(terminals().get(info.id)).rejects.toMatchObject({ code: 'shell_not_found' });
  await expect(terminals().list(id)).rejects.toMatchObject({ code: 'session_not_found' });
});
