import { describe, expect, test } from 'vitest';
import type { QueuedCommand, Store } from '../../../../src/core/contracts/ports.ts';
import { newSession } from '../../../support/stores/store.ts';

let ids = 0;

export function commandContract(store: () => Store): void {
  describe('commands', () => {
    const post = async (more: Partial<QueuedCommand> = {}): Promise<QueuedCommand> => {
      const command = { id: `command${++ids}`, sessionId: newSession(), name: 'send', body: null, at: 1_000, ...more };
      await store().commands.post(command);
      return command;
    };

    test('are returned as posted, and only to a caller that names their session', async () => {
      const command = await post({ body: { text: '\u0000 𝄞 "', deep: [{ a: [] }] } });
      await post();
      expect(await store().commands.pending([newSession(), command.sessionId], 10)).toEqual([command]);
      expect(await store().commands.pending([], 10)).toEqual([]);
    });

    test('come oldest first, those of one moment as they came, and at most as many as requested', async () => {
      const sessionId = newSession();
      const [third, first, fourth] = [
        await post({ sessionId, at: 20 }),
        await post({ sessionId, at: 10 }),
        await post({ sessionId, at: 20 }),
      ];
      const second = await post({ at: 15 });
      const requests = [sessionId, second.sessionId];
      expect(await store().commands.pending(requests, 10)).toEqual([first, second, third, fourth]);
      expect(await store().commands.pending(requests, 2)).toEqual([first, second]);
    });

    test('posted twice under one id are one, the first', async () => {
      const command = await post({ body: 1 });
      await store().commands.post({ ...command, body: 2 });
      expect(await store().commands.pending([command.sessionId], 10)).toEqual([command]);
      await store().commands.answer(command.id, 'done');
      await store().commands.post(command);
      expect(await store().commands.pending([command.sessionId], 10)).toEqual([]);
    });

    test('once answered are no longer pending, and the first answer stays', async () => {
      const [answered, nothing, open] = [await post(), await post(), await post()];
      await store().commands.answer(answered.id, { ok: ['a'] });
      await store().commands.answer(answered.id, { ok: ['b'] });
      await store().commands.answer(nothing.id, undefined);
      await store().commands.answer('unknown', 1);
      const answers = await store().commands.answers([answered.id, nothing.id, open.id, 'unknown']);
      expect([...answers].sort()).toEqual([
        [answered.id, { ok: ['a'] }],
        [nothing.id, null],
      ]);
      expect(await store().commands.pending([answered.sessionId, open.sessionId], 10)).toEqual([open]);
    });

    test('without an answer list their sessions once each, the longest waiting first', async () => {
      const [late, later] = [await post({ at: -90 }), await post({ at: -80 })];
      await post({ at: -70, sessionId: late.sessionId });
      const answered = await post({ at: -95 });
      await store().commands.answer(answered.id, 1);
      await post({ at: -50 });
      expect(await store().commands.waiting(-50, 10)).toEqual([late.sessionId, later.sessionId]);
      expect(await store().commands.waiting(-50, 1)).toEqual([late.sessionId]);
      expect(await store().commands.waiting(-90, 10)).toEqual([]);
    });

    test('posted before a time are forgotten, answered or not; later ones are not', async () => {
      await store().commands.expire(-100);
      const [open, answered, young] = [await post({ at: -300 }), await post({ at: -300 }), await post({ at: -200 })];
      await store().commands.answer(answered.id, 1);
      expect(await store().commands.expire(-200)).toBe(2);
      expect((await store().commands.answers([answered.id])).size).toBe(0);
      expect(await store().commands.pending([open.sessionId, young.sessionId], 10)).toEqual([young]);
    });
  });
}
