import { expect, vi } from 'vitest';
import { systemClock } from '../../../src/core/contracts/clock.ts';
import { SessionId } from '../../../src/core/model/ids.ts';
import { type ComposedServer, composedServer } from '../../support/servers/composed.ts';
import { type TokenIssuer, tokenIssuer } from '../../support/servers/token-issuer.ts';
import { type CallerRoute, type DoorAnswer, doorsOf, type PresentedCredentials } from './caller-doors.ts';
import { type Caller, callers, expected, isOneOf, members, type Outcome } from './caller-rights.ts';
import { aPerson, freshTargets, nobodys, type Owner, sharedTargets, type Targets } from './caller-targets.ts';

const token = 'the-token-of-the-caller-matrix';
const atOnce = 12;
const minuteMs = 60_000;
const noPrograms = 'cannot run programs'; // the sandboxes of this server exist only in memory

/** A server with every kind of caller, and its endpoints. */
export interface CallerServer extends AsyncDisposable {
  readonly server: ComposedServer;
  readonly doors: readonly CallerRoute[];
  readonly shared: Targets;
  /** The shared targets, with a new one in place of the target that the door ends. */
  fresh(door: string): Promise<Targets>;
  shown(caller: Caller, door?: string): Promise<PresentedCredentials>;
  /** Doors whose answer to a caller differs from their rule, one per line. */
  mistakes(doors: readonly CallerRoute[], only?: readonly Caller[]): Promise<string[]>;
}

export async function callerServer(): Promise<CallerServer> {
  await using stack = new AsyncDisposableStack();
  let later = 0;
  const clock = { ...systemClock, now: () => systemClock.now() + later };
  const issuer = stack.use(await tokenIssuer(clock.now));
  const oidc = { CORRAL_OIDC_ISSUER: 'http://127.0.0.1:9', CORRAL_OIDC_CLIENT_ID: 'corral' };
  const proxy = {
    CORRAL_TRUSTED_PROXIES: '127.0.0.1',
    CORRAL_IDENTITY_PROXY_SUBJECT_HEADER: 'x-user',
    CORRAL_IDENTITY_PROXY_ROLES: '{"*":"user"}',
  };
  const programs = { CORRAL_PROGRAMS_ISSUERS: issuer.url, CORRAL_PROGRAMS_AUDIENCE: 'corral' };
  const settings = {
    ...oidc,
    ...proxy,
    ...programs,
    CORRAL_TOKEN: token,
    CORRAL_E2B_FACADE: 'on',
    CORRAL_MANAGED_AGENTS: 'on',
  };
  const limits = { CORRAL_MAX_SESSIONS: '10000', CORRAL_MAX_SESSIONS_PER_OWNER: '0' };
  const server = stack.use(await composedServer({ ...settings, ...limits }, undefined, { clock }));
  const { keys, ownerId } = await keysOf(server, issuer);
  const { id: project } = await server.core.services.projects.create({ name: 'One', owner: ownerId });
  Object.assign(keys, await keysOfMembers(server, project));
  const owner = { id: ownerId, server, project };
  const shared = await sharedTargets(owner, token);
  const links = await linksTo(shared, owner);
  const person = await cookiesOf(server);
  const shown = async (caller: Caller, door = ''): Promise<PresentedCredentials> => {
    if (caller === 'watch-link' || caller === 'control-link')
      return { headers: {}, signature: await links.screen(caller === 'watch-link' ? 'view' : 'control', door) };
    if (caller === 'person') return { headers: { cookie: await person(door), origin: server.url } };
    if (caller === 'proxy-person') return { headers: { 'x-user': 'bea', origin: server.url } };
    const credential = keys[caller] ?? links.tokens[caller];
    if (credential === undefined) return { headers: {} };
    const isOfSandbox = caller === 'sandbox-token' || caller === 'token-of-another-sandbox';
    return { headers: { authorization: `Bearer ${credential}`, ...(isOfSandbox && { 'x-access-token': credential }) } };
  };
  const fresh = async (door: string) => ({ ...shared, ...(await freshTargets(owner, door)) });

  async function mistakes(doors: readonly CallerRoute[], only: readonly Caller[] = callers): Promise<string[]> {
    const wrong: string[] = [];
    for (const caller of only) {
      later += 2 * minuteMs; // 1,000 wrong credentials in a minute lock an address out
      await inTurns(doors, async (door) => {
        const rule = door.rule ?? 'admin';
        const want = expected(rule, caller, isOfProject(door));
        // A sandbox's token opens that sandbox alone. The shared session can be working, which this API checks first.
        const isRefusedLast = door.name.includes('/anthropic/v1/sessions') && isOneOf(members, caller);
        const isFresh = want === 'through' ? caller !== 'sandbox-token' : want === 403 && isRefusedLast;
        const to = isFresh && ends(door) ? await fresh(door.name) : shared;
        // A service account cannot use the other project, so that one ends in place of its own.
        if (caller === 'service-account' && to.project !== shared.project) return;
        const ask = async (targets: Targets): Promise<DoorAnswer> =>
          door.ask(await shown(caller, door.name), targets).catch((error) => ({ code: 599, text: String(error) }));
        const reply = await ask(to);
        const isRefused = refusalOf(reply) !== undefined || rule === 'open' || rule === 'public';
        const got = isRefused
          ? (refusalOf(reply) ?? 'through')
          : compared({ caller, reply, ofNobodys: await ask(nobodys), to });
        const isBroken =
          reply.code >= 500 &&
          reply.code < 600 &&
          ![501, 502, 503].includes(reply.code) &&
          !reply.text.includes(noPrograms);
        // Some changes are refused because of the auditor's role before their target is read.
        const isEarly = caller === 'auditor' && want === 'unknown' && got === 403;
        if ((got === want || isEarly) && !isBroken) return;
        wrong.push(`${door.name} for ${caller}: ${got}, not ${want} (${reply.code} ${reply.text.slice(0, 200)})`);
      });
    }
    return wrong.sort();
  }
  const doors = await doorsOf(server, token);
  const held = stack.move();
  return { server, doors, shared, fresh, shown, mistakes, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

async function keysOf({ core }: ComposedServer, issuer: TokenIssuer) {
  const keys: Partial<Record<Caller, string>> = {};
  const make = async (caller: Caller, rights: Omit<Parameters<typeof core.keys.create>[0], 'name'>) => {
    const { key, view } = await core.keys.create({ name: caller, ...rights });
    keys[caller] = key;
    return view.id;
  };
  const ownerId = await make('user-owner', { role: 'user' });
  await make('viewer', { role: 'viewer', beside: ownerId });
  await make('auditor', { role: 'auditor' });
  await make('user-other', { role: 'user' });
  await make('personal-key', { role: 'user', person: (await aPerson(core, 'ada')).key });
  const claims = { sub: 'ci', aud: 'corral' };
  await core.keys.trust({ name: 'ci', role: 'user' }, { issuer: issuer.url, claims: { sub: 'ci' } });
  keys.program = await issuer.sign({ ...claims, exp: Math.floor(Date.now() / 1_000) + 864_000 });
  await make('operator', { role: 'operator' });
  await make('admin', { role: 'admin' });
  await make('expired', { role: 'admin', expiresAt: Date.now() + 1_000 });
  await core.keys.revoke(await make('revoked', { role: 'admin' }));
  const expired = async () => (await core.keys.list()).filter(({ state }) => state === 'expired');
  const patience = { timeout: 120_000 };
  await vi.waitFor(async () => expect(await expired()).toHaveLength(1), patience); // `poll` is for tests alone
  return { keys, ownerId };
}

async function keysOfMembers({ core }: ComposedServer, project: string) {
  const { projects } = core.services;
  const made = members.map(async (caller) => {
    const home = caller === 'service-account' && { project: { id: project, role: 'member' as const } };
    const { key, view } = await core.keys.create({ name: caller, role: 'user', ...home });
    if (home) return [caller, key] as const;
    const [, role = 'maintainer'] = caller.split('project-');
    const member = { of: 'person', id: view.id } as const;
    await projects.putMember(project, { ...member, role: role as 'viewer' });
    if (caller === 'former-member') await projects.removeMember(project, member);
    return [caller, key] as const;
  });
  return Object.fromEntries(await Promise.all(made));
}

/** The cookie of a person; a new one for the door that ends it. */
async function cookiesOf({ core }: ComposedServer): Promise<(door: string) => Promise<string>> {
  const { devices } = core.signIns ?? expect.unreachable();
  const ada = await aPerson(core, 'ada');
  const device = { kind: 'browser', agent: '', sid: null, refreshes: false, seal: () => null } as const;
  const cookie = async () => `corral_session=${(await devices.enter(ada, device)).secret}`;
  const usual = await cookie();
  return async (door) => (door === 'POST /sign-in/end' ? await cookie() : usual);
}

/** Links and tokens that open one resource each. */
async function linksTo({ sid, box }: Targets, owner: Owner) {
  const { url, core } = owner.server;
  const { services } = core;
  const link = await services.shares.create(SessionId.parse(sid), { lifeMs: 60 * minuteMs, files: true });
  const headers = { authorization: `Bearer ${token}` };
  const tokenOf = async (id = '') =>
    ((await (await fetch(`${url}/e2b/sandboxes/${id}`, { headers })).json()) as { envdAccessToken: string })
      .envdAccessToken;
  const another = await freshTargets(owner, 'GET /e2b/');
  const sign = async (right: 'view' | 'control') => {
    const body = JSON.stringify({ sessionId: sid, right, expireSeconds: 900 });
    const response = await fetch(`${url}/trpc/desktop.signedUrl`, { method: 'POST', headers, body });
    const { result } = (await response.json()) as { result: { data: { url: string } } };
    return new URL(result.data.url, url).searchParams.get('signature') ?? '';
  };
  const unused = { view: await sign('view'), control: await sign('control') };
  const tokens: Partial<Record<Caller, string>> = {
    'share-link': link.token,
    'sandbox-token': await tokenOf(box),
    'token-of-another-sandbox': await tokenOf(another.box),
  };
  // A link to a screen works once.
  const screen = async (right: 'view' | 'control', door: string) =>
    door.endsWith('/vnc') ? await sign(right) : unused[right];
  return { tokens, screen };
}

/**
 * Whether the call concerns the project, its session or a part of these; all other targets belong to their owner alone.
 */
const isOfProject = ({ name }: CallerRoute) => !ofOwner.test(name);
const ofOwner =
  /^procedure toolServers|e2b\/(?!(v\d\/)?(volume|templates|secrets))|boxes|\/(tool-servers|deployments|deployment_runs)\/\{|(data|host) /;

/** Whether the call ends its target, so that no other call finds it, shows it to everyone, or waits for its runs. */
const ends = ({ name, rule }: CallerRoute) =>
  rule === 'stop' ||
  rule === 'own-work' ||
  / \/e2b\/.*\{sid\}|POST \/anthropic\/v1\/sessions\/\{id\}$|DELETE|delete|archive$|reset|close|pause|revoke|remove|handOver|owner$|[sS]top\b|upload-to-project|\/share$|\/chat$/.test(
    name,
  );

async function inTurns<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const left = [...items];
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

function refusalOf({ code, text }: DoorAnswer): 401 | 403 | undefined {
  if (code === 401 || /"httpStatus":401|"unauthenticated"/.test(text)) return 401;
  return code === 403 || text.includes('does not allow this') ? 403 : undefined;
}

interface ComparedAnswer {
  readonly caller: Caller;
  readonly reply: DoorAnswer;
  /** The answer to the same request about an id that does not exist. */
  readonly ofNobodys: DoorAnswer;
  readonly to: Targets;
}
function compared({ caller, reply, ofNobodys, to }: ComparedAnswer): Outcome {
  if (ofNobodys.code === 599) throw new Error(`No answer about an id that does not exist: ${ofNobodys.text}`);
  // Operators and auditors can see that a session exists, but its content is unknown to them; the text of that answer can differ.
  if ((caller === 'operator' || caller === 'auditor') && /no such (session|project|file|terminal)/i.test(reply.text))
    return 'unknown';
  const same = reply.code === ofNobodys.code && plain(reply.text, to) === plain(ofNobodys.text, nobodys);
  const isNone = [404, 1008].includes(reply.code) || /not found|no such/i.test(reply.text);
  return same && isNone ? 'unknown' : 'through';
}

/** Removes ids and times, which differ between two otherwise equal answers. */
function plain(text: string, to: Targets): string {
  const ids = (Object.values(to) as string[]).filter((id) => id !== '');
  return ids
    .reduce((words, id) => words.replaceAll(id, '#'), text)
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z|"request_id":"[^"]*"/g, 'now');
}
