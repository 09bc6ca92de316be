// @module-tag all
import { expect, test } from 'vitest';
import { fakeGemini, type GeminiReply, parts } from '../../support/agents/fake-gemini.ts';
import { canaryKey } from '../../support/agents/gemini.ts';
import { reaches, realServer } from '../../support/servers/real-server.ts';
import { worlds } from '../../support/worlds.ts';

const [world] = worlds.filter(({ driver }) => driver === 'process');
if (!world) throw new Error('there is no world of processes');

const shell = (id: string, command: string) => ({ functionCall: { name: 'shell_exec', args: { id, command } } });
const act = (...some: object[]): GeminiReply => ({ chunks: [parts(some), parts([{ text: '' }], 'STOP')] });
const say = (text: string): GeminiReply => ({ chunks: [parts([{ text }], 'STOP')] });
const plan = act({ functionCall: { name: 'make_plan', args: { title: 'Two', steps: ['Both'] } } });
const settings = (gemini: { url: string }) => ({
  CORRAL_MODEL: 'gemini/gemini-2.5-flash',
  CORRAL_MODELS_GEMINI_BASE_URL: gemini.url,
  CORRAL_UNCONFINED: 'true',
  GEMINI_API_KEY: canaryKey,
});

test('two calls of one turn run side by side, and their results are in the order of the calls', async (context) => {
  // Each waits for the other, so one after the other would never end.
  const meet = (own: string, other: string) => `touch ${own}; until [ -e ${other} ]; do sleep 0.1; done; echo ${own}`;
  const replies = [plan, act(shell('a', meet('a', 'b')), shell('b', meet('b', 'a'))), say('Both.'), say('Done.')];
  await using gemini = await fakeGemini(replies);
  await using real = await realServer(context, world, settings(gemini));
  const id = await real.ready();
  await real.client.send(id, 'Do both');
  await real.rests(id);
  const called = real.factsOf(id, 'tool.called');
  expect(called.map(({ data }) => data.success)).toEqual([true, true]);
  const seqs = real.factsOf(id, 'tool.calling').map(({ seq }) => seq);
  expect(Math.max(...seqs)).toBeLessThan(Math.min(...called.map(({ seq }) => seq)));
  const answers = gemini.requests[2]?.body.contents.at(-1).parts;
  expect(JSON.stringify(answers)).toMatch(/"output":"a\\n".*"output":"b\\n"/);
  await real.holds(id);
});

test('a server killed during two parallel calls runs each of them once', {
  tags: ['nightly'],
}, async (context) => {
  const command = (name: string) =>
    `echo ${name} >> ran; echo begun; for i in 1 2 3 4 5; do sleep 1; done; echo ${name} ended`;
  const calls = act(shell('a', command('a')), shell('b', command('b')));
  await using gemini = await fakeGemini([plan, calls, act(shell('c', 'sort ran')), say('Both.'), say('Done.')]);
  await using real = await realServer(context, world, settings(gemini));
  const id = await real.ready();
  await real.client.send(id, 'Do both');
  await reaches(() => real.factsOf(id, 'tool.output').length === 2);
  real.server.kill('SIGKILL');
  await real.server.exit;
  expect(real.factsOf(id, 'tool.called')).toEqual([]);
  await real.server.restart();
  await real.rests(id);
  const outputs = real.factsOf(id, 'tool.called').map(({ data }) => [data.success, data.output]);
  expect(outputs.slice(0, 2).sort()).toEqual([
    [true, 'begun\na ended\n'],
    [true, 'begun\nb ended\n'],
  ]);
  expect(outputs[2]).toEqual([true, 'a\nb\n']);
  await real.holds(id);
});
