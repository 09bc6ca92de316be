import { expect, test } from 'vitest';
import type { SessionFact } from '../../../../src/core/model/events.ts';
import type { RunId } from '../../../../src/core/model/ids.ts';
import { OmissionReporter } from '../../../../src/sessions/run/missing-tools.ts';

test('a tool that no model can be offered is reported once in each run, with server, tool and reason', async () => {
  const written: SessionFact[] = [];
  const run = { runId: 'a' as RunId, write: async (...facts: SessionFact[]) => void written.push(...facts) };
  const missing = new OmissionReporter();
  const tool = { server: 'maps', tool: 'find', reason: 'its parameters are of the type array' };
  for (let turn = 0; turn < 2; turn++) await missing.tell(run, [], [tool]);
  await missing.tell(run, [], [{ tool: 'find', reason: 'it is too large' }]);
  expect(written).toMatchObject(
    [
      'The tool find of the tool server maps is left out: its parameters are of the type array.',
      'The custom tool find is left out: it is too large.',
    ].map((detail) => ({ type: 'run.notice', data: { kind: 'left_out', detail } })),
  );
});

test('a model of which nobody knows whether it calls tools is reported until it calls one', () => {
  const reply = (calls: readonly object[]) => ({ role: 'assistant', model: 'local/m', text: 'a', calls, raw: [] });
  const reported = (messages: readonly object[], unproven: boolean) =>
    new OmissionReporter().callless({
      model: { name: 'local/m', abilities: { unproven } },
      runWriter: { runId: 'a', transcript: { messages } },
    } as never);
  expect(reported([reply([])], true)).toMatchObject([
    { data: { detail: expect.stringContaining('does not call tools') } },
  ]);
  expect([...reported([reply([{}])], true), ...reported([reply([])], false)]).toEqual([]);
});

test('a tool server without tools is reported once in each run, however often it is tried', async () => {
  const missing = new OmissionReporter();
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
  const reported = (name: string, isRefused: boolean) => ({
    type: 'run.notice',
    data: { kind: 'no_tools', detail: `No ${name}.`, server: { name, isRefused } },
  });
  expect(first.written).toMatchObject([reported('away', false), reported('guarded', true)]);
  expect(second.written).toMatchObject([reported('away', false)]);
});
