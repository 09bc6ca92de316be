import { expect, test } from 'vitest';
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
  const warn = () => {};
  const ids = { short: () => `${++short}` };
  const router = new CommandRouter({ ...parts, ids, sandboxes: {}, eviction: {}, startTimeoutMs: 1, warn } as never);
  return {
    router,
    events,
    /** Another server leaves the message for this one, and gets its answer. */
    async leave() {
      const body = { until: 61_000, body: command('left') };
      await commands.post({ id: 'left', sessionId: id, name: 'command', at: 1_000, body });
      const answered = async () => {
        clock.advance(100);
        return (await commands.answers(['left'])).size;
      };
      await expect.poll(answered).toBe(1);
    },
  };
}

test.each(['before', 'after'])(
  'a message that a dead server left %s this one has sent it itself is one',
  async (when) => {
    const { router, events, leave } = bench();
    await using _router = router;
    router.start();
    if (when === 'before') await leave();
    const sent = await router.command(id, command('own'));
    if (when === 'after') await leave();
    expect(events.map(({ type }) => type)).toEqual(['message.user']);
    expect(sent).toMatchObject({ messageId: deriveMessageId('the start'), seq: 1 });
  },
);
