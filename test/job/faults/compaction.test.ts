// @module-tag all
import { expect } from 'vitest';
import { fakeRefs } from '../../support/agents/fake-models/models.ts';
import { type FakeReply, type FakeRequest, isPlanned } from '../../support/agents/fake-models/wire-format.ts';
import { modelServerProcess, saidIn } from '../../support/agents/model-server.ts';
import { problemsOf } from '../../support/hostile/checker.ts';
import { testRows } from '../../support/runner/tags.ts';

// A server that dies while its model writes the summary of a long conversation.

const settings = {
  CORRAL_MODELS_CATALOG: JSON.stringify({ [fakeRefs.compatible]: { window: 24_000, 'max-output': 2_000 } }),
};
const wantsSummary = (request: FakeRequest) => saidIn(request).includes('will be shortened now');
const words = (n: number) => Array.from({ length: 700 }, (_, at) => `w${n}x${at}`).join(' ');
const summary = '## State\nMuch was said.';

testRows([true, false])(
  'F015 kill -9 during a compaction leaves one summary or none (with a plan: %s)',
  async (plans) => {
    let summaries = 0;
    const replies = (request: FakeRequest, n: number): FakeReply => {
      if (wantsSummary(request)) return ++summaries === 1 ? 'silence' : { text: summary };
      if (plans && !isPlanned(request)) {
        return { calls: [{ name: 'make_plan', args: { title: 'Talk', steps: ['Talk'], acknowledgement: 'On it.' } }] };
      }
      const said = saidIn(request);
      if (said.includes('hello')) return { text: 'Hello to you.' };
      if (said.includes('Much was said.')) return { text: 'That is all.' };
      return { text: words(n), calls: [{ name: 'shell_exec', args: { id: 's', command: `echo turn ${n}` } }] };
    };
    await using it = await modelServerProcess({ wire: 'compatible', replies, settings });
    const session = await it.session({ plans });
    const compactions = () => session.of('context.compacted').map(({ data }) => data);
    await session.send('Talk much');
    await expect.poll(() => summaries).toBe(1);
    expect(compactions().filter(({ kind }) => kind === 'summary')).toEqual([]);

    await it.crash();
    await session.reaches('run.end');
    expect(compactions().filter(({ kind }) => kind === 'summary')).toMatchObject([{ summary }]);
    expect(session.of('run.end')[0]?.data.status).toBe('completed');

    await session.send('hello');
    await session.reaches('run.end', 2);
    expect(session.of('message.assistant').at(-1)?.data.text).toBe('Hello to you.');
    expect(problemsOf(session.log())).toEqual([]);
    expect(it.provider.refusals).toEqual([]);
    expect(summaries).toBe(2);
  },
);
