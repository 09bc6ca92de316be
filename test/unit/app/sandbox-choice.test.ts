import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../../src/app/settings/config.ts';
import { checkSandboxChoice, coversEntry } from '../../../src/app/start/sandbox-choice.ts';
import type { SandboxChoice } from '../../../src/core/model/records.ts';
import { decideByPolicy } from '../../../src/sandboxes/egress/open-upstream.ts';
import { parsePolicyEntry } from '../../../src/sandboxes/egress/policy.ts';
import { parseHostPort } from '../../../src/sandboxes/egress/target.ts';

const capabilities = { egress: 'enforced', limits: ['memoryBytes'] } as const;
const check = (choice: SandboxChoice, settings = '', more: object = {}) => {
  const driver = { name: 'docker', capabilities: { ...capabilities, ...more } } as never;
  checkSandboxChoice(choice, { config: loadConfig({}, settings), driver });
};

describe('a size', () => {
  test('is at most that of every sandbox, or what the settings allow', () => {
    expect(() => check({ memory: 2 ** 30 })).not.toThrow();
    expect(() => check({ memory: 2 ** 30 + 1 })).toThrow('size.memory: 1073741825 is over 1073741824');
    expect(() => check({ memory: 2 ** 31 }, 'sandbox: {max-memory: 2GiB}')).not.toThrow();
  });
  test('is refused by name where the driver cannot limit it', () => {
    expect(() => check({ cpus: 0.5 })).toThrow('size.cpus: the driver docker cannot limit it');
    expect(() => check({ cpus: 0.5 }, '', { limits: ['cpus'] })).not.toThrow();
  });
});

test('an idle time is at most that of the server', () => {
  expect(() => check({ idleSeconds: 1800 })).not.toThrow();
  expect(() => check({ idleSeconds: 1801 })).toThrow('CORRAL_SANDBOX_IDLE_SECONDS');
});

describe('egress', () => {
  test.each([
    ['none', 'a.example'],
    ['allow-list', 'b.example'],
    ['allow-list', 'a.example:22'],
    ['allow-list', '*.a.example'],
    ['web', 'a.example:22'],
  ])('of policy %s does not open %s, so a session cannot choose it', (policy, entry) => {
    const settings = `egress: {policy: ${policy}, allow: [a.example, "*.c.example", "d.example:443"]}`;
    expect(() => check({ egress: [entry] }, settings)).toThrow(`does not open ${entry}`);
  });
  test.each([
    ['allow-list', 'a.example'],
    ['allow-list', 'a.example:443'],
    ['allow-list', 'x.c.example'],
    ['allow-list', '*.x.c.example'],
    ['allow-list', 'd.example:443'],
    ['web', '*.anything.example'],
    ['registries', 'pypi.org'],
  ])('of policy %s can be narrowed to %s', (policy, entry) => {
    const settings = `egress: {policy: ${policy}, allow: [a.example, "*.c.example", "d.example:443"]}`;
    expect(() => check({ egress: [entry] }, settings)).not.toThrow();
  });
  test('that is not enforced, and no host at all, are refused', () => {
    expect(() => check({ egress: [] }, '', { egress: 'open' })).toThrow('does not hold sandboxes back');
    expect(() => check({ egress: ['http://a.example/'] })).toThrow('is not a host');
  });
  test.each([
    ['none', '192.0.2.0/24'],
    ['none', 'a.example'],
    ['allow-list', '192.0.2.0/24'],
    ['allow-list', 'b.example'],
    ['web', '10.0.0.0/8'],
    ['web', '169.254.169.254'],
    ['web', '::1'],
    ['registries', 'fd00::/8'],
  ])('of policy %s can never reach %s, so rules that allow it are refused by its name', (policy, allow) => {
    const settings = `egress: {policy: ${policy}, allow: [203.0.113.7], allow-ranges: [10.0.0.1/32]}`;
    const other = policy === 'web' && allow === '10.0.0.0/8' ? 'egress: {policy: web}' : settings;
    expect(() => check({ egress: { allow: [allow], deny: ['0.0.0.0/0'] } }, other)).toThrow(`does not open ${allow}`);
  });
  test.each([
    ['allow-list', '203.0.113.0/24'],
    ['allow-list', '203.0.113.7'],
    ['web', '192.0.2.0/24'],
    ['web', '10.0.0.0/8'],
    ['registries', '2001:db8::/32'],
  ])('of policy %s can reach a part of %s, so rules can allow it', (policy, allow) => {
    const settings = `egress: {policy: ${policy}, allow: [203.0.113.7], allow-ranges: [10.0.0.1/32]}`;
    expect(() => check({ egress: { allow: [allow], deny: ['0.0.0.0/0', '::/0'] } }, settings)).not.toThrow();
  });
  test('of an allow-list with names can have any address', () => {
    const rules = { allow: ['192.0.2.0/24'], deny: ['0.0.0.0/0'] };
    expect(() => check({ egress: rules }, 'egress: {policy: allow-list, allow: [a.example]}')).not.toThrow();
    expect(() => check({ egress: rules }, 'egress: {policy: allow-list, allow: ["*.a.example"]}')).not.toThrow();
  });
  test.each(['none', 'registries', 'allow-list', 'web'])(
    'of policy %s takes every range that only denies',
    (policy) => {
      const deny = ['10.0.0.0/8', '192.0.2.7', '2001:db8::/32', '0.0.0.0/0', '::1'];
      expect(() => check({ egress: { allow: [], deny } }, `egress: {policy: ${policy}}`)).not.toThrow();
    },
  );
  test('that is not enforced takes no rules, and neither does a range that is none', () => {
    expect(() => check({ egress: { allow: [], deny: ['192.0.2.7'] } }, '', { egress: 'open' })).toThrow(
      'hold sandboxes',
    );
    expect(() => check({ egress: { allow: [], deny: ['192.0.2'] } })).toThrow("'192.0.2' is no address or range");
    expect(() => check({ egress: { allow: ['127.1'], deny: ['192.0.2.7'] } })).toThrow("'127.1' is not a host");
  });
  test('opens what its policy opens of the chosen hosts, and nothing else', () => {
    const lists = { registries: [{ host: 'pypi.org', port: 443, for: 'pip' }], extra: [] };
    const allows = (kind: string, host: string) =>
      decideByPolicy({ kind, within: ['pypi.org', 'a.example'] }, lists, parseHostPort(host) as never).allowed;
    expect([allows('registries', 'pypi.org:443'), allows('registries', 'a.example:443')]).toEqual([true, false]); // chosen, but closed by the policy
    expect([allows('web', 'a.example:443'), allows('web', 'b.example:443')]).toEqual([true, false]);
    expect(allows('none', 'a.example:443')).toBe(false);
  });
  test('an entry for both ports of the web is not covered by one for a single port', () => {
    const entry = (text: string) => parsePolicyEntry(text) as never;
    expect(coversEntry(entry('a.example:443'), entry('a.example'))).toBe(false);
    expect(coversEntry(entry('a.example'), entry('a.example:8443'))).toBe(false);
  });
});
