import { expect, test } from 'vitest';
import type { SessionFact } from '../../../../src/core/model/events.ts';
import type { RunId } from '../../../../src/core/model/ids.ts';
import { OmissionReporter } from '../../../../src/sessions/run/missing-tools.ts';

const runOf = (runId: string) => {
  const written: SessionFact[] = [];
  return { runId: runId as RunId, written, write: async (...facts: SessionFact[]) => void written.push(...facts) };
};

test('a tool that no model can be offered is reported once in each run, with server, tool and reason', async () => {
  const run = runOf('a');
  const missing = new OmissionReporter();
  const tool = { server: 'maps', tool: 'find', reason: 'its parameters are of the type array' };
  for (let turn = 0; turn < 2; turn++) await missing.tell(run, [], [tool]);
  await missing.tell(run, [], [{ tool: 'find', reason: 'it is too large' }]);
  expect(run.written).toMatchObject(
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
  const asked = { role: 'user', text: 'a' };
  const others = { ...reply([{}]), model: 'other/m' };
  for (const silent of [[reply([])], [asked, others, asked, reply([])]])
    expect(reported(silent, true)).toMatchObject([{ data: { detail: expect.stringContaining('No tool was called') } }]);
  const [called, changed] = [[reply([{}])], [asked, others, reply([])]];
  expect([...reported(called, true), ...reported(changed, true), ...reported([reply([])], false)]).toEqual([]);
});

test('a tool server without tools is reported once in each run, however often it is tried', async () => {
  const missing = new OmissionReporter();
  const away = { name: 'away', message: 'No away.', isRefused: false };
  const guarded = { name: 'guarded', message: 'No guarded.', isRefused: true };
  const [first, second] = [runOf('a'), runOf('b')];
  for (const failed of [[], [away], [away, guarded], [guarded]]) await missing.tell(first, failed);
  await missing.tell(second, [away]);
  const reported = ({ message, ...server }: typeof away) => ({
    type: 'run.notice',
    data: { kind: 'no_tools', detail: message, server },
  });
  expect(first.written).toMatchObject([reported(away), reported(guarded)]);
  expect(second.written).toMatchObject([reported(away)]);
});
