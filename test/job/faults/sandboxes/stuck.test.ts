// @module-tag nightly
import { expect, test } from 'vitest';
import { fakeRefs } from '../../../support/agents/fake-models/models.ts';
import type { FakeReply, FakeRequest } from '../../../support/agents/fake-models/wire-format.ts';
import { modelServerProcess, saidIn } from '../../../support/agents/model-server.ts';

// A run that makes no progress, over a compaction and a crash of the server.

const settings = {
  CORRAL_MODELS_CATALOG: JSON.stringify({ [fakeRefs.compatible]: { window: 18_000, 'max-output': 2_000 } }),
  CORRAL_STUCK_SAME_RESULT: '14',
};
const words = (n: number) => Array.from({ length: 700 }, (_, at) => `w${n}x${at}`).join(' ');

function replies(request: FakeRequest, n: number): FakeReply {
  if (saidIn(request).includes('will be shortened now')) return { text: '## State\nMuch was said.' };
  return { text: words(n), calls: [{ name: 'shell_exec', args: { id: 's', command: 'echo same' } }] };
}

test('F083 a run is stuck after as many equal calls as without a compaction and a kill -9 between them', async () => {
  await using it = await modelServerProcess({ wire: 'compatible', replies, settings });
  const session = await it.session({ plans: false });
  await session.send('Work');
  const isShortened = () => session.of('context.compacted').some(({ data }) => data.kind === 'summary');
  await expect.poll(isShortened).toBe(true);
  await it.crash();
  const isStuck = () => session.of('run.notice').some(({ data }) => data.kind === 'stuck');
  await expect.poll(isStuck).toBe(true);
  const notice = session.of('run.notice').find(({ data }) => data.kind === 'stuck');
  const calls = session.of('tool.called').filter(({ seq }) => seq < (notice?.seq ?? 0));
  const equal = calls.filter(({ data }) => data.success);
  const cut = calls.length - equal.length; // the kill can fall into a call, whose result is another one
  expect(equal.length).toBeGreaterThanOrEqual(14);
  expect(equal.length).toBeLessThanOrEqual(cut === 0 ? 14 : 28);
  expect(session.of('context.compacted')[0]?.seq).toBeLessThan(notice?.seq ?? 0);
});
