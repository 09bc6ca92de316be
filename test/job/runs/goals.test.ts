// @module-tag all
// Goals of runs with a real server and real sandboxes: checks, the grader, misses, a restart, a stop, a budget.
import { expect, test } from 'vitest';
import { Corral } from '../../../src/client/index.ts';
import { fakeKey, fakeProvider } from '../../support/agents/fake-models/server.ts';
import type { FakeReply, FakeRequest } from '../../support/agents/fake-models/wire-format.ts';
import { needs } from '../../support/servers/components.ts';
import { serverProcess } from '../../support/servers/server-process.ts';

const call = (name: string, args: object): FakeReply => ({ calls: [{ name, args: { ...args } as never }] });
const isGrader = ({ body }: FakeRequest): boolean => JSON.stringify(body.tools ?? []).includes('give_verdict');
const settings = (url: string, driver: string) => ({
  CORRAL_DRIVER: driver,
  CORRAL_TEMPLATE: 'minimal',
  CORRAL_MODELS_COMPATIBLE: JSON.stringify({ local: { 'base-url': url, 'api-key': fakeKey } }),
  CORRAL_MODEL: 'local/server',
});

/** Forgets the file at first, and to name it in its answer. */
function forgetful(request: FakeRequest): FakeReply {
  const prompt = JSON.stringify(request.body);
  if (isGrader(request)) {
    const isNamed = prompt.includes('It is done.txt');
    const reason = isNamed ? 'The file is named.' : 'The answer does not name the file.';
    return call('give_verdict', { verdict: isNamed ? 'satisfied' : 'not_satisfied', reason });
  }
  if (prompt.includes('does not name the file')) return { text: 'It is done.txt.' };
  if (prompt.includes('ended with exit code') && !prompt.includes('"tool_call_id"'))
    return call('shell_exec', { id: 'main', command: 'echo made > done.txt' });
  return { text: 'Done.' };
}

test('misses go back to the agent with their reasons, until checks and grader are satisfied', async (context) => {
  await needs(context, 'bubblewrap');
  await using provider = await fakeProvider('compatible', forgetful);
  await using server = await serverProcess(settings(provider.url, 'process'));
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

test('a stop ends a check with its processes; a queued goal is not judged', { tags: ['nightly'] }, async (context) => {
  await needs(context, 'bubblewrap');
  await using provider = await fakeProvider('compatible', () => ({ text: 'Done.' }));
  await using server = await serverProcess(settings(provider.url, 'process'));
  await using box = await new Corral({ url: server.url }).create();
  const goal = { checks: [{ command: 'echo begun > begun.txt; exec -a the-check sleep 600' }] };
  const run = await box.run('Work', { goal });
  const next = await box.run('Work on', { goal }); // a run of its own, behind the first
  expect(next.id).not.toBe(run.id);
  await expect.poll(() => box.files.read('begun.txt').catch(() => '')).toBe('begun\n');
  await run.stop();
  const goalOf = { result: 'could_not_be_judged', reason: 'The run ended before its goal was judged.' };
  expect(await run.result()).toMatchObject({ status: 'stopped', goal: { ...goalOf, rounds: 1 } });
  expect(await next.result()).toMatchObject({ status: 'stopped', goal: { ...goalOf, rounds: 0 } });
  expect((await box.exec('cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" " "')).stdout).not.toContain('the-check 600');
});

test('a budget that does not cover the grader is requested, and a grader without a verdict judges nothing', {
  tags: ['nightly'],
}, async () => {
  const prose = (request: FakeRequest): FakeReply =>
    isGrader(request) ? { text: 'It looks fine.' } : { text: 'Done.' };
  await using provider = await fakeProvider('compatible', prose);
  await using server = await serverProcess({ ...settings(provider.url, 'memory'), CORRAL_MAX_STEPS: '1' });
  await using box = await new Corral({ url: server.url }).create();
  const run = await box.run('Work', { goal: { rubric: 'It is fine.' } });
  const waits: unknown[] = [];
  for await (const event of run) {
    if (event.type !== 'run.wait') continue;
    waits.push(event.data.budget);
    expect(provider.requests.filter(isGrader)).toHaveLength(0);
    break;
  }
  expect(waits).toMatchObject([{ scope: 'run', kind: 'turns', limit: 1, used: 1 }]);
  await run.stop();
  expect(await run.result()).toMatchObject({ goal: { result: 'could_not_be_judged' } });

  server.kill('SIGKILL');
  await server.restart({ CORRAL_MAX_STEPS: '9' });
  await using other = await new Corral({ url: server.url }).create();
  const judged = await (await other.run('Work', { goal: { rubric: 'It is fine.' } })).result();
  expect(judged.goal).toMatchObject({ result: 'could_not_be_judged', reason: expect.stringContaining('no verdict') });
  expect(provider.requests.filter(isGrader)).toHaveLength(2);
});
