import { expect, test } from 'vitest';
import { type FakeReply, type FakeRequest, isPlanned } from '../../support/agents/fake-models/wire-format.ts';
import { modelServer } from '../../support/agents/model-server.ts';

// The plan as the agent keeps it, through the whole server.

const words = (n: number) => Array.from({ length: 400 }, (_, at) => `w${n}x${at}`).join(' ');
const shell = (n: number) => ({ name: 'shell_exec', args: { id: 's', command: `echo ${words(n)}` } });
const names = ['Read', 'Write', 'Test'];
const planArgs = { title: 'Work', steps: names, acknowledgement: 'On it.' };
const todoAt = (running: number) => ({
  name: 'todo',
  args: {
    steps: names.map((description, n) => ({
      description,
      status: n < running ? 'completed' : n === running ? 'running' : 'pending',
    })),
    ...(running > 0 && { result: `${names[running - 1]} is done.` }),
  },
});
const turnsOfStep = 4;

/** Each step has four turns; the first turn of the next step reports its end. */
function works(n: number): FakeReply {
  const step = Math.floor(n / turnsOfStep);
  if (step >= names.length) return { calls: [todoAt(names.length)] };
  const begins = n % turnsOfStep === 0 && n > 0;
  return { calls: [...(begins ? [todoAt(step)] : []), shell(n)] };
}

/** The fraction of each request's bytes with which the next request begins. */
function sharedBytes(requests: readonly FakeRequest[]): number {
  let [same, all] = [0, 0];
  const texts = requests.map(({ body: { tools, messages } }) => JSON.stringify([tools, messages]).slice(0, -2));
  for (const [n, text] of texts.slice(1).entries()) {
    const before = texts[n] ?? '';
    let at = 0;
    while (at < before.length && before[at] === text[at]) at++;
    same += at;
    all += before.length;
  }
  return same / all;
}

test('an agent that keeps its plan by todo takes no turn for the end of a step, and each request begins with the bytes of the one before', async () => {
  let turn = 0;
  const replies = (request: FakeRequest): FakeReply => {
    const { body } = request;
    if (!isPlanned(request)) return { calls: [{ name: 'make_plan', args: planArgs }] };
    const last = JSON.stringify(body.messages.at(-1));
    return last.includes('All steps are through') ? { text: 'All is done.' } : works(turn++);
  };
  await using it = await modelServer({ wire: 'compatible', replies });
  const session = await it.session();
  await session.send('Please work');
  await session.reaches('run.end');
  expect([it.provider.refusals, it.provider.requests.length]).toEqual([[], 1 + names.length * turnsOfStep + 1 + 1]); // plan, work, last todo, answer

  const types = new Set(['plan', 'step', 'message.assistant', 'run.end']);
  const order = session.log().flatMap((event) => {
    if (event.type === 'step') return [`${event.data.description} ${event.data.status}`];
    if (event.type === 'message.assistant') return [event.data.text];
    return types.has(event.type) ? [event.type] : [];
  });
  expect(order).toEqual([
    ...['On it.', 'plan', 'Read running'],
    ...['Read completed', 'Read is done.', 'plan', 'Write running'],
    ...['Write completed', 'Write is done.', 'plan', 'Test running'],
    ...['Test completed', 'Test is done.', 'plan'],
    ...['All is done.', 'plan', 'run.end'],
  ]);
  expect(
    session
      .of('plan')
      .at(-1)
      ?.data.steps.map(({ status }) => status),
  ).toEqual(names.map(() => 'completed'));
  expect(sharedBytes(it.provider.requests.slice(1))).toBeGreaterThan(0.95);
});
