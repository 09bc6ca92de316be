import { expect, test } from 'vitest';
import {
  describeEgressRestriction,
  describeInstalledPrograms,
  describeNetwork,
  describePackages,
} from '../../../src/app/parts/prompts.ts';
import { loadConfig } from '../../../src/app/settings/config.ts';

const network = (yaml: string) => describeNetwork(loadConfig({}, yaml), 'container');
const installed = (yaml: string) => describeInstalledPrograms(loadConfig({}, yaml), 'container');

test('the prompt says of the network what its policy opens, and of a closed one only that', () => {
  expect(network('egress: {policy: none}')).toBe('closed. Nothing outside of the sandbox can be reached.');
  expect(network('egress: {policy: registries, registries: [npm.example.com]}')).toContain(
    'managers, npm.example.com.',
  );
  expect(network('egress: {policy: allow-list, allow: [a.example.com]}')).toContain('open only for a.example.com.');
  expect(network('egress: {policy: web}')).toContain('public hosts on ports 80 and 443');
  expect(describeNetwork(loadConfig({}, ''), 'none')).toMatch(/^open: nothing separates/);
});

test("the prompt names the packages of the session's template", () => {
  expect(describePackages({ pip: ['six', 'pandas'] })).toBe(' Installed with pip: six, pandas.');
  expect(describePackages({})).toBe('');
});

test('the prompt names the programs of our own images only', () => {
  expect(installed('sandbox: {cpus: 2}')).toMatch(/^Installed: Debian 12.* Limits: 2 processors, 1024 MiB of memory/);
  expect(installed('sandbox: {image: "own/image:1"}')).toMatch(/^The image is own\/image:1\. Check with/);
  expect(describeInstalledPrograms(loadConfig({}, ''), 'none')).toBe(
    "The programs are those of the server's own machine. Check with `command -v` that a program is there before you rely on it.",
  );
});

test.each([
  [undefined, ''],
  [[], ''],
  [['a.example', 'b.example'], ' Of these, this session reaches only a.example, b.example.'],
  [{ allow: ['192.0.2.0/24'], deny: ['0.0.0.0/0', '::/0'] }, ' Of these, this session reaches only 192.0.2.0/24.'],
  [{ allow: [], deny: ['192.0.2.7'] }, ' Of these, this session reaches no address of 192.0.2.7.'],
  [
    { allow: ['a.example'], deny: ['192.0.2.7', '::1'] },
    ' Of these, this session reaches no address of 192.0.2.7, ::1, except a.example.',
  ],
])('the agent learns the network choice of its session: %j', (choice, text) =>
  expect(describeEgressRestriction(choice)).toBe(text),
);
