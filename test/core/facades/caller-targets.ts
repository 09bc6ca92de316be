import { expect, vi } from 'vitest';
import type { Person } from '../../../src/auth/sign-in/people.ts';
import { createIdSource } from '../../../src/core/model/ids.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { createAgentContent } from '../../../src/facades/compat/managed-agents/resources/agent-content.ts';
import { NewAgent } from '../../../src/facades/compat/managed-agents/resources/agent-shapes.ts';
import { unrestrictedConfig } from '../../../src/facades/compat/managed-agents/resources/environments.ts';
import { endlessLife } from '../../support/clients/e2b-facade.ts';
import type { ComposedServer } from '../../support/servers/composed.ts';

/** The ids that a call can name; these name nothing. `build` was not started, and `boxName` is its owner's name. */
export const nobodys = {
  sid: 'fedcba9876543210',
  project: '00000000-0000-4000-8000-00000000aaaa',
  file: '00000000-0000-4000-8000-00000000bbbb',
  terminal: 'shell_ffffffff',
  action: '00000000-0000-4000-8000-00000000cccc',
  block: '00000000-0000-4000-8000-00000000dddd',
  key: 'nobody',
  automation: 'ffffffffffff',
  webhook: 'ffffffffffff',
  delivery: 'msg_ffffffffffffffffffffffff',
  skill: 'skill_ffffffffffffffffffffffff',
  skillVersion: 'skillver_ffffffffffffffffffffffff',
  snapshot: 'snap-ffffffffffffffff',
  volume: 'vol-ffffffffffffffff',
  template: 'tpl-ffffffffffffffff',
  build: '00000000-0000-4000-8000-00000000bbbb',
  boxName: 'nobodys',
  box: 'fedcba9876543210',
  agent: 'agent_ffffffffffffffffffffffff',
  environment: 'env_ffffffffffffffffffffffff',
  queue: 'env_ffffffffffffffffffffffff',
  work: 'work_ffffffffffffffffx1',
  workerKey: 'ffffffffffff',
  document: 'file_ffffffffffffffffffffffff',
  toolServer: 'nobody',
  vault: 'vlt_ffffffffffffffffffffffff',
  memoryStore: 'memstore_ffffffffffffffffffffffff',
  storeMemory: 'mem_ffffffffffffffffffffffff',
  storeVersion: 'memver_ffffffffffffffffffffffffffffffffffff',
  vaultCredential: 'vcrd_ffffffffffffffffffffffff',
  deployment: 'depl_ffffffffffff',
  deploymentRun: 'drun_ffffffffffffxffffffffffff',
  secret: 'sec_ffffffffffffffffffffffff',
  person: 'ffffffffffff',
};
export type Targets = Readonly<Record<keyof typeof nobodys, string>>;

export interface Owner {
  readonly id: string;
  readonly server: ComposedServer;
  /** Owns everything that a project can own; other callers are its members. */
  readonly project: string;
}

/** A session of the owner with all its parts, an E2B sandbox, and a key that can be revoked. */
export async function sharedTargets(owner: Owner, token: string): Promise<Targets> {
  const { url, core } = owner.server;
  const { services, keys } = core;
  const { signal } = new AbortController();
  const { project: projectId } = owner;
  await withNotes(owner, projectId);
  const session = await services.sessions.create({ origin: 'trpc', owner: owner.id, projectId });
  const file = await upload(owner, { name: 'a.txt', mimeType: 'text/plain' });
  const terminal = await services.terminals.open(session.id, signal).then(
    ({ id }) => id,
    () => 'shell_00000000',
  );
  await services.files.write(session.id, 'report.md', 'hello', signal).catch(() => {});
  await services.sessions.send(session.id, { text: 'Say hi\n```sh\necho hi\n```', mode: 'inject' });
  const status = async () => (await services.sessions.get(session.id)).status;
  await vi.waitFor(async () => expect(await status()).toBe('completed'), { timeout: 120_000 });
  const chat = async (what: string) => {
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${url}/api/v1/chats/${session.id}/${what}`, { headers });
    return Object.values((await response.json()) as Record<string, { id: string }[]>)[0]?.[0]?.id ?? 'none';
  };
  const ids = { action: await chat('agent-actions'), block: await chat('blocks') };
  const key = (await keys.create({ name: 'spare', role: 'viewer' })).view.id;
  const automation = await anAutomation(owner);
  const hook = await aWebhook(owner);
  const { id: box } = await services.sessions.create({ origin: 'e2b', owner: owner.id, life: endlessLife });
  await services.sandboxes.start(box, signal);
  return {
    sid: session.id,
    project: projectId,
    file: file?.id ?? '',
    terminal,
    ...ids,
    key,
    automation,
    ...hook,
    ...(await aSkill(owner)),
    snapshot: await aSnapshot(owner),
    volume: await aVolume(owner),
    ...(await aTemplate(owner)),
    boxName: await aNamedBox(owner),
    box,
    ...(await documentsOf(owner)),
    toolServer: await aToolServer(owner),
    ...(await aVault(owner)),
    ...(await aMemoryStore(owner)),
    ...(await aDeployment(owner)),
    secret: await aSecret(owner),
    person: (await aPerson(core, 'grace')).key,
  };
}

/** A person of this test's provider, who is not signed in on any device yet. */
export async function aPerson({ signIns }: ComposedServer['core'], subject: string): Promise<Person> {
  const claims = { name: subject, email: null, isVerified: false, picture: null, groups: [] };
  return await (signIns ?? expect.unreachable()).people.meet('http://127.0.0.1:9', { subject, ...claims }, 'user');
}

/** New targets for a call that ends them; creates only the ones that the door names. */
export async function freshTargets(owner: Owner, door: string): Promise<Partial<Targets>> {
  const { services, keys } = owner.server.core;
  const { id } = owner;
  const [, procedure = ''] = /^procedure (\w+)/.exec(door) ?? [];
  if (procedure === 'toolServers' || door.includes('/tool-servers/')) return { toolServer: await aToolServer(owner) };
  if (procedure === 'keys' || door.includes('/keys/{id}'))
    return { key: (await keys.create({ name: 'x', role: 'viewer' })).view.id };
  if (procedure === 'projects' || procedure === 'projectCredentials' || door.includes('project_id'))
    return { project: await anotherProject(owner) };
  if (/anthropic.*\/(agents|environments|files)\//.test(door)) return await documentsOf(owner);
  if (door.includes('/vaults/')) return await aVault(owner);
  if (door.includes('/memory_stores/')) return await aMemoryStore(owner);
  if (door.includes('/deployments/')) return await aDeployment(owner);
  if (procedure === 'uploads' || /\/(files|uploads)\/\{id\}/.test(door))
    return { file: (await upload(owner, { name: 'b.txt', mimeType: null }))?.id ?? '' };
  if (procedure === 'automations' || door.includes('/automations/{id}'))
    return { automation: await anAutomation(owner) };
  if (procedure === 'webhooks' || door.includes('/webhooks/{id}')) return await aWebhook(owner);
  if (procedure === 'memory' || door.includes('/memory/')) {
    const project = await anotherProject(owner);
    await withNotes(owner, project);
    return { project };
  }
  if (procedure === 'skills' || door.includes('/skills/{id}')) return await aSkill(owner);
  if (procedure === 'volumes' || /\/volume(s|content)\//.test(door)) return { volume: await aVolume(owner) };
  if (procedure === 'snapshots' && !door.includes('create')) return { snapshot: await aSnapshot(owner) };
  if (procedure === 'templateBuilds' || door.includes('/built-templates/')) return await aTemplate(owner);
  if (/\/e2b\/(v2\/)?templates\//.test(door)) return { snapshot: await aSnapshot(owner), ...(await aTemplate(owner)) };
  if (door.includes('snapshot_id')) return { snapshot: await aSnapshot(owner) };
  if (door.includes('/boxes/')) return { boxName: await aNamedBox(owner) };
  if (door.includes('/e2b/secrets/')) return { secret: await aSecret(owner) };
  const isBox = door.includes('/e2b/');
  const { project: projectId } = owner;
  const place = isBox ? { life: endlessLife } : { projectId };
  const session = await services.sessions.create({ origin: 'trpc', owner: id, ...place });
  if (isBox) return { box: session.id };
  if (procedure !== 'terminals' && !door.includes('shell_id')) return { sid: session.id };
  return { terminal: (await services.terminals.open(session.id, new AbortController().signal)).id };
}

/** With the same owner and members. */
async function anotherProject({ id: owner, server, project }: Owner): Promise<string> {
  const { projects } = server.core.services;
  const [{ id }, members] = await Promise.all([projects.create({ name: 'Two', owner }), projects.members(project)]);
  for (const { of, id: member, role } of members)
    if (role !== 'owner') await projects.putMember(id, { of, id: member, role });
  return id;
}

async function aNamedBox({ id, server }: Owner): Promise<string> {
  const name = `box-${createIdSource().short()}`;
  await server.core.services.sessions.named({ origin: 'trpc', name, owner: id });
  return name;
}

/** An agent, two environments and a file of a program. */
async function documentsOf(owner: Owner) {
  const { documents, workQueue } = owner.server.core.services;
  const kept = await upload(owner, { name: 'd.txt', mimeType: 'text/plain' });
  const agent = createAgentContent(NewAgent.parse({ name: 'Coder', model: 'demo' }));
  const file = { upload: kept?.id ?? '', filename: 'd.txt', mimeType: 'text/plain', size: 5, expiresAt: null };
  const environment = { name: 'plain', description: null, metadata: {}, config: unrestrictedConfig };
  const made = async (kind: 'agent' | 'environment' | 'file', content: object) =>
    (await documents.create({ kind, content: { ...content }, owner: owner.id, projectId: owner.project })).id;
  const queue = await made('environment', { ...environment, config: { type: 'self_hosted' } });
  const session = createIdSource().sessionId();
  await workQueue.enqueue(queue, session);
  const { view } = await workQueue.createKey(queue, { name: 'worker', maker: {} });
  return {
    queue,
    work: `work_${session}x1`,
    workerKey: view.id,
    agent: await made('agent', agent),
    environment: await made('environment', environment),
    document: await made('file', file),
  };
}

/** A store with a memory, and a replaced version of it. */
async function aMemoryStore({ id: owner, server, project: projectId }: Owner) {
  const { memoryStores } = server.core.services;
  const { id } = await memoryStores.create({ name: 'Notes', description: '', metadata: {}, owner, projectId });
  const { id: memory, version } = await memoryStores.addMemory(id, { path: '/notes/a.md', text: 'first' });
  await memoryStores.changeMemory(id, memory, { text: 'second' });
  return { memoryStore: id, storeMemory: memory, storeVersion: version };
}

async function aVault({ id: owner, server, project: projectId }: Owner) {
  const { vaults } = server.core.services;
  const { id: vault } = await vaults.create({ displayName: 'Alice', metadata: {}, owner, projectId });
  const auth = { type: 'static_bearer', mcpServerUrl: 'https://mcp.example.com/' } as const;
  const secrets = { token: new Secret('a-token-of-this-test') };
  const { id } = await vaults.addCredential(vault, { displayName: null, metadata: {}, auth, secrets });
  return { vault, vaultCredential: id };
}

/** With a run that has a session. */
async function aDeployment(owner: Owner) {
  const { automations } = owner.server.core.services;
  const { agent, environment } = await documentsOf(owner);
  const content = {
    description: null,
    agent: { id: agent, version: 1 },
    environmentId: environment,
    initialEvents: [{ type: 'user.message', content: [{ type: 'text', text: 'Say hi' }] }],
    resources: [],
    vaultIds: [],
    budget: null,
    metadata: {},
  };
  const program = { api: 'managed-agents', agent: `${agent}@1`, archivedAt: null, content };
  const { id } = await automations.create({ ...plainAutomation, maxRunning: 20, program, owner: owner.id });
  const start = await automations.start(id, null);
  const stateOf = async () => (await automations.starts(id, { limit: 1 }))[0]?.state;
  await vi.waitFor(async () => expect(['running', 'ended']).toContain(await stateOf()), { timeout: 120_000 });
  return { deployment: `depl_${id}`, deploymentRun: `drun_${start.id.replace(':', 'x')}` };
}

const plainAutomation = {
  name: 'Report',
  kind: 'run',
  message: 'Say hi',
  goal: null,
  repositories: [],
  projectId: null,
  template: null,
  model: null,
  skills: [],
  schedule: null,
  hook: null,
  after: null,
  budget: null,
  whileRunning: 'skip',
  maxRunning: 1,
  maxFailures: 5,
  shared: false,
} as const;
async function aSecret({ id: owner, server, project: projectId }: Owner): Promise<string> {
  const name = createIdSource().short();
  const input = { name, value: new Secret('a-secret-value'), metadata: {}, owner, projectId };
  const { id } = await server.core.services.secrets.create(input);
  return id;
}

async function anAutomation({ id: owner, server, project: projectId }: Owner): Promise<string> {
  const hook = {
    source: 'json',
    events: [],
    repositories: [],
    label: null,
    account: null,
    senders: [],
    template: null,
  } as const;
  const { automations } = server.core.services;
  return (await automations.create({ ...plainAutomation, hook, owner, projectId })).id;
}

/** Notes of a project, each with two versions. */
async function withNotes({ id: owner, server }: Owner, project: string): Promise<void> {
  const { memory } = server.core.services;
  for (const path of ['build.md', 'tokens.md'])
    for (const text of ['first', 'second']) await memory.write({ of: 'project', id: project }, { path, text }, owner);
}

let skillsMade = 0;
/** With two versions, so that one can be deleted. */
async function aSkill({ id: owner, server, project: projectId }: Owner) {
  const { skills } = server.core.services;
  skillsMade += 1;
  const text = `---\nname: house-style-${skillsMade}\ndescription: How texts are written here.\n---\nBe brief.\n`;
  const files = [{ path: 'SKILL.md', bytes: Buffer.from(text) }];
  const { id: skill } = await skills.create({ files, owner, projectId });
  return { skill, skillVersion: (await skills.addVersion(skill, { files })).id };
}

/** Only its record: this test's sandboxes have no files to copy. */
async function aSnapshot({ id: owner, server, project: projectId }: Owner): Promise<string> {
  const id = `snap-${createIdSource().sessionId()}`;
  const about = { name: null, labels: {}, sessionId: 'fedcba9876543210', template: 'default', bytes: 1, sha256: '00' };
  const { records } = server.core.store;
  await records.put({ kind: 'named-snapshot', id, doc: { id, at: 1, owner, projectId, ...about }, sort: 1 });
  return id;
}

/**
 * Only its record: this test's sandboxes have no volumes, which the server reports only after it has checked the
 * rights.
 */
async function aVolume({ id: owner, server, project: projectId }: Owner): Promise<string> {
  const id = `vol-${createIdSource().sessionId()}`;
  const about = { name: id.slice(4), quotaBytes: 1, usedBytes: 0, isChanged: false, holders: [] };
  await server.core.store.records.put({ kind: 'volume', id, doc: { id, at: 1, owner, projectId, ...about }, sort: 1 });
  return id;
}

/** Only its records: this test's sandboxes have no image. */
async function aTemplate({ id: owner, server, project: projectId }: Owner) {
  const [template, build] = [`tpl-${createIdSource().sessionId()}`, createIdSource().runId()];
  const { records } = server.core.store;
  const tags = { default: { build, at: 1 } };
  await records.put({
    kind: 'built-template',
    id: template,
    doc: { id: template, name: template, owner, projectId, at: 1, tags },
  });
  const doc = { id: build, templateId: template, owner, projectId, tags: ['default'], status: 'waiting', at: 1 };
  await records.put({ kind: 'template-build', id: build, doc });
  return { template, build };
}

async function aWebhook({ id: owner, server, project: projectId }: Owner) {
  const { webhooks } = server.core.services;
  const rest = { events: ['run.failed'], format: 'json', projectId } as const;
  const { id: webhook } = await webhooks.create({ name: 'Hook', url: 'http://localhost:1/', owner, ...rest });
  const { id: delivery } = await webhooks.test(webhook);
  // Failed runs of other callers make deliveries too, so this one is not always the newest.
  const stateOfIt = async () => (await webhooks.deliveries(webhook)).find(({ id }) => id === delivery)?.state;
  await vi.waitFor(async () => expect(await stateOfIt()).toBe('failed'), { timeout: 60_000 });
  return { webhook, delivery };
}

async function upload({ id, server, project }: Owner, named: { name: string; mimeType: string | null }) {
  const { uploads } = server.core.opencodex;
  const content = (async function* () {
    yield Buffer.from('hello');
  })();
  const staged = await uploads.stage(
    { ...named, projectId: project, type: 'input', owner: id, content },
    new AbortController().signal,
  );
  const [file] = await uploads.keep([staged]);
  return file;
}

/** The host name resolves to nothing. */
async function aToolServer({ server }: Owner): Promise<string> {
  const { signal } = new AbortController();
  const name = `t${createIdSource().short()}`
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, '')
    .slice(0, 24);
  const choice = { url: 'https://tools.invalid/mcp' };
  return (await server.core.services.toolServers.put(name, choice, signal)).name;
}
