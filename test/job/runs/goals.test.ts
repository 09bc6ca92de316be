// @module-tag all
// Goals of runs with a real server and real sandboxes: checks, the grader, misses, a restart, a stop, a budget.
import { expect, test } from 'vitest';
import { Corral } from '../../../src/client/index.ts';
import { fakeProvider } from '../../support/agents/fake-models/server.ts';
import { fakeSettings } from '../../support/agents/fake-models/settings.ts';
import { type FakeReply, type FakeRequest, isGrader, toolCall } from '../../support/agents/fake-models/wire-format.ts';
import { needs } from '../../support/servers/components.ts';
import { composedServer } from '../../support/servers/composed.ts';

/** First forgets the file, and does not name it in the answer. */
function forgetful(request: FakeRequest): FakeReply {
  const prompt = JSON.stringify(request.body);
  if (isGrader(request)) {
    const isNamed = prompt.includes('It is done.txt');
    const reason = isNamed ? 'The file is named.' : 'The answer does not name the file.';
    return toolCall('give_verdict', { verdict: isNamed ? 'satisfied' : 'not_satisfied', reason });
  }
  if (prompt.includes('does not name the file')) return { text: 'It is done.txt.' };
  if (prompt.includes('ended with exit code') && !prompt.includes('"tool_call_id"'))
    return toolCall('shell_exec', { id: 'main', command: 'echo made > done.txt' });
  return { text: 'Done.' };
}

test('misses go back to the agent with their reasons, until checks and grader are satisfied', async (context) => {
  await needs(context, 'bubblewrap');
  await using provider = await fakeProvider('compatible', forgetful);
  const settings = {
    CORRAL_DRIVER: 'process',
    CORRAL_TEMPLATE: 'minimal',
    ...fakeSettings('compatible', provider.url),
  };
  await using server = await composedServer(settings);
  const corral = new Corral({ url: server.url });
  await using box = await corral.create();
  const goal = { rubric: 'The answer names the file.', checks: [{ command: 'cat done.txt' }] };
  const run = await box.run('Make a file', { goal });
  expect(await run.result()).toMatchObject({
    status: 'completed',
    text: 'It is done.txt.',
    goal: { result: 'satisfied', reason: 'The file is named.', rounds: 3 },
  });
  const events = await Array.fromAsync(run);
  const reported = events.flatMap(({ type, data }) => (type === 'goal' ? [data] : []));
  const command = 'cat done.txt';
  expect(reported).toMatchObject([
    { kind: 'checking', round: 1, command },
    { kind: 'checked', round: 1, command, result: 'missed', exitCode: 1 },
    { kind: 'judged', round: 1, result: 'not_satisfied', feedback: { text: expect.stringContaining('exit code 1') } },
    { kind: 'checking', round: 2, command },
    { kind: 'checked', round: 2, command, result: 'passed', exitCode: 0, detail: 'made' },
    { kind: 'checking', round: 2 },
    { kind: 'checked', round: 2, result: 'missed', detail: 'The answer does not name the file.' },
    { kind: 'judged', round: 2, result: 'not_satisfied' },
    { kind: 'checking', round: 3, command },
    { kind: 'checked', round: 3, command, result: 'passed' },
    { kind: 'checking', round: 3 },
    { kind: 'checked', round: 3, result: 'passed' },
    { kind: 'judged', round: 3, result: 'satisfied' },
  ]);
  const session = await box.session();
  expect(session.outcome).toMatchObject({ status: 'completed', goal: { result: 'satisfied', rounds: 3 } });
  const viewed = await (await corral.fetch(`/api/v1/sessions/${box.id}`)).json();
  expect(viewed.data.goal).toMatchObject({ result: 'satisfied' });

  const graded = provider.requests.filter(isGrader).map(({ body }) => body);
  expect(graded).toHaveLength(2);
  const material = JSON.stringify(graded[0].messages);
  for (const shown of ['The answer names the file.', 'Make a file', 'Done.', 'added: done.txt', '+made'])
    expect(material).toContain(shown);
  expect(material).not.toContain('shell_exec'); // nothing of the agent's conversation
  const usage = events.flatMap(({ type, data }) => (type === 'usage' ? [data] : []));
  expect(usage.filter(({ purpose }) => purpose === 'grade')).toHaveLength(2);
  expect(usage.every(({ turn, requestHash }) => turn !== undefined && requestHash !== undefined)).toBe(true);
  const turn = usage.find(({ purpose }) => purpose === 'grade')?.turn;
  const seen = await corral.call((api) => api.sessions.promptAt.query({ id: box.id, ...(turn && { turn }) }));
  expect(seen).toMatchObject({ proved: true, sections: [{ part: 'grader' }] });
});
