import { describe, expect, test } from 'vitest';
import { createDemoModel } from '../../../../src/agents/models/demo/demo.ts';
import { detectDemoLanguage } from '../../../../src/agents/models/demo/texts.ts';
import type { ToolCall, TurnPhase, TurnRequest } from '../../../../src/agents/models/model.ts';
import { createToolRegistry, runTool, withoutDesktopTools } from '../../../../src/agents/tools/registry.ts';
import type { PlanStep } from '../../../../src/core/model/events.ts';
import { ask, Conversation, played } from '../../../support/agents/models.ts';

const block = (word: string, text: string) => `\`\`\`${word}\n${text}\n\`\`\``;
const turn = (talk: Conversation, phase: TurnPhase, more: Partial<TurnRequest> = {}) =>
  played(createDemoModel(), ask({ phase, messages: talk.messages, ...more }));
const step = (stepIndex: number): TurnPhase => ({
  kind: 'act',
  stepIndex,
  step: { id: String(stepIndex + 1), description: '', status: 'running' },
});
const planCall = (n = 1): ToolCall => ({ callId: `plan_${n}`, name: 'make_plan', args: {} });

/** A run that already has its plan. */
const planned = (message: string, talk = new Conversation()) =>
  talk
    .user(message)
    .replied('Working on it', [planCall(talk.messages.length)])
    .result(planCall(talk.messages.length), 'ok');

const exec = (command: string, callId = 'call_1'): ToolCall => ({
  callId,
  name: 'shell_exec',
  args: { id: 'main', exec_dir: '/workspace', command },
});
/** A run whose only step, a command, ended with this output. */
const ran = (output: string, success = true, message = block('sh', 'a')) =>
  planned(message)
    .replied('', [exec('a')])
    .result(exec('a'), output, success);

test.each([
  ['Hallo', 'de'],
  ['Lege eine Datei notiz.txt an', 'de'],
  ['Wie ist das Wetter?', 'de'],
  ['Hi', 'en'],
  ['Noch einmal', 'de'],
  ['Zeichne ein Diagramm aus sales.csv', 'de'],
  ['Behebe den Fehler.', 'de'],
  ['Was steht in deinem Gedächtnis?', 'de'],
  ['Was that mit?', undefined],
  ['ls', undefined],
])('%j is answered in its language', (message, language) => {
  expect(detectDemoLanguage(message)).toBe(language);
});

test('a message of blocks alone is answered in the language of the session', async () => {
  const talk = new Conversation().user('Hallo').replied('Demo, keine KI.').user(block('sh', 'echo hi'));
  const { calls } = await turn(talk, { kind: 'plan' });
  expect(calls[0]?.args).toMatchObject({ steps: ['Einen Befehl ausführen'] });
});

describe('planning', () => {
  test('gives an acknowledgement, a title and a step for each block', async () => {
    const talk = new Conversation().user(`Say hi\n${block('sh', 'echo hi')}\n${block('file:a.txt', 'x')}`);
    const { text, calls, outcome } = await turn(talk, { kind: 'plan' });
    expect(text).toBe('');
    const acknowledgement = 'Demo, no AI. Working on it: Say hi';
    const args = { title: 'Say hi', steps: ['Run a command', 'Write a.txt'], acknowledgement };
    expect(calls).toEqual([{ callId: 'plan_1', name: 'make_plan', args }]);
    expect(outcome).toMatchObject({ kind: 'finished', stop: 'calls' });
  });

  test('takes in what came before the plan was made', async () => {
    const talk = new Conversation().user(block('sh', 'a')).user(block('ask', 'Why?'));
    expect((await turn(talk, { kind: 'plan' })).calls[0]?.args).toMatchObject({
      steps: ['Run a command', 'Ask a question'],
    });
  });

  test('leaves earlier runs alone', async () => {
    const talk = planned(block('sh', 'old')).replied('done').replied('summary').user(block('file:new', 'x'));
    expect((await turn(talk, { kind: 'plan' })).calls[0]?.args).toMatchObject({ steps: ['Write new'] });
  });

  test('begins where the loop says that the run began', async () => {
    const talk = new Conversation().user(block('sh', 'of a run that was stopped')).user(block('file:new', 'x'));
    const { calls } = await turn(talk, { kind: 'plan' }, { runFrom: 1 });
    expect(calls[0]?.args).toMatchObject({ steps: ['Write new'] });
  });
});

describe('replanning', () => {
  const plan = (...statuses: PlanStep['status'][]): TurnPhase => ({
    kind: 'replan',
    steps: statuses.map((status, at) => ({ id: String(at + 1), description: `step ${at + 1}`, status })),
  });
  const talk = () => planned(`${block('sh', 'a')}\n${block('sh', 'b')}\n${block('sh', 'c')}`).user(block('file:d', ''));

  test('keeps the pending steps and adds those of the new message', async () => {
    const { calls } = await turn(talk(), plan('completed', 'running', 'pending'));
    expect(calls[0]).toMatchObject({ name: 'make_plan', args: { steps: ['step 3', 'Write d'] } });
  });

  test('adds only what is not planned yet', async () => {
    const replanned = talk()
      .replied('', [{ callId: 'replan_2', name: 'make_plan', args: {} }])
      .user(block('ask', '?'));
    const { calls } = await turn(replanned, plan('completed', 'completed', 'running', 'pending'));
    expect(calls[0]).toMatchObject({ args: { steps: ['step 4', 'Ask a question'] } });
  });
});

describe('a step', () => {
  test('with a command runs exactly that command, in the working directory that the loop names', async () => {
    const system = 'You.\nWorking directory: /srv/ws\n';
    const { calls } = await turn(planned(block('sh', ' a;\nb ')), step(0), { system });
    const args = { id: 'main', exec_dir: '/srv/ws', command: ' a;\nb ' };
    expect(calls).toEqual([{ callId: 'call_1', name: 'shell_exec', args }]);
  });

  test.each([
    ['x/y.txt', '/workspace/x/y.txt'],
    ['../out', '/out'],
    ['/etc/x', '/etc/x'],
  ])('with a block file:%s writes exactly that block to %s', async (path, file) => {
    const { calls } = await turn(planned(block(`file:${path}`, 'one\n')), step(0));
    expect(calls).toMatchObject([{ name: 'file_write', args: { file, content: 'one\n' } }]);
  });

  test('calls the tools of an agent that a program made by their own names', async () => {
    const tools = ['bash', 'write'].map((name) => ({ name, description: '', parameters: {} }));
    const of = async (message: string) => (await turn(planned(message), step(0), { tools })).calls;
    expect(await of(block('sh', 'ls'))).toMatchObject([{ name: 'bash', args: { command: 'ls' } }]);
    expect(await of(block('file:a.txt', 'x'))).toMatchObject([
      { name: 'write', args: { file_path: '/workspace/a.txt', content: 'x' } },
    ]);
  });

  test.each([
    'It is still running after 30 s.\nout',
    'out\n[The command is still running and waits for input. Answer with shell_write_to_process]',
  ])('does not say of a command that goes on that it succeeded: %j', async (output) => {
    const { text } = await turn(ran(output), step(0));
    expect(text).toBe('The command is still running. Answer it in Terminal, or stop it in Processes.');
    const end = await turn(ran(output), { kind: 'summarize' });
    expect(end.text).toBe('Demo, no AI.\n\n```\nout\n```');
  });

  test('says that a command succeeded, and calls nothing more', async () => {
    const { text, calls, outcome } = await turn(ran('out'), step(0));
    expect([text, calls]).toEqual(['The command ran and succeeded.', []]);
    expect(outcome).toMatchObject({ kind: 'finished', stop: 'done' });
  });

  test.each([
    ['[exit code 3]\nout', 'exit code 3'],
    ['<h1>Not found</h1>\n', '`<h1>Not found</h1>`'],
    ['# Title `x`', '`` # Title `x` ``'],
  ])('says that a command failed with %j as %s, which is no heading', async (output, reason) => {
    expect((await turn(ran(output, false), step(0))).text).toBe(`This step failed: ${reason}`);
  });

  test('never makes a heading of what a message begins with', async () => {
    const talk = planned(`Say <h1>Hello</h1>\n${block('sh', 'a')}`);
    expect((await turn(talk, { kind: 'plan' }, { runFrom: 0 })).calls[0]?.args).toMatchObject({
      acknowledgement: 'Demo, no AI. Working on it: `Say <h1>Hello</h1>`',
    });
  });

  test('says a reason whole, also where there is no desktop', async () => {
    const call = { callId: 'c', name: 'browser_navigate', args: { url: 'http://a.test/' } };
    const registry = withoutDesktopTools(createToolRegistry(), 'A desktop needs Docker.');
    const { output } = await runTool(registry, {} as never, call);
    const talk = planned(block('browse', 'http://a.test/')).replied('', [call]).result(call, output, false);
    expect((await turn(talk, step(0))).text).toBe(
      'This step failed: This sandbox has no desktop, and so no browser: "browser_navigate" cannot be used. ' +
        'A desktop needs Docker.',
    );
  });

  test('with the same command as the step before runs it again', async () => {
    const talk = ran('', true, `${block('sh', 'a')}\n${block('sh', 'a')}`).replied('done');
    expect((await turn(talk, step(1))).calls).toEqual([exec('a', 'call_2')]);
  });

  test('continues where it was when a message was injected in the middle of it', async () => {
    const talk = ran('').user(block('sh', 'b'));
    talk.replied('', [{ callId: 'replan_2', name: 'make_plan', args: {} }]);
    expect((await turn(talk, step(0))).calls).toEqual([]);
    expect((await turn(talk.replied('done'), step(1))).calls).toEqual([exec('b', 'call_2')]);
  });

  test('for a message without blocks answers with the tasks that it has, and calls nothing', async () => {
    const { calls, text } = await turn(planned('Just words'), step(0));
    expect(calls).toEqual([]);
    expect(text).toContain('snake.html');
  });

  test('without a plan for it ends with a text', async () => {
    const { calls, text } = await turn(planned(block('sh', 'a')), step(7));
    expect(calls).toEqual([]);
    expect(text).not.toBe('');
  });

  test('with pages opens and views each, and stops at the first failure', async () => {
    const talk = planned(block('browse', 'http://a\nhttp://b'));
    const names: (string | undefined)[] = [];
    for (const success of [true, true, false]) {
      const [call] = (await turn(talk, step(0))).calls;
      names.push(call?.name);
      if (call)
        talk.replied('', [call]).result(call, success ? 'ok' : 'there is no tool "browser_navigate" here', success);
    }
    expect(names).toEqual(['browser_navigate', 'browser_view', 'browser_navigate']);
    const expected = { calls: [], text: expect.stringMatching(/^This step failed: there is no tool/) };
    expect(await turn(talk, step(0))).toMatchObject(expected);
  });

  test('with a fail block fails the model call with the text of the block', async () => {
    const { outcome, parts } = await turn(planned(block('fail', 'out of luck')), step(0));
    expect(parts).toHaveLength(1);
    expect(outcome).toEqual({ kind: 'failed', code: 'provider_error', message: 'out of luck', retryable: false });
  });
});

describe('a question', () => {
  const question: ToolCall = { callId: 'call_1', name: 'message_ask_user', args: { text: 'Which?' } };
  const answer = `Red\n${block('sh', 'echo never')}`;
  const responseTo = () => planned(`${block('ask', 'Which?')}\n${block('sh', 'b')}`).replied('', [question]);

  test('gets the text of the block', async () =>
    expect((await turn(planned(block('ask', 'Which?')), step(0))).calls).toEqual([question]));

  test.each([
    ['result first', () => responseTo().result(question, answer).user(answer)],
    ['message first', () => responseTo().user(answer).result(question, answer)],
    ['result wrapped', () => responseTo().result(question, `The user answered: ${answer}`).user(answer)],
    ['result only', () => responseTo().result(question, answer)],
  ])('quotes its answer and runs no block in it (%s)', async (_how, talk) => {
    const quoted = `You answered:\n\n\`\`\`\`\n${answer}\n\`\`\`\``; // in a fence: lines could be headings
    expect((await turn(talk(), step(0))).text).toBe(quoted);
    expect((await turn(talk().replied('done'), step(1))).calls).toMatchObject([
      { name: 'shell_exec', args: { command: 'b' } },
    ]);
    expect((await turn(talk().replied('done'), step(2))).calls).toEqual([]);
  });
});

describe('the summary', () => {
  test.each([
    ['shows what the last command printed', 'hi\n', true, /^Demo, no AI\.\n\n```\nhi\n```$/],
    ['shows the last 2000 characters of it', `x${'y'.repeat(2_000)}`, true, /```\ny{2000}\n```$/],
    ['does not begin in the middle of a character', `😀${'y'.repeat(1_999)}`, true, /```\ny{1999}\n```$/],
    ['fences it with more backticks than it has', 'a\n````\nb', true, /`````\na\n````\nb\n`````/],
    ['counts failures, without what tools say of them', '[exit code 2]\nno\n', false, /1 of 1 tool.*\n\n```\nno\n```$/],
    ['says so when nothing was printed', '', true, /printed nothing/],
  ])('%s', async (_, output, success, expected) =>
    expect((await turn(ran(output, success), { kind: 'summarize' })).text).toMatch(expected),
  );
});

test('every text comes in at least two pieces, none of them empty', async () => {
  const talk = planned(block('sh', 'a'));
  for (const phase of [step(9), { kind: 'summarize' }] as const) {
    const { deltas } = await turn(talk, phase, { runFrom: 0 });
    expect(deltas.length).toBeGreaterThan(1);
    expect(deltas).not.toContain('');
  }
});

test('the same request gives the same parts', async () => {
  const request = ask({ phase: { kind: 'plan' } });
  expect(await played(createDemoModel(), request)).toEqual(await played(createDemoModel(), request));
});
