import { expect, test } from 'vitest';
import { parseYaml } from '../../../src/config/yaml-file.ts';
import { parseRepositoryConfig } from '../../../src/core/model/repository-environment.ts';

const read = (text: string) => parseRepositoryConfig(parseYaml(text));

test('a whole corral.yaml is read, and an empty one says nothing', () => {
  const text = `
template: node
tools: [shell_exec]
egress: [registry.example.org, '*.example.com:8443']
services: {redis: {image: 'redis:7', ports: [6379]}}
ports: {web: 3000}
checks: {test: npm test}
cache: [package-lock.json]
`;
  const file = {
    ...{ template: 'node', tools: ['shell_exec'], egress: ['registry.example.org', '*.example.com:8443'] },
    services: { redis: { image: 'redis:7', ports: [6_379] } },
    ...{ ports: { web: 3_000 }, checks: { test: 'npm test' }, cache: ['package-lock.json'] },
  };
  expect(read(text)).toEqual({ file });
  expect(read('')).toEqual({ file: {} });
});

test.for([
  ['egress: ["*"]', /^egress\.0: must be a host/],
  ['egress: ["https://example.org/x"]', /^egress\.0: must be a host/],
  ['ports: {web: 70000}', /^ports\.web: /],
  ['ports: {"Web Server": 80}', /^ports\.Web Server: /],
  ['checks: {test: ""}', /^checks\.test: /],
  ['cache: ["../secrets"]', /^cache\.0: must be a file of the repository/],
  ['cache: [/etc/passwd]', /^cache\.0: must be a file of the repository/],
  ['services: {redis: {image: "redis:7", privileged: true}}', /^services\.redis: .*privileged/],
  [
    `services: {redis: {image: "redis:7", env: {A: "${'x'.repeat(5_000)}", B: "${'x'.repeat(5_000)}", C: "${'x'.repeat(7_000)}"}}}`,
    /^services: is longer than 16384 characters/,
  ],
  ['sudo: true', /sudo/],
  ['- a list', /./],
] as const)('%s is refused with its place', ([text, problem]) =>
  expect(read(text)).toEqual({ problem: expect.stringMatching(problem) }),
);

test('aliases, whose content can grow without end, are refused', () =>
  expect(() => parseYaml('a: &a [x]\nb: [*a, *a]')).toThrow(/alias/i));
