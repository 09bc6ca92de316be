import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../../src/app/settings/config.ts';
import { checkSandboxOptions, coversEntry } from '../../../src/app/start/sandbox-choice.ts';
import type { SandboxOptions } from '../../../src/core/model/records.ts';
import { decideByPolicy } from '../../../src/sandboxes/egress/open-upstream.ts';
import { parsePolicyEntry } from '../../../src/sandboxes/egress/policy.ts';
import { parseHostPort } from '../../../src/sandboxes/egress/target.ts';

const capabilities = { egress: 'enforced', limits: ['memoryBytes'] } as const;
const check = (choice: SandboxOptions, settings = '', more: object = {}) => {
  const driver = { name: 'docker', capabilities: { ...capabilities, ...more } } as never;
  checkSandboxOptions(choice, { config: loadConfig({}, settings), driver });
};

describe('a size', () => {
  test('is at most that of every sandbox, or what the settings allow', () => {
    expect(() => check({ memory: 2 ** 30 })).not.toThrow();
    expect(() => check({ memory: 2 ** 30 + 1 })).toThrow('size.memory: 1073741825 exceeds the maximum, 1073741824');
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
    ['none', 'a.example', false],
    ['allow-list', 'b.example', false],
    ['allow-list', 'a.example:22', false],
    ['allow-list', '*.a.example', false],
    ['web', 'a.example:22', false],
    ['allow-list', 'a.example', true],
    ['allow-list', 'a.example:443', true],
    ['allow-list', 'x.c.example', true],
    ['allow-list', '*.x.c.example', true],
    ['allow-list', 'd.example:443', true],
    ['web', '*.anything.example', true],
    ['registries', 'pypi.org', true],
  ])('of policy %s can be narrowed to %s: %s', (policy, entry, canBe) => {
    const settings = `egress: {policy: ${policy}, allow: [a.example, "*.c.example", "d.example:443"]}`;
    const choose = () => check({ egress: [entry] }, settings);
    if (canBe) expect(choose).not.toThrow();
    else expect(choose).toThrow(`does not allow ${entry}`);
  });
  test('that is not enforced, and no host at all, are refused', () => {
    expect(() => check({ egress: [] }, '', { egress: 'open' })).toThrow('cannot restrict network access');
    expect(() => check({ egress: ['http://a.example/'] })).toThrow('is not a host');
  });
  const listed = 'allow: [203.0.113.7], allow-ranges: [10.0.0.1/32]';
  test.each([
    ['none', listed, '192.0.2.0/24', false],
    ['none', listed, 'a.example', false],
    ['allow-list', listed, '192.0.2.0/24', false],
    ['allow-list', listed, 'b.example', false],
    ['web', 'allow: []', '10.0.0.0/8', false],
    ['web', listed, '169.254.169.254', false],
    ['web', listed, '::1', false],
    ['registries', listed, 'fd00::/8', false],
    ['allow-list', listed, '203.0.113.0/24', true],
    ['allow-list', listed, '203.0.113.7', true],
    ['web', listed, '192.0.2.0/24', true],
    ['web', listed, '10.0.0.0/8', true],
    ['registries', listed, '2001:db8::/32', true],
  ])('of policy %s with %s can reach a part of %s, so rules can allow it: %s', (policy, lists, allow, canBe) => {
    const rules = { allow: [allow], deny: ['0.0.0.0/0', '::/0'] };
    const choose = () => check({ egress: rules }, `egress: {policy: ${policy}, ${lists}}`);
    if (canBe) expect(choose).not.toThrow();
    else expect(choose).toThrow(`does not allow ${allow}`);
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
      'cannot restrict network access',
    );
    expect(() => check({ egress: { allow: [], deny: ['192.0.2'] } })).toThrow("'192.0.2' is not an address or range");
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
