import { expect, test } from 'vitest';
import type { SessionCommand } from '../../../../machines/session.ts';
import type { SessionEvent } from '../../../../src/core/model/events.ts';
import { deriveMessageId, RunId, SessionId } from '../../../../src/core/model/ids.ts';
import { CommandRouter } from '../../../../src/sessions/cluster/command-router.ts';
import { createLocalOwnership } from '../../../../src/sessions/engine/ownership.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

const id = SessionId.parse('00000000000000ab');
const runId = RunId.parse('11111111-1111-4111-8111-111111111111');
const command = (commandId: string) => ({
  type: 'cmd.send' as const,
  commandId,
  mode: 'queue' as const,
  text: 'Say hi',
  attachments: [],
  clientTimestamp: undefined,
  messageId: deriveMessageId('the start'),
  runId,
  isRepeatable: true,
});

/** A router of the server that has the session, whose log gets each message that the session takes. */
function bench() {
  const events: SessionEvent[] = [];
  const live = {};
  const supervisor = {
    reach: async () => live,
    has: () => true,
    async command(_: SessionId, { messageId, text }: ReturnType<typeof command>) {
      const seq = events.length + 1;
      const data = { messageId, text, attachments: [] };
      events.push({ type: 'message.user', seq, sessionId: id, ts: 1, runId, data });
      return { messageId, runId, seq };
    },
  };
  const { commands } = createInMemoryStore();
  const clock = manualClock(1_000);
  const page = async (_: SessionId, after: number, limit: number) => ({
    events: events.filter(({ seq }) => seq > after).slice(0, limit),
    head: events.length,
    thinned: 0,
    trimmed: 0,
  });
  const ownership = { ...createLocalOwnership(), isShared: true, owned: () => [id] };
  const parts = { supervisor, liveSessions: { get: () => live }, log: { page }, ownership, commands, clock };
  let short = 0;
  const deps = {
    ...parts,
    sandboxes: {},
    eviction: {},
    ids: { short: () => `${++short}` },
    startTimeoutMs: 1,
    warn: () => {},
  };
  const router = new CommandRouter(deps as never);
  const post = (posted: SessionCommand) =>
    commands.post({
      id: posted.commandId,
      sessionId: id,
      name: 'command',
      at: 1_000,
      body: { until: 61_000, body: posted },
    });
  const answered = async (posted: string) => {
    clock.advance(100);
    return (await commands.answers([posted])).size;
  };
  return { router, events, post, answered };
}

test('a message that a server left before it died, and that this one sends itself, is one', async () => {
  const { router, events, post, answered } = bench();
  await using _router = router;
  router.start();
  await post(command('left'));
  await expect.poll(() => answered('left')).toBe(1);
  const sent = await router.command(id, command('own'));
  expect(events.map(({ type }) => type)).toEqual(['message.user']);
  expect(sent).toMatchObject({ messageId: deriveMessageId('the start'), seq: 1 });
});

test('a message that is left again after this server has sent it is one', async () => {
  const { router, events, post, answered } = bench();
  await using _router = router;
  router.start();
  await router.command(id, command('own'));
  await post(command('left'));
  await expect.poll(() => answered('left')).toBe(1);
  expect(events).toHaveLength(1);
});
