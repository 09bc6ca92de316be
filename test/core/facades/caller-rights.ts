import { listOperations } from '../../../src/api/procedure/procedure.ts';
import { appRouter } from '../../../src/api/router.ts';

/**
 * The right that a route, procedure or frame needs. `see`, `read`, `work`, `stop` and `manage` are rights to one session, project
 * or file, as in src/sessions/access/authorize.ts. The other rules look only at the caller: `open` needs no key, `any`
 * needs any key, `create` a key that can create things, and `auditor`, `operator` and `admin` a role. `observe` is for
 * operators and auditors, `supervise` is `see` for operators alone.
 * `visitor` admits a person who signed in with a browser, whom no key replaces; `personal` also one whom a proxy names.
 * `own` and `own-work` are about names, which each owner has for its own sessions alone.
 * `shown` admits everyone, but unshared sessions are unknown there. `screen` is `read`, or a signed link to the screen.
 * `inside` and `port` need the token of the sandbox itself, which no key replaces; they refuse with 401 and 403.
 * `signed` needs a signature over the request, which no key replaces; without one all is unknown there.
 * `preview` needs the secret of a preview, which no key replaces; it refuses with 401.
 * `public` admits everyone to the program behind a port. `never` refuses everyone with 403.
 */
export type Rule = (typeof ruleNames)[number];
const ruleNames = [
  ...(['open', 'any', 'create', 'see', 'read', 'work', 'stop', 'manage', 'auditor', 'operator', 'admin'] as const),
  ...(['observe', 'supervise'] as const),
  ...(['shown', 'signed', 'own', 'own-work'] as const),
  ...(['screen', 'visitor', 'personal', 'inside', 'port', 'preview', 'public', 'never'] as const),
];
/** Callers that the server does not know: no key, expired keys, and links and tokens that open something else. */
const strangers = [
  ...(['none', 'expired', 'revoked', 'share-link', 'watch-link', 'control-link'] as const),
  ...(['sandbox-token', 'token-of-another-sandbox'] as const),
];
const keyed = ['viewer', 'auditor', 'user-other', 'user-owner', 'operator', 'admin'] as const;
/** People with the cookie of a browser or named by a proxy. They and their programs have the rights of another user's key. */
const people = ['person', 'proxy-person'] as const;
const programs = ['personal-key', 'program'] as const;
/** Keys of other users and a service account, with a role in the owner's project. */
export const members = [
  ...(['project-viewer', 'project-member', 'service-account', 'project-maintainer', 'former-member'] as const),
];
export const callers = [...strangers, ...keyed, ...people, ...programs, ...members];
export type Caller = (typeof callers)[number];
/** `unknown`: the answer is exactly the same as for an id that does not exist. */
export type Outcome = 'through' | 401 | 403 | 'unknown';

const through = 'through' as const;
const unknown = 'unknown' as const;
type Roles = Record<(typeof keyed)[number], Outcome>;
// The viewer's key has the same owner as the owner's key, so the session is its own, but it can only read.
const read: Roles = {
  viewer: through,
  auditor: unknown,
  'user-other': unknown,
  'user-owner': through,
  operator: unknown,
  admin: through,
};
const own: Roles = { ...read, admin: unknown };
const of = (viewer: Outcome, auditor: Outcome, user: Outcome, operator: Outcome): Roles => ({
  ...{ viewer, auditor, 'user-other': user, 'user-owner': user, operator, admin: through },
});
const byRule: Record<
  Exclude<
    Rule,
    'visitor' | 'personal' | 'open' | 'shown' | 'signed' | 'inside' | 'port' | 'preview' | 'public' | 'never'
  >,
  Roles
> = {
  any: of(through, through, through, through),
  create: of(403, 403, through, through),
  see: { ...read, auditor: through, operator: through },
  supervise: { ...read, operator: through },
  read,
  screen: read,
  work: { ...read, viewer: 403 },
  stop: { ...read, viewer: 403, operator: through },
  manage: { ...read, viewer: 403 },
  own,
  'own-work': { ...own, viewer: 403 },
  observe: of(403, through, 403, through),
  auditor: of(403, through, 403, 403),
  operator: of(403, 403, 403, through),
  admin: of(403, 403, 403, 403),
};
/** The rights of members to the project and what belongs to it. Everywhere else they are other users. */
const membersMay: Partial<Record<Rule, readonly Caller[]>> = {
  ...{ see: members.slice(0, 4), read: members.slice(0, 4), screen: members.slice(0, 4) },
  supervise: members.slice(0, 4),
  ...{ work: members.slice(1, 4), stop: members.slice(3, 4), manage: members.slice(3, 4) },
};
const isSigned = (caller: Caller) => caller === 'watch-link' || caller === 'control-link';
export const isOneOf = <Some extends Caller>(some: readonly Some[], caller: Caller): caller is Some =>
  some.some((one) => one === caller);

/** `isOfProject`: the door opens a resource of the project. */
export function expected(rule: Rule, caller: Caller, isOfProject = true): Outcome {
  const admitted = isOneOf(members, caller) && isOfProject ? membersMay[rule] : undefined;
  if (admitted?.includes(caller)) return 'through';
  if (admitted && caller !== 'former-member') return 403;
  if (rule === 'inside' || rule === 'port') {
    if (caller === 'sandbox-token') return 'through';
    return rule === 'inside' ? 401 : 403;
  }
  if (rule === 'open' || rule === 'public') return 'through';
  if (rule === 'preview') return 401;
  if (rule === 'never') return 403;
  if (rule === 'shown' || rule === 'signed') return 'unknown';
  if (rule === 'screen' && isSigned(caller)) return 'through';
  if (isOneOf(strangers, caller)) return 401;
  if (rule === 'visitor') return caller === 'person' ? 'through' : 403;
  if (rule === 'personal') return isOneOf(people, caller) ? 'through' : 403;
  return byRule[rule][isOneOf(keyed, caller) ? caller : 'user-other'];
}

/** `a.(b|c)` is `a.b` and `a.c`. */
export function expand(name: string): string[] {
  const [, before = '', choice, after = ''] = /^([^(]*)\(([^)]*)\)(.*)$/.exec(name) ?? [];
  return choice === undefined ? [name] : choice.split('|').flatMap((one) => expand(before + one + after));
}

/** A rule for names, one or more per line. */
export const all = (rule: Rule, names: string) =>
  Object.fromEntries(
    names
      .trim()
      .split(/\s*\n\s*/)
      .flatMap(expand)
      .map((name) => [name, rule]),
  );

/** The operations that `src/api` describes: their names, routes and rules. */
export const described = listOperations(appRouter).map(({ name, meta: { rest, may } }) => ({
  name,
  route: rest?.replaceAll(/:(\w+)(=\w+)?/g, '{$1}'),
  may,
}));

/** Callers with the rights of `user-other` or `project-member`, except where a rule is about people. */
const alike: readonly Caller[] = [...people, ...programs, 'former-member', 'service-account'];
const procedureOf = new Map(described.flatMap(({ name, route }) => (route === undefined ? [] : [[route, name]])));
const isServedTwice = new Set([...procedureOf.keys(), ...[...procedureOf.values()].map((name) => `procedure ${name}`)]);

/** Rules about the caller alone. A stream of its changes starts only after one of its creations. */
const aboutCaller: readonly (Rule | undefined)[] = ['any', 'create', 'visitor', 'personal'];

/**
 * Whether the caller tries the door outside of the nightly run. Callers that are alike try every fourth door each. Of the two
 * doors of one operation (a route and a procedure) the others try one, their neighbors in the list the other one.
 */
export function isSampled(caller: Caller, door: { name: string; rule: Rule | undefined }, index: number): boolean {
  if (isOneOf(strangers, caller) || aboutCaller.includes(door.rule)) return true;
  const place = alike.indexOf(caller);
  if (place !== -1) return index % 4 === place % 4;
  if (!isServedTwice.has(door.name)) return true;
  return door.name.startsWith('procedure ') === (callers.indexOf(caller) % 2 === 0);
}
