// A scripted agent that speaks the Agent Client Protocol over its pipes, one JSON message on each line. The words of a
// prompt decide what it does; the tests write this file into the sandbox, where no package is.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

if (process.argv.includes('--exit-at-once')) process.exit(3);
const canLoad = !process.argv.includes('--forgetful');
const isLate = process.argv.includes('--late'); // repeats the conversation after the answer to session/load
const isLost = process.argv.includes('--lost'); // finds no session to load
const kept = '/workspace/.fake-agent.json';
const sessions = existsSync(kept) ? JSON.parse(readFileSync(kept, 'utf8')) : {};
const waiting = new Map();
let nextId = 1;
let cancelled = () => {};

const send = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
const ask = (method, params) =>
  new Promise((resolve) => {
    waiting.set(nextId, resolve);
    send({ id: nextId++, method, params });
  });
const update = (sessionId, content) => send({ method: 'session/update', params: { sessionId, update: content } });
const text = (content) => ({ content: { type: 'text', text: content } });
const output = (words) => [{ type: 'content', ...text(words) }];
const call = (id, more) => ({ sessionUpdate: 'tool_call', toolCallId: id, status: 'in_progress', ...more });
const done = (id, more) => ({ sessionUpdate: 'tool_call_update', toolCallId: id, status: 'completed', ...more });

const yesOrNo = [
  { optionId: 'yes', name: 'Yes', kind: 'allow_once' },
  { optionId: 'no', name: 'No', kind: 'reject_once' },
];

/** The history, with a turn of the loop after each part, as an agent sends it that does not wait for the end. */
async function repeat(sessionId) {
  for (let n = 0; n < 30; n++) {
    update(sessionId, { sessionUpdate: 'user_message_chunk', ...text('an old question') });
    await new Promise(setImmediate);
    update(sessionId, { sessionUpdate: 'agent_message_chunk', ...text('an old message of mine') });
    update(sessionId, call(`old-${n}`, { status: 'completed', title: 'an old call' }));
    await new Promise(setImmediate);
  }
}

async function work(sessionId, prompt) {
  const say = (content) => update(sessionId, { sessionUpdate: 'agent_message_chunk', ...text(content) });
  const choice = async (toolCall) => {
    const { result } = await ask('session/request_permission', { sessionId, toolCall, options: yesOrNo });
    return result.outcome.optionId ?? result.outcome.outcome;
  };
  sessions[sessionId].push(prompt);
  writeFileSync(kept, JSON.stringify(sessions));
  if (prompt.includes('exit')) process.exit(7);
  if (prompt.includes('hang')) await new Promise(() => {});
  if (prompt.includes('garbage')) for (let n = 0; n < 20_000; n++) process.stdout.write('no message at all\n');
  if (prompt.includes('too long')) process.stdout.write(`{"a":"${'x'.repeat(5_000_000)}"}\n`);
  if (prompt.includes('flood'))
    for (;;) await new Promise((go) => (say('x'.repeat(100)) ? setImmediate(go) : process.stdout.once('drain', go)));
  if (prompt.includes('spend')) update(sessionId, { sessionUpdate: 'usage_update', used: 5000, size: 100000 });
  if (prompt.includes('wait')) {
    say('I wait.');
    await new Promise((go) => (cancelled = go));
    return 'cancelled';
  }
  if (prompt.includes('outside')) {
    const answer = await ask('fs/read_text_file', { sessionId, path: '/etc/passwd' });
    say(answer.error ? `refused: ${answer.error.code}` : 'I have it');
    return 'end_turn';
  }
  if (prompt.includes('proto')) {
    const rawInput = JSON.parse('{"__proto__":{"a":1}}');
    update(sessionId, call('__proto__', { name: '__proto__', title: '__proto__', rawInput }));
    update(sessionId, done('__proto__', { content: output('ok') }));
    say('Done.');
    return 'end_turn';
  }
  if (prompt.includes('stream a call')) {
    // as OpenCode and the adapter for Claude Code do: a call begins without its arguments
    const begun = { title: 'bash', kind: 'execute', status: 'pending', rawInput: { cwd: '/workspace' } };
    update(sessionId, call('s1', begun));
    const known = { title: 'make all', kind: 'execute', rawInput: { command: 'make all', cwd: '/workspace' } };
    const content = output('Builds everything');
    update(sessionId, { sessionUpdate: 'tool_call_update', toolCallId: 's1', ...known, content });
    const rawOutput = { output: 'built\n', metadata: { exit: 2 } };
    update(sessionId, done('s1', { title: 'make all (done)', rawOutput }));
    update(sessionId, done('s1', { title: 'once more' }));
    say('Done.');
    return 'end_turn';
  }
  if (prompt.includes('write two files')) {
    update(sessionId, call('w1', { title: 'Preparing file…', kind: 'edit', status: 'pending', rawInput: {} }));
    const diff = (path, oldText, newText) => ({ type: 'diff', path: `/workspace/${path}`, oldText, newText });
    const content = [diff('a.txt', 'old\n', 'new\n'), diff('b.txt', null, 'fresh\n')];
    const toolCall = { toolCallId: 'w1', title: 'Write a.txt and b.txt', kind: 'edit', status: 'pending', content };
    const chosen = await choice(toolCall);
    const status = chosen === 'yes' ? 'completed' : 'failed';
    update(sessionId, done('w1', { content: output('Wrote 2 files.'), status }));
    say(`You chose ${chosen}.`);
    return 'end_turn';
  }
  if (prompt.includes('two permissions')) {
    const choices = ['one', 'two'].map((command) =>
      choice({ toolCallId: command, title: command, kind: 'execute', rawInput: { command } }),
    );
    say(`You chose ${(await Promise.all(choices)).join(' and ')}.`);
    return 'end_turn';
  }
  if (prompt.includes('permission')) {
    const command = 'rm -rf build';
    say(`You chose ${await choice({ toolCallId: 'p1', title: command, kind: 'execute', rawInput: { command } })}.`);
    return 'end_turn';
  }
  if (prompt.includes('remember')) {
    say(`I had ${sessions[sessionId].length - 1} messages before.`);
    return 'end_turn';
  }
  const entries = ['Look', 'Write'].map((content) => ({ content, priority: 'medium', status: 'pending' }));
  update(sessionId, { sessionUpdate: 'agent_thought_chunk', ...text('Let me see.') });
  update(sessionId, { sessionUpdate: 'plan', entries: [{ ...entries[0], status: 'in_progress' }, entries[1]] });
  update(sessionId, call('c1', { title: 'echo hi', kind: 'execute', rawInput: { command: 'echo hi' } }));
  update(sessionId, done('c1', { content: output('hi') }));
  const [look, write] = entries;
  const second = [
    { ...look, status: 'completed' },
    { ...write, status: 'in_progress' },
  ];
  update(sessionId, { sessionUpdate: 'plan', entries: second });
  update(sessionId, call('c2', { title: 'Write a.txt', kind: 'edit', locations: [{ path: '/workspace/a.txt' }] }));
  writeFileSync('/workspace/a.txt', 'new\n');
  const diff = { type: 'diff', path: '/workspace/a.txt', oldText: 'old\n', newText: 'new\n' };
  update(sessionId, done('c2', { content: [diff] }));
  update(sessionId, { sessionUpdate: 'plan', entries: entries.map((entry) => ({ ...entry, status: 'completed' })) });
  const cost = { amount: 0.25, currency: 'USD' };
  update(sessionId, { sessionUpdate: 'usage_update', used: 1200, size: 100000, cost });
  say('All ');
  say('done.');
  return 'end_turn';
}

const answers = {
  initialize: () => ({ protocolVersion: 1, agentCapabilities: { loadSession: canLoad }, authMethods: [] }),
  'session/new': () => {
    const sessionId = `fake-${Object.keys(sessions).length + 1}`;
    sessions[sessionId] = [];
    return { sessionId, models: { currentModelId: 'fake-1', availableModels: [] } };
  },
  'session/load': ({ sessionId }) => {
    if (isLost) throw { code: -32603, message: 'Internal error', data: { details: 'No such session.' } };
    if (isLate) void repeat(sessionId);
    update(sessionId, { sessionUpdate: 'agent_message_chunk', ...text('an old message of mine') });
    return {};
  },
  'session/prompt': async ({ sessionId, prompt }) => ({ stopReason: await work(sessionId, prompt[0].text) }),
};

console.log('A banner that is no message.');
createInterface({ input: process.stdin }).on('line', async (line) => {
  const message = JSON.parse(line);
  if (message.method === 'session/cancel') return cancelled();
  if (message.method === undefined) return waiting.get(message.id)?.(message);
  const answer = answers[message.method];
  if (answer) {
    try {
      send({ id: message.id, result: await answer(message.params) });
    } catch (error) {
      send({ id: message.id, error });
    }
  } else if (message.id !== undefined) send({ id: message.id, error: { code: -32601, message: 'Method not found' } });
});
