import { expect, test } from 'vitest';
import { createToolRegistry } from '../../../../src/agents/tools/registry.ts';
import { loadConfig } from '../../../../src/app/settings/config.ts';
import {
  assertKnownNames,
  changeableSettings,
  LiveConfig,
  listKnownSettings,
} from '../../../../src/app/settings/live-config.ts';
import { createSettingsService, SettingsStore } from '../../../../src/sessions/projects/settings-service.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';
import { templates } from '../../../support/agents/templates.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

function start(env: Record<string, string> = {}, yaml = '', { records } = createInMemoryStore()) {
  const config = loadConfig(env, yaml);
  const stored = new SettingsStore({ records, clock: manualClock() });
  const live = new LiveConfig({ base: config, stored });
  const tools = createToolRegistry();
  const check = (key: string, value: unknown) => assertKnownNames(key, value, { tools, templates });
  const service = createSettingsService({ settings: listKnownSettings(config, live, tools), stored, check });
  const of = async (key: string) => (await service.list()).find((one) => one.key === key);
  return { records, config, stored, live, service, of };
}

test('a change counts at once, is listed with its origin, and a reset gives the default back', async () => {
  const { live, service, of, config } = start();
  expect(await of('egress.policy')).toMatchObject({ value: 'registries', from: 'default', stored: null, setBy: null });
  const rules = [{ action: 'deny', tool: 'shell_exec', pattern: 'git push *' }];
  expect(await service.change('approvals.rules', rules)).toMatchObject({ value: rules, from: 'page', stored: rules });
  await service.change('egress.policy', 'allow-list');
  await service.change('egress.allow', ['example.org']);
  expect(live.now.approvals.rules).toEqual(rules);
  expect(live.now.egress).toMatchObject({ policy: 'allow-list', allow: ['example.org'] });
  expect(live.now).toBe(live.now);
  expect(config.egress.policy).toBe('registries');
  expect(await service.reset('egress.policy')).toMatchObject({ value: 'registries', from: 'default', stored: null });
  expect(live.now.egress.policy).toBe('registries');
});

test('a variable precedes the file, and both precede what is stored, which counts again without them', async () => {
  const { records, service } = start();
  await service.change('maxSteps', 7).catch(() => {});
  await service.change('max-steps', 7);
  await service.change('run.cost-budget', 2.5);
  const set = start({ CORRAL_MAX_STEPS: '9' }, 'max-steps: 8\nrun: {cost-budget: 1}', { records } as never);
  await set.stored.read();
  expect([set.live.now.maxSteps, set.live.now.run.costBudget]).toEqual([9, 1]);
  expect(await set.of('max-steps')).toMatchObject({ value: 9, from: 'settings', setBy: 'CORRAL_MAX_STEPS', stored: 7 });
  expect(await set.of('run.cost-budget')).toMatchObject({ setBy: 'run.cost-budget in corral.yaml', stored: 2.5 });
  const expected = { code: 'invalid_request', message: expect.stringContaining('CORRAL_MAX_STEPS is set') };
  await expect(set.service.change('max-steps', 5)).rejects.toMatchObject(expected);
  const again = start({}, '', { records } as never);
  await again.stored.read();
  expect([again.live.now.maxSteps, again.live.now.run.costBudget]).toEqual([7, 2.5]);
});

test.each([
  ['max-steps', 0],
  ['max-steps', 'many'],
  ['max-steps', null],
  ['egress.policy', 'all'],
  ['egress.allow', ['not a host']],
  ['approvals.rules', [{ action: 'maybe', tool: '*' }]],
  ['approvals.rules', [{ action: 'deny', tool: 'shell_exce' }]],
  ['approvals.rules', Array.from({ length: 101 }, () => ({ action: 'ask', tool: '*' }))],
  ['approvals.tools', ['no_such_tool']],
  ['tools.deny', ['no_such_tool']],
  ['template', 'no_such_template'],
])('%s refuses %j, and nothing changes', async (key, value) => {
  const { service, records } = start();
  await expect(service.change(key, value)).rejects.toMatchObject({ name: 'AppError' });
  expect(await records.list('server-setting')).toEqual([]);
});

test('what is read at the start alone is no setting that can be changed here', async () => {
  const { service } = start();
  for (const key of ['port', 'token', 'egress.allow-ranges', 'keys.encryption-key', '__proto__', 'constructor'])
    await expect(service.change(key, 1)).rejects.toMatchObject({ code: 'not_found' });
});

test('a stored value that its setting no longer takes counts as none', async () => {
  const { records, live, stored, of } = start();
  await records.put({ kind: 'server-setting', id: 'changed', doc: { 'egress.policy': 'gone', 'max-steps': 3 } });
  await stored.read();
  expect([live.now.egress.policy, live.now.maxSteps]).toEqual(['registries', 3]);
  expect(await of('egress.policy')).toMatchObject({ value: 'registries', from: 'default' });
});

test('a change on another server of the store counts here after it is read', async () => {
  const one = start();
  const other = start({}, '', { records: one.records } as never);
  await Promise.all([one.service.change('max-steps', 3), other.service.change('retention.days', 4)]);
  const end = new AbortController();
  const following = other.stored.follow(end.signal);
  await other.stored.read();
  expect([other.live.now.maxSteps, other.live.now.retention.days]).toEqual([3, 4]);
  end.abort();
  await following;
});

test('every setting that can be changed has its default among what it takes', () => {
  for (const { key, fallback, schema } of changeableSettings)
    if (fallback !== undefined) expect(schema.safeParse(fallback).success, key).toBe(true);
});
