import { expect, onTestFinished, type TestContext, test } from 'vitest';
import type { SessionId } from '../../../src/core/model/ids.ts';
import type { TerminalLine } from '../../../src/sessions/api/terminals.ts';
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
function watching(line: TerminalLine) {
  let text = '';
  line.output.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const shows = (wanted: string) => expect.poll(() => text).toContain(wanted);
  return { shows, text: () => text };
}
const run = async (line: TerminalLine, sum: string) => {
  line.write(`echo sum:$((${sum}))\n`);
};

test('a terminal of a session accepts input, prints output, and changes its size', async (context) => {
  const { id, terminals } = await started(context);
  const info = await terminals().open(id, budget());
  expect(info).toEqual({
    id: expect.stringMatching(/^shell_[0-9a-f]{8}$/),
    sessionId: id,
    created: expect.any(Number),
  });
  expect(await terminals().list(id)).toEqual([info]);
  expect(await terminals().get(info.id)).toEqual(info);
  await using line = await terminals().connect(info.id, budget());
  const { shows } = watching(line);
  await run(line, '40+2');
  await shows('sum:42\r\n');
  line.resize(99, 11);
  line.write('stty size\n');
  await shows('11 99\r\n');
});

test('a shell that exits ends its connection and disappears from the list', async (context) => {
  const { id, terminals } = await started(context);
  const info = await terminals().open(id, budget());
  await using line = await terminals().connect(info.id, budget());
  line.output.resume();
  line.write('exit\n');
  expect(await line.ended).toBe('exited');
  expect(await terminals().list(id)).toEqual([]);
  await expect(terminals().get(info.id)).rejects.toMatchObject({ code: 'shell_not_found' });
  await expect(terminals().connect(info.id, budget())).rejects.toMatchObject({ code: 'shell_not_found' });
});

test('a new connection replaces the old one', async (context) => {
  const { id, terminals } = await started(context);
  const info = await terminals().open(id, budget());
  await using first = await terminals().connect(info.id, budget());
  await using second = await terminals().connect(info.id, budget());
  expect(await first.ended).toBe('replaced');
  const { shows } = watching(second);
  await run(second, '1+1');
  await shows('sum:2\r\n');
});

test('closing a terminal ends its connection, and closing it again finds none', async (context) => {
  const { id, terminals } = await started(context);
  const info = await terminals().open(id, budget());
  await using line = await terminals().connect(info.id, budget());
  line.output.resume();
  await terminals().close(info.id);
  expect(await line.ended).toBe('deleted');
  expect(await terminals().list(id)).toEqual([]);
  await expect(terminals().close(info.id)).rejects.toMatchObject({ code: 'shell_not_found' });
});

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
  expect(await line.ended).toBe('exited');
  expect(await terminals().list(id)).toEqual([]);
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

test('the seventeenth terminal of a session is refused, and creates nothing', async () => {
  await using life = await composeCore();
  const { sessions, terminals } = life.core.services;
  const { id } = await sessions.create({ origin: 'trpc' });
  for (let n = 0; n < 16; n++) await terminals.open(id, budget());
  await expect(terminals.open(id, budget())).rejects.toMatchObject({ code: 'conflict' });
  expect(await terminals.list(id)).toHaveLength(16);
});

test('a terminal cannot exist without a session', async () => {
  await using life = await composeCore();
  const nobody = '0123456789abcdef' as SessionId;
  const { terminals } = life.core.services;
  await expect(terminals.open(nobody, budget())).rejects.toMatchObject({ code: 'session_not_found' });
  await expect(terminals.list(nobody)).rejects.toMatchObject({ code: 'session_not_found' });
  await expect(terminals.get('shell_00000000')).rejects.toMatchObject({ code: 'shell_not_found' });
});
