import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { decideByPolicy } from '../../../../src/sandboxes/egress/open-upstream.ts';
import { egressPolicies, egressPolicyNames } from '../../../../src/sandboxes/egress/policies/list.ts';
import { type EgressPolicy, parsePolicyEntry, type RegistryHost } from '../../../../src/sandboxes/egress/policy.ts';
import { parseHostPort } from '../../../../src/sandboxes/egress/target.ts';

const registries: RegistryHost[] = [
  { host: 'npm.example.test', port: 443, for: 'npm' },
  { host: 'mirror.example.test', port: 8081, for: 'pip' },
];
const extra = [parsePolicyEntry('more.example.test') as NonNullable<ReturnType<typeof parsePolicyEntry>>];

function verdict(policy: EgressPolicy, authority: string): string {
  const target = parseHostPort(authority, 443);
  if (!target) return 'malformed';
  return decideByPolicy(policy, { registries, extra }, target).rule;
}
const list = (...entries: string[]): EgressPolicy => ({ kind: 'allow-list', entries });

test.each([
  ['host.example.test', 'host.example.test:443', true],
  ['host.example.test', 'host.example.test:80', true],
  ['host.example.test', 'host.example.test:8443', false],
  ['host.example.test:8443', 'host.example.test:8443', true],
  ['host.example.test:8443', 'host.example.test:443', false],
  ['host.example.test', 'HOST.Example.test.:443', true],
  ['HOST.example.test', 'host.example.test:443', true],
  ['host.example.test', 'a.host.example.test:443', false],
  ['host.example.test', 'xhost.example.test:443', false],
  ['*.example.test', 'a.example.test:443', true],
  ['*.example.test', 'a.b.example.test:443', true],
  ['*.example.test', 'example.test:443', false],
  ['*.example.test', 'badexample.test:443', false],
  ['*.example.test:22', 'a.example.test:22', true],
  ['*.example.test:22', 'a.example.test:443', false],
  ['203.0.113.7', '203.0.113.7:443', true],
  ['203.0.113.7', '203.0.113.8:443', false],
  ['2001:db8::1', '[2001:DB8:0::1]:443', true],
  ['[2001:db8::1]:22', '[2001:db8::1]:22', true],
  ['[2001:db8::1]:22', '[2001:db8::1]:443', false],
  ['*.7', '203.0.113.7:443', false],
  ['*', 'a.example.test:443', false],
  ['*.*.example.test', 'a.b.example.test:443', false],
  ['', 'a.example.test:443', false],
])('the entry "%s" and a request for %s: %s', (entry, choice, allowed) =>
  expect(verdict(list(entry), choice)).toBe(allowed ? `allow-list: ${entry}` : 'not listed'),
);

test('a policy that does not exist refuses everything', () => {
  expect(verdict({ kind: 'open' }, 'npm.example.test:443')).toBe('unknown policy');
  expect(verdict({ kind: 'constructor' }, 'npm.example.test:443')).toBe('unknown policy');
});

test('the chart offers every policy, and docs/egress.md says what each opens', () => {
  const chart = JSON.parse(readFileSync('helm/values.schema.json', 'utf8'));
  expect(chart.properties.egress.properties.policy.enum).toEqual(egressPolicyNames);
  const rows = readFileSync('docs/egress.md', 'utf8').match(/^[|] `[^|]*[|][^|]*[|]$/gm) ?? [];
  const reported = rows.map((row) => row.replaceAll('`', '').split(/\s*[|]\s*/));
  const expected = Object.entries(egressPolicies).map(([name, { label }]) => [name, label]);
  expect(reported.map(([, name = '', label]) => [name.replace(' (default)', ''), label])).toEqual(expected);
});

describe('each policy', () => {
  const none: EgressPolicy = { kind: 'none' };
  const web: EgressPolicy = { kind: 'web' };
  const own: EgressPolicy = { kind: 'registries' };
  test.each([
    ['none', none, 'npm.example.test:443', 'none'],
    ['registries', own, 'npm.example.test:443', 'registries: npm'],
    ['registries', own, 'npm.example.test:80', 'registries: npm'],
    ['registries', own, 'npm.example.test:22', 'not listed'],
    ['registries', own, 'mirror.example.test:8081', 'registries: pip'],
    ['registries', own, 'mirror.example.test:443', 'not listed'],
    ['registries', own, 'more.example.test:443', 'registries: more.example.test'],
    ['registries', own, 'other.example.test:443', 'not listed'],
    ['registries', own, '203.0.113.7:443', 'not listed'],
    ['allow-list', list('a.example.test'), 'npm.example.test:443', 'not listed'],
    ['web', web, 'anything.example.test:443', 'web'],
    ['web', web, '203.0.113.7:80', 'web'],
    ['web', web, 'anything.example.test:22', 'port not allowed'],
    ['web', web, 'mirror.example.test:8081', 'registries: pip'],
  ])('%s', (_, policy, choice, rule) => expect(verdict(policy, choice)).toBe(rule));

  test.each(['0x7f.1:443', '0177.0.0.1:443', '2130706433:443', '127.1:443', 'a..b:443', '-a.test:443', 'a.0x1:80'])(
    'refuses %s, which somebody might read as an address or as another name',
    (choice) => {
      for (const policy of [own, web, list(choice, choice.replace(/:.*/, ''))])
        expect(verdict(policy, choice)).toBe('malformed host');
    },
  );
});

test.each([
  ...['', 'host', 'a b:443', 'user@host:443', 'host:0', 'host:65536', 'host:', '[::1:443', 'h\u00f6st:443', 'a/b:1'],
])('a CONNECT for "%s" is malformed', (text) => expect(parseHostPort(text)).toBeUndefined());
