import { expect, test } from 'vitest';
import type { SessionFact } from '../../../../src/core/model/events.ts';
import type { RunId } from '../../../../src/core/model/ids.ts';
import { MissingTools } from '../../../../src/sessions/run/missing-tools.ts';

test('a tool server without tools is told once in each run, however often it is tried', async () => {
  const missing = new MissingTools();
  const run = (runId: string) => {
    const written: SessionFact[] = [];
    return { runId: runId as RunId, written, write: async (...facts: SessionFact[]) => void written.push(...facts) };
  };
  const [away, guarded] = ['away', 'guarded'].map((name) => ({
    name,
    message: `No ${name}.`,
    isRefused: name !== 'away',
  }));
  if (!away || !guarded) throw new Error('there are two');
  const [first, second] = [run('a'), run('b')];
  for (const failed of [[], [away], [away, guarded], [guarded]]) await missing.tell(first, failed);
  await missing.tell(second, [away]);
  const told = (name: string, isRefused: boolean) => ({
    type: 'run.notice',
    data: { kind: 'no_tools', detail: `No ${name}.`, server: { name, isRefused } },
  });
  expect(first.written).toMatchObject([told('away', false), told('guarded', true)]);
  expect(second.written).toMatchObject([told('away', false)]);
});
