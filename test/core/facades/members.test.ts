import { afterAll, beforeAll, expect, test } from 'vitest';
import { canUseResource, type ResourceOwnership } from '../../../src/core/model/access/holder.ts';
import { SessionId } from '../../../src/core/model/ids.ts';
import type { MemberRole } from '../../../src/core/model/principal.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { createAgentContent } from '../../../src/facades/compat/managed-agents/resources/agent-content.ts';
import { NewAgent } from '../../../src/facades/compat/managed-agents/resources/agent-shapes.ts';
import { unrestrictedConfig } from '../../../src/facades/compat/managed-agents/resources/environments.ts';
import { openWebSocket } from '../../support/clients/sockets.ts';
import { openClient } from '../../support/clients/trpc.ts';
import { type ComposedServer, composedServer } from '../../support/servers/composed.ts';

// People with roles in a project. callers.test.ts covers which of them can use which door.
const facades = { CORRAL_E2B_FACADE: 'on', CORRAL_MANAGED_AGENTS: 'on' };
let server: ComposedServer;
let stack: AsyncDisposableStack;
beforeAll(async () => {
  stack = new AsyncDisposableStack();
  server = stack.use(await composedServer({ ...facades, CORRAL_TOKEN: 'the-token-of-these-tests' }));
});
afterAll(() => stack.disposeAsync());

async function aPerson(name: string, role: 'viewer' | 'user' | 'operator' | 'admin' = 'user') {
  const { key, view } = await server.core.keys.create({ name, role });
  const client = openClient(server.url, 'sse', key);
  stack.defer(() => client.close());
  const listed = async (query = {}) => (await client.sessions.list.query(query)).items.map(({ id }) => id);
  const { sessions, projects, automations, runs, files, desktop } = client;
  return { key, id: view.id, client, listed, sessions, projects, automations, runs, files, desktop };
}
type Person = Awaited<ReturnType<typeof aPerson>>;

async function aProject(owner: Person, members: readonly (readonly [Person, MemberRole])[] = []) {
  const { id } = await owner.projects.create.mutate({ name: 'Website' });
  for (const [{ id: member }, role] of members) await owner.projects.putMember.mutate({ id, member, role });
  return id;
}
const reason = (code: string) => ({ data: { reason: code } });
const refuses = (asked: Promise<unknown>, code: string) => expect(asked).rejects.toMatchObject(reason(code));

test('members list, search and count what the project has, and nobody else does', async () => {
  const [boss, ada, eve] = [await aPerson('boss'), await aPerson('ada'), await aPerson('eve')];
  const projectId = await aProject(boss, [[ada, 'member']]);
  const other = await aProject(eve);
  const { id: shared } = await boss.sessions.create.mutate({ projectId, title: 'Zebra of the project' });
  const { id: own } = await ada.sessions.create.mutate({ projectId, title: 'Zebra of Ada' });
  const { id: apart } = await ada.sessions.create.mutate({ title: 'Zebra at home' });
  await eve.sessions.create.mutate({ projectId: other, title: 'Zebra of Eve' });
  expect(await ada.listed()).toEqual([apart, own, shared]);
  expect(await ada.listed({ limit: 1 })).toEqual([apart]);
  expect(await ada.listed({ projectId })).toEqual([own, shared]);
  expect(await ada.listed({ search: 'zebra' })).toEqual([apart, own, shared]);
  expect(await boss.listed()).toEqual([own, shared]);
  expect((await ada.projects.list.query()).projects.map(({ id }) => id)).toEqual([projectId]);
  expect((await ada.projects.members.query({ id: projectId })).map(({ name, role }) => [name, role])).toEqual([
    ['boss', 'owner'],
    ['ada', 'member'],
  ]);
  await refuses(ada.sessions.list.query({ projectId: other }), 'not_found');
  await refuses(ada.projects.members.query({ id: other }), 'not_found');
});

test('a list reads the sessions of its caller and of the projects, and no others', async () => {
  const [boss, ada] = [await aPerson('boss'), await aPerson('ada')];
  const projects = [await aProject(boss, [[ada, 'viewer']]), await aProject(boss, [[ada, 'member']])];
  for (const projectId of projects) for (const _ of [1, 2, 3]) await boss.sessions.create.mutate({ projectId });
  const others = [1, 2, 3].map(async () => (await boss.sessions.create.mutate({})).id);
  const apart = await Promise.all(others);
  const { records } = server.core.store;
  const { list } = records;
  const read: string[] = [];
  records.list = async (kind, options) => {
    const rows = await list.call(records, kind, options);
    if (kind === 'session') read.push(...rows.map(({ id }) => id));
    return rows;
  };
  const seen = await ada.listed({ limit: 4 });
  records.list = list;
  expect([seen.length, read.filter((id) => apart.includes(id)), read.length]).toEqual([4, [], 5]);
});

test('maintainers alone change members, who cannot raise themselves, and the last one stays', async () => {
  const [boss, ada, bob] = [await aPerson('boss'), await aPerson('ada'), await aPerson('bob')];
  const admin = await aPerson('root', 'admin');
  const id = await aProject(boss, [
    [ada, 'member'],
    [bob, 'viewer'],
  ]);
  for (const person of [ada, bob])
    await refuses(person.projects.putMember.mutate({ id, member: person.id, role: 'maintainer' }), 'forbidden');
  await refuses(boss.projects.removeMember.mutate({ id, member: boss.id }), 'conflict');
  await refuses(boss.projects.putMember.mutate({ id, member: 'nobody', role: 'viewer' }), 'not_found');
  await boss.projects.handOver.mutate({ id, to: ada.id });
  expect((await ada.projects.members.query({ id })).map(({ name, role }) => `${name} ${role}`).sort()).toEqual([
    'ada owner',
    'bob viewer',
    'boss maintainer',
  ]);
  await bob.projects.removeMember.mutate({ id, member: bob.id }); // members can leave
  await refuses(bob.projects.get.query({ id }), 'not_found');
  const { id: ownerless } = await admin.projects.create.mutate({ name: 'Common' });
  await admin.projects.handOver.mutate({ id: ownerless, to: boss.id });
  await boss.projects.putMember.mutate({ id: ownerless, member: ada.id, role: 'maintainer' });
  await ada.projects.removeMember.mutate({ id: ownerless, member: ada.id });
});

test('who leaves a project loses its sessions, streams, sockets and links; who comes back has all again', async () => {
  const [boss, ada] = [await aPerson('boss'), await aPerson('ada')];
  const id = await aProject(boss, [[ada, 'member']]);
  const { id: sessionId } = await ada.sessions.create.mutate({ projectId: id });
  const { id: apart } = await ada.sessions.create.mutate({});
  await ada.files.write.mutate({ sessionId, path: 'a.txt', content: 'hello' });
  const headers = { authorization: `Bearer ${ada.key}` };
  const stream = await fetch(`${server.url}/api/v1/sessions/${sessionId}/events`, { headers });
  const streamed = stream.text().catch(() => '');
  const socket = await openWebSocket(`${server.url.replace('http', 'ws')}/ws/${sessionId}`, { headers });
  const { url } = await ada.desktop.signedUrl.mutate({ sessionId });
  await boss.projects.removeMember.mutate({ id, member: ada.id });
  expect((await socket.closed).code).toBe(1008);
  await streamed;
  for (const path of [`/trpc/sessions.get?input={"id":"${sessionId}"}`, `/sessions/${sessionId}`])
    expect([path, (await fetch(server.url + path, { headers })).status]).toEqual([path, 404]);
  const screen = await openWebSocket(new URL(url, server.url).href.replace('http', 'ws'));
  expect((await screen.closed).code).toBe(1008);
  expect(await ada.listed()).toEqual([apart]);
  expect(await boss.listed({ projectId: id })).toEqual([sessionId]);
  await boss.projects.putMember.mutate({ id, member: ada.id, role: 'member' });
  expect((await ada.files.read.query({ sessionId, path: 'a.txt' })).content).toBe('hello');
});

test('only those with rights on both sides move a session, and its former readers lose it', async () => {
  const [boss, ada, eve] = [await aPerson('boss'), await aPerson('ada'), await aPerson('eve')];
  const id = await aProject(boss, [[ada, 'member']]);
  const theirs = await aProject(eve, [[ada, 'member']]);
  const { id: ofBoss } = await boss.sessions.create.mutate({ projectId: id });
  const { id: ofAda } = await ada.sessions.create.mutate({});
  await refuses(eve.projects.move.mutate({ of: 'session', resource: ofBoss, projectId: theirs }), 'session_not_found');
  await refuses(ada.projects.move.mutate({ of: 'session', resource: ofBoss, projectId: theirs }), 'forbidden');
  await refuses(boss.projects.move.mutate({ of: 'session', resource: ofBoss, projectId: theirs }), 'not_found');
  await refuses(ada.projects.move.mutate({ of: 'session', resource: ofAda, owner: eve.id }), 'invalid_request');
  await refuses(
    ada.projects.move.mutate({ of: 'session', resource: ofAda, projectId: id, owner: eve.id }),
    'not_found',
  );
  await ada.projects.move.mutate({ of: 'session', resource: ofAda, projectId: id });
  expect((await boss.listed()).sort()).toEqual([ofBoss, ofAda].sort());
  const { services, store } = server.core;
  const callId = null;
  const parent = { sessionId: SessionId.parse(ofAda), runId: null, callId, depth: 1, role: null };
  const child = await services.sessions.create({ origin: 'trpc', owner: ada.id, projectId: id, parent });
  await store.records.put({ kind: 'child', id: `${ofAda}:${child.id}`, doc: { callId, runId: null } });
  const headers = { authorization: `Bearer ${boss.key}` };
  const stream = await fetch(`${server.url}/api/v1/sessions/${ofAda}/events`, { headers });
  await ada.projects.move.mutate({ of: 'session', resource: ofAda, projectId: null });
  await stream.text().catch(() => '');
  for (const left of [ofAda, child.id]) await refuses(boss.sessions.get.query({ id: left }), 'session_not_found');
  expect((await ada.sessions.get.query({ id: child.id })).projectId).toBeNull();
});

test('a session that moves while its run starts ends its run in the new project, and counts in one project alone', async () => {
  const [boss, admin] = [await aPerson('boss'), await aPerson('root', 'admin')];
  const [from, to] = [await aProject(boss), await aProject(boss)];
  for (const id of [from, to])
    await admin.client.budgets.change.mutate({ of: 'project', id, runningRuns: 1, sessions: 1 });
  const { id: sessionId } = await boss.sessions.create.mutate({ projectId: from });
  const move = (projectId: string) => boss.projects.move.mutate({ of: 'session', resource: sessionId, projectId });
  const send = () => boss.runs.send.mutate({ sessionId, text: 'Say hi' });
  const status = async () => (await boss.sessions.get.query({ id: sessionId })).status;
  const used = async () =>
    await Promise.all(
      [from, to].map(async (id) => {
        const { runningRuns, sessions } = await admin.client.budgets.get.query({ of: 'project', id });
        return [runningRuns.used, sessions.used];
      }),
    );
  await Promise.all([send(), move(to)]);
  await expect.poll(status).toBe('completed');
  expect([(await boss.sessions.get.query({ id: sessionId })).projectId, await used()]).toEqual([
    to,
    [
      [0, 0],
      [0, 1],
    ],
  ]);
  await Promise.all([move(from), send()]);
  await expect.poll(status).toBe('completed');
  expect(await used()).toEqual([
    [0, 1],
    [0, 0],
  ]);
});

test('of two hand-overs at once one stands, and both other people are maintainers', async () => {
  const [boss, ada, bob] = [await aPerson('boss'), await aPerson('ada'), await aPerson('bob')];
  const id = await aProject(boss, [[ada, 'member']]);
  await Promise.all([ada, bob].map((person) => boss.projects.handOver.mutate({ id, to: person.id })));
  const members = (await boss.projects.members.query({ id })).map(({ name, role }) => `${name} ${role}`).sort();
  expect([
    ['ada maintainer', 'bob owner', 'boss maintainer'],
    ['ada owner', 'bob maintainer', 'boss maintainer'],
  ]).toContainEqual(members);
});

test('who was removed attaches no file of the project, not even an own upload, while others do', async () => {
  const [boss, ada] = [await aPerson('boss'), await aPerson('ada')];
  const projectId = await aProject(boss, [[ada, 'member']]);
  const { records } = server.core.store;
  const file = crypto.randomUUID();
  const stored = { type: 'input', size: 0, mimeType: null, sha256: '', uploadedAt: 1, owner: ada.id };
  await records.put({ kind: 'file-owner', id: file, doc: { owner: projectId, at: 1, isKept: true } });
  await records.put({
    kind: 'file',
    id: `${projectId}:${file}`,
    doc: { id: file, projectId, name: 'a.txt', ...stored },
  });
  const { id: own } = await ada.sessions.create.mutate({});
  const attach = (person: Person, sessionId: string) =>
    person.runs.send.mutate({ sessionId, text: 'Read it', attachments: [file] });
  await attach(ada, own);
  const [, raced] = await Promise.allSettled([
    boss.projects.removeMember.mutate({ id: projectId, member: ada.id }),
    attach(ada, own),
  ]);
  if (raced.status === 'rejected') expect(raced.reason).toMatchObject(reason('file_not_found'));
  await refuses(attach(ada, own), 'file_not_found');
  await attach(boss, (await boss.sessions.create.mutate({ projectId })).id);
});

/** The kinds of records that projects hold, by their names in `projects.move`. */
const heldKinds = {
  skill: 'skill',
  volume: 'volume',
  snapshot: 'named-snapshot',
  template: 'built-template',
  secret: 'named-secret',
  vault: 'vault',
  'memory-store': 'memory-store',
  agent: 'document-agent',
  environment: 'document-environment',
  file: 'document-file',
} as const;
type Kind = keyof typeof heldKinds;
const kinds = Object.keys(heldKinds) as Kind[];
/** One resource of each kind. Sandboxes of these tests have no volumes and no images, so these have records alone. */
async function aResourceEach({ id: owner }: Person, n: number, projectId?: string): Promise<Record<string, string>> {
  const { services, store } = server.core;
  const name = `held-${n}`;
  const skill = { description: '', displayName: null, shared: false, latestVersion: '', lastNumber: 1, createdAt: 1 };
  const snapshot = { labels: {}, sessionId: 'fedcba9876543210', template: 'default', bytes: 1, sha256: '00' };
  const volume = { quotaBytes: 1, usedBytes: 0, isChanged: false, holders: [] };
  const fields = { ...skill, ...snapshot, ...volume, updatedAt: 1, at: 1, tags: {}, name, owner, projectId };
  const hex = `${n}`.repeat(24);
  const [short, metadata, whose] = [hex.slice(0, 16), {}, { owner, projectId }];
  const byRecord = {
    skill: `skill_${hex}`,
    volume: `vol-${short}`,
    snapshot: `snap-${short}`,
    template: `tpl-${short}`,
  };
  for (const [kind, id] of Object.entries(byRecord))
    await store.records.put({ kind: heldKinds[kind as 'skill'], id, doc: { ...fields, id } });
  const environment = { name, description: null, metadata, config: unrestrictedConfig };
  const file = { upload: '', filename: 'd.txt', mimeType: 'text/plain', size: 5 };
  const document = async (kind: 'agent' | 'environment' | 'file', content: object) =>
    await services.documents.create({ kind, content: { ...content }, ...whose });
  const made = {
    secret: await services.secrets.create({ name, value: new Secret('a-secret-value'), metadata, ...whose }),
    vault: await services.vaults.create({ displayName: name, metadata, ...whose }),
    'memory-store': await services.memoryStores.create({ name, description: '', metadata, ...whose }),
    agent: await document('agent', createAgentContent(NewAgent.parse({ name, model: 'demo' }))),
    environment: await document('environment', environment),
    file: await document('file', file),
  };
  return { ...byRecord, ...Object.fromEntries(Object.entries(made).map(([kind, { id }]) => [kind, id])) };
}
/** The ids of what the person sees, through the services where no procedure lists the kind. */
async function heldBy({ client, key }: Person): Promise<Record<string, string[]>> {
  const headers = { authorization: `Bearer ${key}` };
  const read = async (path: string) => {
    const answer = await (await fetch(server.url + path, { headers })).json();
    return (Array.isArray(answer) ? answer : (answer as { data: unknown }).data) as { id: string; secretID: string }[];
  };
  const lists: Record<Kind, () => Promise<readonly { id: string }[]>> = {
    skill: () => client.skills.list.query(),
    volume: () => client.volumes.list.query(),
    snapshot: () => client.snapshots.list.query(),
    template: () => client.templateBuilds.list.query(),
    secret: async () => (await read('/e2b/secrets')).map(({ secretID: id }) => ({ id })),
    vault: () => read('/anthropic/v1/vaults'),
    'memory-store': () => read('/anthropic/v1/memory_stores'),
    agent: () => read('/anthropic/v1/agents'),
    environment: async () => (await read('/anthropic/v1/environments')).filter(({ id }) => id.startsWith('env_')),
    file: () => read('/anthropic/v1/files'),
  };
  const ids = kinds.map(async (kind) => [kind, (await lists[kind]()).map(({ id }) => id).sort()] as const);
  return Object.fromEntries(await Promise.all(ids));
}
const each = (...all: Record<string, string>[]) =>
  Object.fromEntries(kinds.map((kind) => [kind, all.map((one) => one[kind]).sort()]));

test('members use what the project holds until they leave, and what names no project stays with its owner', async () => {
  const [boss, ada, eve] = [await aPerson('boss'), await aPerson('ada'), await aPerson('eve')];
  const projectId = await aProject(boss, [[ada, 'member']]);
  const [own, ofProject] = [await aResourceEach(ada, 1), await aResourceEach(ada, 2, projectId)];
  const expected = [each(own, ofProject), each(ofProject), each()];
  expect([await heldBy(ada), await heldBy(boss), await heldBy(eve)]).toEqual(expected);
  const volume = ofProject.volume ?? '';
  expect((await boss.client.volumes.get.query({ volume: 'held-2' })).projectId).toBe(projectId);
  await refuses(eve.client.volumes.get.query({ volume }), 'not_found');
  await refuses(eve.client.volumes.get.query({ volume: 'held-2' }), 'not_found');
  const content = Buffer.from('---\nname: house-style\ndescription: Texts.\n---\nBe brief.\n').toString('base64');
  const upload = { files: [{ path: 'house-style/SKILL.md', content }], projectId };
  await refuses(eve.client.skills.create.mutate(upload), 'not_found');
  const { id: skill } = await ada.client.skills.create.mutate(upload);
  await refuses(boss.client.skills.create.mutate(upload), 'conflict');
  await boss.sessions.create.mutate({ projectId, skills: ['house-style'] });
  await refuses(boss.sessions.create.mutate({ skills: ['house-style'] }), 'not_found');
  await boss.projects.removeMember.mutate({ id: projectId, member: ada.id });
  expect(await heldBy(ada)).toEqual(each(own));
  await refuses(ada.client.skills.get.query({ id: skill }), 'not_found');
  await refuses(ada.client.volumes.get.query({ volume }), 'not_found');
  await boss.client.skills.delete.mutate({ id: skill });
  expect(await heldBy(boss)).toEqual(each(ofProject));
  await boss.projects.delete.mutate({ id: projectId });
  expect([await heldBy(ada), await heldBy(boss)]).toEqual([each(own), each()]);
  const left = await Promise.all(Object.values(heldKinds).map((kind) => server.core.store.records.count(kind)));
  expect(left).toEqual(kinds.map((kind) => (kind === 'volume' ? 2 : 1))); // the volume's storage is deleted later
});

test('an owner or a maintainer moves what a project can hold, and the former members lose it', async () => {
  const [boss, ada, bob] = [await aPerson('boss'), await aPerson('ada'), await aPerson('bob')];
  const projectId = await aProject(boss, [
    [ada, 'member'],
    [bob, 'member'],
  ]);
  const own = await aResourceEach(ada, 3);
  const moves = kinds.map((of) => ({ of, resource: own[of] ?? '' }));
  for (const move of moves) {
    await refuses(boss.projects.move.mutate({ ...move, projectId }), 'not_found');
    await ada.projects.move.mutate({ ...move, projectId });
  }
  expect([await heldBy(ada), await heldBy(bob)]).toEqual([each(own), each(own)]);
  for (const move of moves) await refuses(bob.projects.move.mutate(move), 'forbidden');
  const same = await aResourceEach(ada, 4);
  const { records } = server.core.store;
  const taken = await records.get('volume', same.volume ?? '');
  await records.put({ kind: 'volume', id: same.volume ?? '', doc: { ...(taken?.doc as object), name: 'held-3' } });
  await refuses(ada.projects.move.mutate({ of: 'volume', resource: same.volume ?? '', projectId }), 'conflict');
  for (const move of moves.slice(0, 1)) await boss.projects.move.mutate(move);
  expect((await heldBy(bob)).skill).toEqual([]);
  const { id } = await ada.automations.create.mutate({ name: 'Daily', message: 'Say hi' });
  await ada.projects.move.mutate({ of: 'automation', resource: id, projectId });
  expect((await bob.automations.list.query()).map((one) => one.id)).toEqual([id]);
  await refuses(bob.automations.update.mutate({ id, projectId: null }), 'forbidden');
  await ada.projects.move.mutate({ of: 'automation', resource: id });
  expect(await bob.automations.list.query()).toEqual([]);
});

test.each<[what: string, session: ResourceOwnership, resource: ResourceOwnership, isUsable: boolean]>([
  ['its own project', { owner: 'ada', projectId: 'p' }, { owner: 'boss', projectId: 'p' }, true],
  ['another project, even its owner', { owner: 'ada', projectId: 'p' }, { owner: 'ada', projectId: 'q' }, false],
  ['a project that it left', { owner: 'ada', projectId: null }, { owner: 'ada', projectId: 'p' }, false],
  ['its owner', { owner: 'ada', projectId: 'p' }, { owner: 'ada' }, true],
  ['a former owner', { owner: 'bob', projectId: 'p' }, { owner: 'ada', projectId: null }, false],
  ['the server', { owner: 'ada' }, {}, true],
  ["anybody, if it is the server's", {}, { owner: 'ada' }, true],
  ["a project, if it is the server's", {}, { owner: 'ada', projectId: 'p' }, false],
])('a session uses what belongs to %s', (_, session, resource, isUsable) => {
  expect(canUseResource(session, resource)).toBe(isUsable);
});

test('secrets and vaults of a project work in its sessions alone', async () => {
  const [boss, ada] = [await aPerson('boss'), await aPerson('ada')];
  const projectId = await aProject(boss, [[ada, 'member']]);
  const { secret = '', vault = '' } = await aResourceEach(boss, 5, projectId);
  const { services } = server.core;
  const [inside, apart] = [
    await services.sessions.create({ origin: 'trpc', owner: ada.id, projectId }),
    await services.sessions.create({ origin: 'trpc', owner: ada.id }),
  ];
  const credential = { name: 'a', hosts: ['a.example'], header: 'x-a', env: [] };
  const bind = (id: SessionId) =>
    services.sessionCredentials.bind(id, credential, { secret, before: '', after: '' }).then(
      () => 'bound',
      ({ code }) => code,
    );
  expect([await bind(inside.id), await bind(apart.id)]).toEqual(['bound', 'not_found']);
  const program = async (body: object) => {
    const headers = { authorization: `Bearer ${ada.key}`, 'content-type': 'application/json' };
    const sent = { method: 'POST', headers, body: JSON.stringify(body) };
    return await (await fetch(`${server.url}/anthropic/v1/sessions`, sent)).json();
  };
  const { agent, environment } = await aResourceEach(ada, 6);
  const begun = { agent, environment_id: environment, vault_ids: [vault] };
  expect(await program(begun)).toMatchObject({ error: { type: 'not_found_error' } });
});

test('the run and the automation of a person who left wait until a maintainer takes them over', async () => {
  const [boss, ada] = [await aPerson('boss'), await aPerson('ada')];
  const id = await aProject(boss, [[ada, 'member']]);
  const { id: sessionId } = await ada.sessions.create.mutate({ projectId: id });
  const { id: automation } = await ada.automations.create.mutate({ name: 'Daily', message: 'Say hi', projectId: id });
  await boss.projects.removeMember.mutate({ id, member: ada.id });
  expect(await ada.automations.list.query()).toEqual([]);
  await boss.runs.send.mutate({ sessionId, text: 'Say hi' });
  const status = async () => (await boss.sessions.get.query({ id: sessionId })).status;
  await expect.poll(status).toBe('waiting');
  await boss.automations.start.mutate({ id: automation });
  const paused = async () => (await boss.automations.get.query({ id: automation })).paused?.by;
  await expect.poll(paused).toBe('owner');
  await boss.projects.move.mutate({ of: 'session', resource: sessionId, owner: boss.id });
  await boss.runs.send.mutate({ sessionId, text: 'Go on' });
  await expect.poll(status).toBe('completed');
  await boss.automations.resume.mutate({ id: automation });
  await boss.automations.start.mutate({ id: automation });
  const states = async () => (await boss.automations.starts.query({ id: automation })).map(({ state }) => state);
  await expect.poll(states).toContain('ended');
});

test('an automation whose owner is back continues for the owner, whoever resumes it', async () => {
  const [boss, ada] = [await aPerson('boss'), await aPerson('ada')];
  const id = await aProject(boss, [[ada, 'member']]);
  const { id: automation } = await ada.automations.create.mutate({ name: 'Daily', message: 'Say hi', projectId: id });
  const get = async () => await boss.automations.get.query({ id: automation });
  for (const resumer of [ada, boss]) {
    await boss.projects.removeMember.mutate({ id, member: ada.id });
    await boss.automations.start.mutate({ id: automation });
    await expect.poll(async () => (await get()).paused?.text).toContain('Resume it once the owner has access again');
    await boss.projects.putMember.mutate({ id, member: ada.id, role: 'member' });
    expect((await get()).paused?.by).toBe('owner'); // it does not continue by itself
    await resumer.automations.resume.mutate({ id: automation });
    const stored = await server.core.services.automations.get(automation);
    expect([stored.paused, stored.owner]).toEqual([null, ada.id]);
  }
});
