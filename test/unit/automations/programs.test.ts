import { expect, test } from 'vitest';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { SessionId } from '../../../src/core/model/ids.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { AutomationStartError, type PreparedAutomationStart } from '../../../src/sessions/api/server/automations.ts';
import { automationWorld, minute, spec } from '../../support/automations/world.ts';

const program = { api: 'toy', agent: 'agent_1@2', archivedAt: null, content: { task: 'x' } };
const ofProgram = { ...spec, schedule: { ...spec.schedule, cron: '1 12 * * *' } as typeof spec.schedule, program };
const messages = (...texts: string[]) => texts.map((text) => ({ text, mode: 'queue' as const }));
const prepared = (...texts: string[]): PreparedAutomationStart => ({
  command: { title: 'Of the program', metadata: { team: 'a' } },
  messages: messages(...texts),
});

test('a start of a program’s automation is made as its API says, with the rights of the owner', async () => {
  const { service, round, clock, fake, programs } = automationWorld();
  const requests: unknown[] = [];
  programs.serve('toy', async (automation, { as, secret }) => {
    requests.push(as, automation.program?.content, secret?.reveal());
    const begin = async (id: SessionId) => void requests.push(fake.all.has(id), fake.sent.length);
    return { ...prepared('One', 'Two'), begin };
  });
  const { id } = await service.create({ ...ofProgram, owner: 'ada', secret: new Secret('first') });
  await service.update(id, { secret: new Secret('second') });
  expect(JSON.stringify(await service.get(id))).not.toContain('secret"');
  clock.advance(minute);
  await round();
  expect(requests).toEqual([{ role: 'user', owner: 'ada' }, { task: 'x' }, 'second', true, 0]);
  expect(fake.sent.map(({ text }) => text)).toEqual(['One', 'Two']);
  const [session] = fake.all.values();
  expect(session).toMatchObject({ title: 'Of the program', owner: 'ada', metadata: { team: 'a', automation: id } });
  expect((await service.starts(id, { limit: 1 }))[0]).toMatchObject({ state: 'running', agent: 'agent_1@2' });
});

test('a server that died between two messages sends the rest of them, and none twice', async () => {
  const { service, round, clock, fake, programs } = automationWorld();
  const { send } = fake.sessions;
  let isDead = false;
  fake.sessions.send = async (id, command) => {
    if (command.text === 'Two' && !isDead) {
      isDead = true;
      throw new AppError('store_unavailable', 'The store does not respond.');
    }
    return await send(id, command);
  };
  programs.serve('toy', async () => prepared('One', 'Two', 'Three'));
  await service.create(ofProgram);
  clock.advance(minute);
  await round();
  expect(fake.sent.map(({ text }) => text)).toEqual(['One']);
  await round();
  expect([fake.sent.map(({ text }) => text), fake.all.size]).toEqual([['One', 'Two', 'Three'], 1]);
});

test('a time for which no session can be made pauses it, and says why in the word of its API', async () => {
  const { service, round, clock, fake, programs } = automationWorld();
  programs.serve('toy', async () => {
    throw new AutomationStartError('invalid_request', 'The environment is archived.', 'environment_archived');
  });
  const { id } = await service.create(ofProgram);
  await service.start(id, null); // a manual start: reports it, and pauses nothing
  await round();
  expect((await service.get(id)).paused).toBeNull();
  clock.advance(minute);
  await round();
  const failure = { text: 'The environment is archived.', failure: 'environment_archived' };
  expect((await service.get(id)).paused).toMatchObject({ by: 'failures', ...failure });
  const starts = await service.starts(id, { limit: 5 });
  expect(starts.map(({ state, text, failure: word }) => ({ state, text, failure: word }))).toEqual([
    { state: 'failed', ...failure },
    { state: 'failed', ...failure },
  ]);
  expect([fake.all.size, (await service.resume(id)).paused]).toEqual([0, null]);
});

test('a start waits while the server is starting, and fails where nothing serves its API', async () => {
  const { service, round, states, fake, programs } = automationWorld();
  const { id } = await service.create({ ...ofProgram, schedule: null });
  await service.start(id, null);
  await round();
  expect(await states(id)).toEqual(['starting']);
  programs.open();
  await round();
  expect(await states(id)).toEqual(['failed']);
  expect((await service.starts(id, { limit: 1 }))[0]?.text).toContain('the API toy, which is turned off');
  expect(fake.all.size).toBe(0);
});

test('only its API changes what a program’s automation does, and an archived one starts no more', async () => {
  const { service, round, states, programs } = automationWorld();
  programs.serve('toy', async () => prepared('One'));
  const { id } = await service.create({ ...ofProgram, maxRunning: 5 });
  const refused = (code: string) => expect.objectContaining({ code });
  for (const change of [
    { message: 'Other' },
    { model: 'demo' },
    { budget: { turns: 1, tokens: null, cost: null, toolCalls: null, seconds: null } },
  ])
    await expect(service.update(id, change)).rejects.toEqual(refused('invalid_request'));
  expect(await service.update(id, { name: 'Other', message: spec.message })).toMatchObject({ name: 'Other', program });
  const content = { task: 'y' };
  const expected = { message: 'Other', program: { content } };
  expect(await service.update(id, { message: 'Other', program: { ...program, content } })).toMatchObject(expected);
  await service.update(id, { program: { ...program, archivedAt: 5 } });
  for (const call of [service.start(id, null), service.resume(id), service.update(id, { name: 'x' })])
    await expect(call).rejects.toEqual(refused('conflict'));
  await round();
  expect(await states(id)).toEqual([]);
});
