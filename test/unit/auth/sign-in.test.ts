import { expect, test } from 'vitest';
import { resolveRole, toProviderIdentity } from '../../../src/auth/sign-in/claims.ts';
import { formatSetCookie, readCookie } from '../../../src/auth/sign-in/cookies.ts';
import { createOfflineAccessParams } from '../../../src/auth/sign-in/issuer.ts';
import { toSameOriginPath } from '../../../src/auth/sign-in/sign-in.ts';

const base = 'https://corral.example.com';

test.each([
  ['/', '/'],
  ['/?session=1#abc', '/?session=1#abc'],
  ['/sessions/a/../b', '/sessions/b'],
  [undefined, '/'],
  ['', '/'],
  ['//evil.example', '/'],
  ['/\\evil.example', '/'],
  ['\\\\evil.example', '/'],
  ['/\t/evil.example', '/'],
  ['/\n/evil.example', '/'],
  ['/a\\..\\..\\evil', '/'],
  ['https://evil.example/', '/'],
  ['https:evil.example', '/'],
  ['javascript:alert(1)', '/'],
  ['data:text/html,x', '/'],
  [' //evil.example', '/'],
  ['corral.example.com', '/'],
  ['/..//evil.example', '/'],
  ['/.//evil.example', '/'],
  ['/%2e%2e//evil.example', '/'],
])('%s leads back to %j', (text, path) => {
  expect(toSameOriginPath(text, base)).toBe(path);
  expect(new URL(toSameOriginPath(text, base), base).origin).toBe(base);
});

const rules = { groupsClaim: 'groups', roles: { people: 'user', chiefs: 'admin' }, allowedDomains: [] } as const;
const open = { ...rules, roles: { '*': 'viewer', people: 'user' } } as const;
const company = { ...open, allowedDomains: ['Example.com'] } as const;
const first = { ...rules, admin: 'Root@example.com' } as const;
const nested = { ...rules, groupsClaim: 'realm_access.roles' } as const;
const mail = (email: string, email_verified: unknown = true) => ({ email, email_verified });

test.each([
  ['the highest role of the groups applies', { groups: ['people', 'chiefs'] }, rules, 'admin'],
  ['one group can be a text', { groups: 'people' }, rules, 'user'],
  ['nobody gets in without a group of the table', { groups: ['strangers'] }, rules, undefined],
  ['no group is a property of every object', { groups: ['constructor', 'toString', '__proto__'] }, rules, undefined],
  ['a group named * is not everyone', { groups: ['*'] }, rules, undefined],
  ['groups of another form are none', { groups: { people: true } }, rules, undefined],
  ['groups that are not texts are none', { groups: [1, null] }, rules, undefined],
  ['groups can be below a claim', { realm_access: { roles: ['people'] } }, nested, 'user'],
  ['a claim can have dots in its name', { 'realm_access.roles': ['people'] }, nested, 'user'],
  ['* is everyone', {}, open, 'viewer'],
  ['a verified address of the domain gets in', mail('ada@EXAMPLE.com'), company, 'viewer'],
  ['an address that is not verified does not', mail('ada@example.com', false), company, undefined],
  ['nor one about which the provider is silent', { email: 'ada@example.com' }, company, undefined],
  ['nor one that is verified by a text', mail('ada@example.com', 'true'), company, undefined],
  ['nor one below the domain', mail('ada@sub.example.com'), company, undefined],
  ['nor one that ends like it', mail('ada@notexample.com'), company, undefined],
  ['nor one with two at signs', mail('ada@example.com@evil.example'), company, undefined],
  ['nor none', {}, company, undefined],
  ['the first administrator is known by a verified address', mail('root@example.com'), first, 'admin'],
  ['not by another one', mail('root@example.com', false), first, undefined],
  ['or by the subject', { sub: 'Root@example.com' }, first, 'admin'],
  [
    'the domain holds for the first administrator too',
    mail('root@else.example'),
    { ...company, admin: 'root@else.example' },
    undefined,
  ],
] as const)('%s', (_, claims, settings, role) => {
  expect(resolveRole(toProviderIdentity({ sub: '1', ...claims }, settings), settings)).toBe(role);
});

test.each([
  ['corral_session=a', false, 'a'],
  ['x=1; corral_session=a', false, 'a'],
  ['__Host-corral_session=a', true, 'a'],
  ['corral_session=a', true, undefined], // another host of the domain can set it
  ['__Host-corral_session=a', false, undefined],
  ['corral_session=a; corral_session=b', false, undefined],
  ['xcorral_session=a', false, undefined],
  ['', false, undefined],
])('of %j (https: %s) the session is %j', (header, isSecure, value) => {
  expect(readCookie(header, 'session', isSecure)).toBe(value);
});

test('a cookie is out of reach of scripts and of other hosts', () => {
  const made = (isSecure: boolean) => formatSetCookie('session', { value: 'v', seconds: 60, isSecure });
  expect(made(true)).toBe('__Host-corral_session=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure');
  expect(made(false)).toBe('corral_session=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax');
});

test.each<readonly [string, string[], object]>([
  ['https://accounts.google.com', [], { prompt: 'consent', access_type: 'offline' }],
  ['https://login.example.com', ['offline_access'], { prompt: 'consent' }],
  ['https://accounts.google.com.evil.example', ['openid'], {}],
])('%s gives a refresh token to a request with %j and %j', (issuer, scopes, parameters) => {
  expect(createOfflineAccessParams(issuer, new Set(scopes))).toEqual(parameters);
});
