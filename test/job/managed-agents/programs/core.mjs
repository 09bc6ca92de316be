// A program on the Anthropic SDK, unpatched. The steps have the names and the results of those of core.py.
import { toFile } from '@anthropic-ai/sdk';
import {
  agents,
  carefulToolset,
  client,
  environments,
  idle,
  listed,
  model,
  print,
  say,
  sessions,
  step,
  textsOf,
  toolset,
  types,
  untilIdle,
} from './steps.mjs';

const agent = await agents.create({ model, name: 'Coder', system: 'You write code.', tools: [toolset] });
const environment = await environments.create({ name: 'plain' });
const begin = async (by = agent, more = {}) =>
  await sessions.create({ agent: by.id, environment_id: environment.id, ...more });
const of = (events, type) => events.filter((event) => event.type === type);
const session = await begin();

await step('quickstart', async () => {
  const events = await idle(session, say('run: echo hello-$((40+2))'));
  return [
    types(events),
    textsOf(events, 'agent.tool_result')[0].includes('hello-42'),
    textsOf(events, 'agent.message').at(-1).startsWith('The result is:'),
  ];
});

await step('deltas', async () => {
  const events = await idle(session, say('stream these words to me'));
  const starts = of(events, 'event_start').map(({ event }) => event.id);
  const message = of(events, 'agent.message').at(-1);
  const deltas = of(events, 'event_delta').filter(({ event_id }) => event_id === message.id);
  const text = deltas.map(({ delta }) => delta.content.text).join('');
  return [
    JSON.stringify(starts) === JSON.stringify([message.id]),
    text !== '' && message.content[0].text.startsWith(text),
  ];
});

await step('confirmation', async () => {
  const made = await begin(await agents.create({ model, name: 'Careful', tools: [carefulToolset] }));
  const asked = async (words) => {
    const events = await idle(made, say(words));
    return { use: of(events, 'agent.tool_use')[0], stop: events.at(-1).stop_reason };
  };
  const first = await asked('run: echo allowed-$((1+1))');
  const early = await sessions.events.send(made.id, { events: [say('go on')] }).catch(({ status }) => status);
  const confirm = (use, verdict) => idle(made, { type: 'user.tool_confirmation', tool_use_id: use.id, ...verdict });
  const allowed = await confirm(first.use, { result: 'allow' });
  const second = await asked('run: echo denied');
  const denied = await confirm(second.use, { result: 'deny', deny_message: 'not today' });
  const [result] = of(denied, 'agent.tool_result');
  return [
    first.use.evaluated_permission,
    first.stop.type,
    early,
    textsOf(allowed, 'agent.tool_result')[0].includes('allowed-2'),
    result.is_error,
    result.content[0].text.includes('not today'),
    types(denied),
  ];
});

await step('interrupt', async () => {
  const made = await begin();
  const send = (...events) => sessions.events.send(made.id, { events });
  const events = await untilIdle(
    made,
    () => send(say('run: sleep 300')),
    ({ type }) => type === 'agent.tool_use' && send({ type: 'user.interrupt' }),
  );
  const after = await idle(made, say('still there?'));
  const kinds = types(events);
  return [
    events.at(-1).stop_reason.type,
    kinds.includes('user.interrupt'),
    kinds.includes('agent.tool_result'),
    textsOf(after, 'agent.message').at(-1),
  ];
});

await step('outcome', async () => {
  const made = await begin();
  const rubric = { type: 'text', content: 'It rhymes.' };
  const wish = { type: 'user.define_outcome', description: 'Write a poem', rubric, max_iterations: 2 };
  const events = await idle(made, wish);
  const ends = of(events, 'span.outcome_evaluation_end');
  const starts = of(events, 'span.outcome_evaluation_start').map(({ id }) => id);
  const { outcome_evaluations: shown } = await sessions.retrieve(made.id);
  return [
    types(events),
    ends.map(({ iteration, result, explanation }) => [iteration, result, explanation]),
    JSON.stringify(ends.map((end) => end.outcome_evaluation_start_id)) === JSON.stringify(starts),
    shown.map((one) => [one.result, one.iteration, one.description, one.completed_at !== null]),
    shown.length === 1 && shown[0].outcome_id === ends[0].outcome_id,
  ];
});

await step('files', async () => {
  const uploaded = await client.beta.files.upload({ file: await toFile(Buffer.from('a,b\n1,2\n'), 'data.csv') });
  const resources = [{ type: 'file', file_id: uploaded.id, mount_path: '/data.csv' }];
  const made = await begin(agent, { resources });
  await idle(
    made,
    say('run: cp /mnt/session/uploads/data.csv /mnt/session/outputs/copy.csv && ls -l /mnt/session/uploads'),
  );
  const outputs = () => listed(client.beta.files.list({ scope_id: made.id }));
  const found = await outputs();
  const content = await (await client.beta.files.download(found[0].id)).text();
  const mounts = (await listed(sessions.resources.list(made.id))).map(({ mount_path }) => mount_path);
  const added = await sessions.resources.add(made.id, {
    type: 'file',
    file_id: uploaded.id,
    mount_path: '/more/b.csv',
  });
  await idle(made, say('run: cat /mnt/session/uploads/more/b.csv > /mnt/session/outputs/b.txt'));
  const more = (await outputs()).map(({ filename }) => filename).sort();
  const same = (await sessions.resources.retrieve(added.id, { session_id: made.id })).mount_path;
  const gone = (await sessions.resources.delete(added.id, { session_id: made.id })).type;
  const names = (await listed(client.beta.files.list())).map(({ filename }) => filename);
  await client.beta.files.delete(uploaded.id);
  const [copy] = found;
  return [[copy.filename], content, mounts, names.includes('data.csv'), copy.downloadable, more, same, gone];
});
print();
