import { expect, vi } from 'vitest';
import { type ComposedServer, composedServer } from '../../support/composed.ts';
import { callsTo, type Route, routesOf, type Said } from './caller-calls.ts';
import { type Caller, callers, expected, type Outcome, type Rule } from './caller-rules.ts';
import { freshTargets, nobodys, sharedTargets, type Targets } from './caller-targets.ts';

// Calls each registered route, procedure and socket as each kind of caller, and compares the outcome with a table. A
// route that the table lacks fails the test, so no new route is open by oversight.

/** One row of the table, and how a caller asks for it. */
export interface Asked {
  readonly name: string;
  readonly rule: Rule;
  /** The route's path, or the name of a parameter in it: says which targets a call changes. */
  readonly path: string;
  ask(caller: Caller, to: Targets): Promise<Said>;
}

export interface CallerMatrix extends AsyncDisposable, ReturnType<typeof callsTo> {
  readonly server: ComposedServer;
  readonly routes: readonly Route[];
  readonly shared: Targets;
  /** The shared targets, with new ones in place of those that `path` names. */
  fresh(path: string): Promise<Targets>;
  credentials(caller: Caller): Record<string, string>;
  /** Asks as every caller; each answer that differs from the rule is one line. */
  mistakes(asked: readonly Asked[]): Promise<string[]>;
}

const token = 'the-token-of-the-caller-matrix';

/**
 * A server with a key for each kind of caller. Each test file needs its own, because the wrong credentials of all these
 * calls together would lock the address out.
 */
export async function callerMatrix(): Promise<CallerMatrix> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(
    await composedServer({
      CORRAL_TOKEN: token,
      CORRAL_E2B_FACADE: 'on',
      CORRAL_MAX_SESSIONS: '10000',
      CORRAL_MAX_SESSIONS_PER_OWNER: '0',
    }),
  );
  const { keys, ownerId } = await makeKeys(server);
  const credentials = (caller: Caller): Record<string, string> =>
    keys[caller] === undefined ? {} : { authorization: `Bearer ${keys[caller]}` };
  const routes = await routesOf(server.url);
  const owner = { id: ownerId, server };
  const shared = await sharedTargets(owner, token);
  const fresh = async (path: string) => ({ ...shared, ...(await freshTargets(owner, path)) });
  const held = stack.move();
  return {
    ...{ server, routes, shared, fresh, credentials, ...callsTo(server, credentials) },
    mistakes: (asked) => mistakes(asked, { shared, fresh }),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

async function makeKeys({ core }: ComposedServer) {
  const keys: Partial<Record<Caller, string>> = {};
  const make = async (caller: Caller, rights: Omit<Parameters<typeof core.keys.create>[0], 'name'>) => {
    const { key, view } = await core.keys.create({ name: caller, ...rights });
    keys[caller] = key;
    return view.id;
  };
  const ownerId = await make('user-owner', { role: 'user' });
  await make('viewer', { role: 'viewer', beside: ownerId });
  await make('user-other', { role: 'user' });
  await make('operator', { role: 'operator' });
  await make('admin', { role: 'admin' });
  await make('expired', { role: 'admin', expiresAt: Date.now() + 1_000 });
  await core.keys.revoke(await make('revoked', { role: 'admin' }));
  keys.sandbox = 'A'.repeat(43); // what a daemon knows; its server would know it on that sandbox's own socket alone
  const expired = async () => (await core.keys.list()).filter(({ state }) => state === 'expired');
  const patience = { timeout: 20_000 };
  await vi.waitFor(async () => expect(await expired()).toHaveLength(1), patience); // `poll` is for tests alone
  return { keys, ownerId };
}

const changes = new Set<Rule>(['work', 'stop', 'create']);
async function mistakes(
  asked: readonly Asked[],
  { shared, fresh }: Pick<CallerMatrix, 'shared' | 'fresh'>,
): Promise<string[]> {
  const wrong: string[] = [];
  const cases = asked.flatMap((one) => callers.map((caller) => ({ ...one, caller })));
  await inTurns(cases, async ({ name, rule, path, ask, caller }) => {
    const want = expected(rule, caller);
    const to = want === 'through' && changes.has(rule) ? await fresh(path) : shared;
    const ofNobodys = await ask(caller, nobodys).catch((error: unknown) => ({ code: 599, text: String(error) }));
    const said = await ask(caller, to).catch((error: unknown) => ({ code: 599, text: String(error) }));
    const got = outcome(caller, rule, { said, ofNobodys, ids: [to, nobodys] });
    if (got !== want)
      wrong.push(`${name} for ${caller}: ${got}, not ${want} (${said.code} ${said.text.slice(0, 200)})`);
    if (said.code >= 500 && said.code < 600 && ![501, 503].includes(said.code)) wrong.push(`${name}: ${said.code}`);
  });
  return wrong.sort();
}

async function inTurns<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const left = [...items];
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: 12 }, worker));
}

interface Compared {
  readonly said: Said;
  /** The answer to the same request about an id that does not exist. */
  readonly ofNobodys: Said;
  readonly ids: readonly Targets[];
}
const isNone = ({ code, text }: Said) => [404, 1008].includes(code) || /not found|no such/i.test(text);

function outcome(caller: Caller, rule: Rule, { said, ofNobodys, ids }: Compared): Outcome {
  if (said.code === 401 || said.text.includes('"httpStatus":401')) return 401;
  if (said.code === 403 || said.text.includes('may not do this')) return 403;
  if (rule === 'open') return 'through';
  // Operators can see that a session exists, but its content is unknown to them; the text of that answer can differ.
  if (caller === 'operator' && /no such (session|project|file|terminal)/i.test(said.text)) return 'unknown';
  const same = said.code === ofNobodys.code && plain(said.text, ...ids) === plain(ofNobodys.text, ...ids);
  return same && isNone(said) ? 'unknown' : 'through';
}

/** Removes ids and times, which differ between two otherwise equal answers. */
function plain(text: string, ...all: Targets[]): string {
  const ids = all.flatMap((to) => Object.values(to) as string[]).filter((id) => id !== '');
  return ids.reduce((said, id) => said.replaceAll(id, '#'), text).replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'now');
}
