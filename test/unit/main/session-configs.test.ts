import { expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/config.ts';
import { parseTemplate } from '../../../src/config/templates.ts';
import { SessionConfigs } from '../../../src/main/session-configs.ts';
import { memoryStore } from '../../../src/store/memory/store.ts';
import { sessionId, stored } from '../../support/session-parts.ts';

const closed = 'sandbox: {memory: 2GiB, image: "own/image:1"}\negress: {policy: none}';

async function start(record = stored()) {
  const { records } = memoryStore();
  await records.put({ kind: 'session', id: sessionId, doc: record, sort: 1, expect: 0 });
  const templates = [
    parseTemplate('closed', closed, 'closed.yaml'),
    parseTemplate('plain', 'mode: react', 'plain.yaml'),
  ];
  const config = loadConfig({}, 'egress: {policy: web}');
  return { records, config, own: new SessionConfigs(config, templates, records) };
}
const named = (template: string) => stored({ template, templateBy: 'session' });

test("a template's image, limits and egress policy take the place of the server's, and nothing else", async () => {
  const { own, config } = await start(named('closed'));
  const { config: mine, recipe } = await own.of(sessionId);
  expect(mine).toEqual({
    ...config,
    sandbox: { ...config.sandbox, memory: 2 * 2 ** 30, image: 'own/image:1' },
    egress: { ...config.egress, policy: 'none' },
  });
  expect(recipe).toBe('closed');
});

test('sessions without a template, and with one that says nothing of sandboxes, share the warm pool of the server', async () => {
  for (const record of [stored(), named('plain')]) {
    const { own, config } = await start(record);
    expect(await own.of(sessionId)).toEqual({ config, recipe: 'default' });
  }
});

test('a session whose template is gone, and an unknown session, reach nothing', async () => {
  for (const record of [named('gone'), undefined]) {
    const { own, records } = await start(record);
    if (!record) await records.delete('session', sessionId);
    expect((await own.of(sessionId)).config.egress.policy).toBe('none');
  }
});

test('the policy of a session that was seen before needs no store', async () => {
  const { own, records } = await start(named('closed'));
  own.remember(sessionId, own.ofRecord(named('closed')));
  await records.delete('session', sessionId);
  expect((await own.of(sessionId)).recipe).toBe('closed');
});
