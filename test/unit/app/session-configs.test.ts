import { expect, test } from 'vitest';
import { SandboxSettingsResolver } from '../../../src/app/parts/session-configs.ts';
import { loadConfig } from '../../../src/app/settings/config.ts';
import { parseTemplate } from '../../../src/app/settings/templates.ts';
import { createTemplateResolver } from '../../../src/app/start/services/session-templates.ts';
import type { SandboxOptions, SessionRecord } from '../../../src/core/model/records.ts';
import { RepositoryInput } from '../../../src/core/model/repository.ts';
import { createInMemoryStore } from '../../../src/storage/memory/store.ts';
import { sessionId, stored } from '../../support/machines/session-parts.ts';

const closed = 'sandbox: {memory: 2GiB, image: "own/image:1"}\negress: {policy: none}';

async function start(record = stored()) {
  const { records } = createInMemoryStore();
  await records.put({ kind: 'session', id: sessionId, doc: record, sort: 1, expect: 0 });
  const templates = [
    parseTemplate('closed', closed, 'closed.yaml'),
    parseTemplate('plain', 'mode: react', 'plain.yaml'),
  ];
  const live = {
    config: loadConfig({}, 'egress: {policy: web}'),
    now: 0,
    held: undefined as SessionRecord | undefined,
  };
  const [now, held] = [() => live.now, () => live.held];
  const own = new SandboxSettingsResolver({ configOf: () => live.config, templates, records, now, held });
  return { records, config: live.config, live, own };
}
/** The settings of a session with this template, on a server with these settings. */
function ofTemplate(yaml: string, settings = '') {
  const templates = [parseTemplate('mine', yaml, 'mine.yaml')];
  const { records } = createInMemoryStore();
  const configOf = () => loadConfig({}, settings);
  const own = new SandboxSettingsResolver({ configOf, templates, records, now: () => 0 });
  return { own, ...own.ofRecord(named('mine')) };
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
    expect(await own.of(sessionId)).toMatchObject({ config, recipe: 'default', packages: {} });
  }
});

test('a session whose template is gone, and an unknown session, reach nothing', async () => {
  for (const record of [named('gone'), undefined]) {
    const { own, records } = await start(record);
    if (!record) await records.delete('session', sessionId);
    expect((await own.of(sessionId)).config.egress.policy).toBe('none');
  }
});

test('a policy that is changed in the running server counts for sessions that were seen before, and not over a template', async () => {
  const { own, config, live } = await start(named('closed'));
  const plain = stored();
  own.remember(plain.id, plain);
  expect((await own.of(plain.id)).config.egress.policy).toBe('web');
  live.config = { ...config, egress: { ...config.egress, policy: 'allow-list', allow: ['example.org'] } };
  expect((await own.of(plain.id)).config.egress).toMatchObject({ policy: 'allow-list', allow: ['example.org'] });
  expect(own.ofRecord(named('closed')).config.egress.policy).toBe('none');
});

test('the policy of a session that was seen before needs no store', async () => {
  const { own, records } = await start(named('closed'));
  own.remember(sessionId, named('closed'));
  await records.delete('session', sessionId);
  expect((await own.of(sessionId)).recipe).toBe('closed');
});

const chosen = (sandbox: SandboxOptions, more: object = {}) => stored({ ...more, sandbox });

test('hosts that a session chose narrow the policy of the server and of its template, and close it where there are none', async () => {
  const { own } = await start();
  expect(own.ofRecord(chosen({ egress: ['a.example'] }))).toMatchObject({
    config: { egress: { policy: 'web' } },
    within: ['a.example'],
    recipe: 'default.own', // its sandbox comes from no warm pool
  });
  expect(own.ofRecord(chosen({ egress: [] })).config.egress.policy).toBe('none');
  const ofTemplate = chosen({ egress: ['a.example'] }, { template: 'closed', templateBy: 'session' });
  expect(own.ofRecord(ofTemplate).config.egress).toMatchObject({ policy: 'none' });
});

test('hosts that a session changes count at once where it is held, and within a second elsewhere', async () => {
  const { records, own, live } = await start(chosen({ egress: ['a.example'] }));
  const hosts = async () => (await own.of(sessionId)).within;
  expect(await hosts()).toEqual(['a.example']);
  expect(own.hasOtherEgress(sessionId, chosen({ egress: ['a.example'] }))).toBe(false);
  await records.put({ kind: 'session', id: sessionId, doc: chosen({ egress: ['b.example'] }), sort: 1 });
  live.now = 999;
  expect(await hosts()).toEqual(['a.example']);
  live.now = 1_000;
  expect(await hosts()).toEqual(['b.example']);
  live.held = chosen({ egress: ['c.example'] });
  expect(await hosts()).toEqual(['c.example']);
  expect(own.hasOtherEgress(sessionId, chosen({ egress: ['c.example'] }))).toBe(true);
});

test('rules with addresses leave the policy as it is, and a change of one range counts as other rules', async () => {
  const { own } = await start();
  const rules = (deny: string[]) => chosen({ egress: { allow: [], deny } });
  expect(own.ofRecord(rules(['192.0.2.7']))).toMatchObject({
    config: { egress: { policy: 'web' } },
    within: { allow: [], deny: ['192.0.2.7'] },
    recipe: 'default.own',
  });
  own.remember(sessionId, rules(['192.0.2.7']));
  expect(own.hasOtherEgress(sessionId, rules(['192.0.2.7']))).toBe(false);
  expect(own.hasOtherEgress(sessionId, rules(['192.0.2.8']))).toBe(true);
  expect(own.hasOtherEgress(sessionId, chosen({}))).toBe(true);
});

test('a size that was stored stays within the settings, which can have changed since', async () => {
  const { own } = await start();
  const { sandbox } = own.ofRecord(chosen({ cpus: 64, memory: 2 ** 28 })).config;
  expect([sandbox.cpus, sandbox.memory]).toEqual([1, 2 ** 28]);
  expect(own.ofRecord(chosen({ idleSeconds: 60 })).recipe).toBe('default');
});

test("a template that only names packages shares the server's warm pool, and its sessions have them", () => {
  const packages = { pip: ['pandas[excel]>=2,<3'], npm: ['@types/node@24'] };
  const found = ofTemplate('packages: {pip: ["pandas[excel]>=2,<3"], npm: ["@types/node@24"]}');
  expect(found).toMatchObject({ recipe: 'default', template: 'mine', packages });
});

test("an image that the server builds gives way to the operator's own, which its engine has", () => {
  const imageWith = (settings: string) =>
    ofTemplate('sandbox: {image: corral/sandbox-code}', settings).config.sandbox.image;
  expect(imageWith('')).toBe('corral/sandbox-code');
  expect(imageWith('sandbox: {image: "registry.example/own:1"}')).toBe('registry.example/own:1');
});

test("a template's idle time is the most that its sessions can choose, and its sandboxes are the usual ones", () => {
  const { config, recipe, own } = ofTemplate('sandbox: {idle-seconds: 7200}');
  expect([recipe, config.sandbox.idleSeconds]).toEqual(['default', 7_200]);
  expect(own.ofRecord(stored()).config.sandbox.idleSeconds).toBe(1_800);
  expect(() => parseTemplate('patient', 'sandbox: {idle-seconds: 0}', 'patient.yaml')).toThrow('idle-seconds');
});

const repositories = [RepositoryInput.parse({ url: 'https://example.org/team/own.git' })];

test('the template of a session brings its repositories, whoever chose it', async () => {
  const backend = { name: 'backend', repositories } as never;
  const choose = (template: string | undefined) =>
    createTemplateResolver(
      {
        templates: { get: () => backend, find: () => backend },
        projects: { api: { agents: { get: async () => ({ template: 'backend' }) } } },
        live: { now: { template } },
      } as never,
      { check: () => {}, checkNamed: () => {} },
    );
  expect(await choose(undefined)('backend', null)).toMatchObject({ templateBy: 'session', brings: repositories });
  const expected = { template: 'backend', brings: repositories };
  expect(await choose(undefined)(undefined, 'a-project' as never)).toEqual(expected);
  expect(await choose('backend')(undefined, null)).toMatchObject({ templateBy: 'server', brings: repositories });
  expect(await choose(undefined)(undefined, null)).toEqual({ template: 'default' });
});
