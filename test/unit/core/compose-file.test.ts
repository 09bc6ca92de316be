import { describe, expect, test } from 'vitest';
import { parseYaml } from '../../../src/config/yaml-file.ts';
import { parseComposeServices } from '../../../src/core/model/services/compose-file.ts';
import { ServiceRecipes } from '../../../src/core/model/services/recipe.ts';

const read = (text: string) => parseComposeServices(parseYaml(text));

const shop = `
version: "3.8"
x-note: ours
services:
  web:
    image: shop/web:1
    command: node server.js --name 'two words'
    environment:
      - REDIS_URL=redis://redis:6379
      - PRICE=5$$
    ports: ["127.0.0.1:8080:80", "9000"]
    depends_on:
      redis: {condition: service_started}
      postgres: {condition: service_healthy}
  redis:
    image: redis:7
    expose: [6379]
    tmpfs: /data
  postgres:
    image: postgres:16
    environment: {POSTGRES_DB: shop, PORT: 5432}
    ports: [{target: 5432, published: 15432}]
    healthcheck:
      test: ["CMD-SHELL", "pg_isready -U postgres"]
      interval: 1m30s
      timeout: 500ms
      retries: 4
`;

test('the services of a compose file are read: images, commands, variables, ports inside, health checks, order and scratch', () =>
  expect(read(shop)).toEqual({
    web: {
      image: 'shop/web:1',
      command: ['node', 'server.js', '--name', 'two words'],
      env: { REDIS_URL: 'redis://redis:6379', PRICE: '5$' },
      ports: [80, 9000],
      after: ['redis', 'postgres'],
    },
    redis: { image: 'redis:7', ports: [6379], scratch: ['/data'] },
    postgres: {
      image: 'postgres:16',
      env: { POSTGRES_DB: 'shop', PORT: '5432' },
      ports: [5432],
      healthcheck: {
        test: ['/bin/sh', '-c', 'pg_isready -U postgres'],
        intervalSeconds: 90,
        timeoutSeconds: 1,
        retries: 4,
      },
    },
  }));

const redis = (line: string) => `services: {redis: {image: "redis:7", ${line}}}`;

describe('what Corral does not carry out is refused by its name', () => {
  test.each([
    ['build: .', 'services.redis.build'],
    ['privileged: true', 'services.redis.privileged'],
    ['volumes: ["/var/run/docker.sock:/var/run/docker.sock"]', 'services.redis.volumes'],
    ['volumes: ["data:/data"]', 'services.redis.volumes'],
    ['network_mode: host', 'services.redis.network_mode'],
    ['networks: [outside]', 'services.redis.networks'],
    ['cap_add: [SYS_ADMIN]', 'services.redis.cap_add'],
    ['devices: ["/dev/kvm"]', 'services.redis.devices'],
    ['user: root', 'services.redis.user'],
    ['pid: host', 'services.redis.pid'],
    ['ipc: host', 'services.redis.ipc'],
    ['security_opt: [seccomp=unconfined]', 'services.redis.security_opt'],
    ['sysctls: {net.core.somaxconn: 1}', 'services.redis.sysctls'],
    ['extra_hosts: ["a:1.1.1.1"]', 'services.redis.extra_hosts'],
    ['restart: always', 'services.redis.restart'],
    ['secrets: [one]', 'services.redis.secrets'],
    ['deploy: {replicas: 2}', 'services.redis.deploy'],
    ['env_file: .env', 'services.redis.env_file'],
    ['entrypoint: sh', 'services.redis.entrypoint'],
    [`environment: {TOKEN: "$\{TOKEN}"}`, 'services.redis.environment'],
    ['environment: [TOKEN]', 'services.redis.environment'],
    ['command: "echo $HOME"', 'services.redis.command'],
    [`command: "echo 'open"`, 'services.redis.command'],
    ['ports: ["53/udp"]', 'services.redis.ports'],
    ['ports: ["8000-8010"]', 'services.redis.ports'],
    ['ports: "6379"', 'services.redis.ports'],
    ['healthcheck: {test: [RUN, x]}', 'services.redis.healthcheck'],
    ['healthcheck: {test: x, interval: soon}', 'services.redis.healthcheck'],
    ['depends_on: {redis: {condition: service_completed_successfully}}', 'services.redis.depends_on'],
    ['tmpfs: "/data:size=64g"', 'services.redis.tmpfs'],
    ['tmpfs: /etc', 'services.redis.scratch'],
    ['tmpfs: /data/../etc', 'services.redis.scratch'],
    ['depends_on: [redis]', 'services.redis'],
    ['depends_on: [other]', 'services.redis'],
    ['ports: [70000]', 'services.redis.ports'],
  ])('%s', (line, name) =>
    expect(() => read(redis(line))).toThrow(
      expect.objectContaining({ code: 'invalid_request', message: expect.stringContaining(name) }),
    ),
  );

  test.each([
    ['', /no services/],
    ['services: []', /no services/],
    ['services: {redis: 5}', /services\.redis: must be a mapping/],
    ['services: {redis: {ports: [1]}}', /services\.redis\.image: is missing/],
    ['services: {Redis: {image: "a:1"}}', /services\.Redis/],
    ['services: {localhost: {image: "a:1"}}', /services\.localhost/],
    ['services: {__proto__: {image: "a:1"}}', /services\.__proto__/],
    ['services: {a: {image: "a:1"}}\nvolumes: {data: {}}', /volumes: a service keeps nothing/],
    ['services: {a: {image: "a:1"}}\ninclude: [other.yaml]', /include/],
  ])('%s', (text, message) => expect(() => read(text)).toThrow(message));

  test('every mistake is named at once, at most twenty of them', () => {
    expect(() => read(redis('build: ., privileged: true'))).toThrow(/build.*; services\.redis\.privileged/);
    const many = Array.from({ length: 30 }, (_, at) => `key${at}: 1`).join(', ');
    expect(() => read(redis(many))).toThrow(/key19.*and 10 more/);
  });
});

describe('services that cannot be together are refused', () => {
  const one = (more: object = {}) => ({ image: 'a:1', ...more });
  test.each<[string, object, RegExp]>([
    ['two with one port', { a: one({ ports: [80] }), b: one({ ports: [80] }) }, /port 80 is also the port of a/],
    ['a circle', { a: one({ after: ['b'] }), b: one({ after: ['c'] }), c: one({ after: ['a'] }) }, /depends on itself/],
    ['nine', Object.fromEntries([...'abcdefghi'].map((name) => [name, one()])), /the maximum is 8/],
    ['an image with a space', { a: { image: 'a b' } }, /name of an image/],
    ['an unknown key', { a: one({ privileged: true }) }, /privileged/],
    ['a command with a NUL', { a: one({ command: ['a\0b'] }) }, /Invalid/],
  ])('%s', (_, services, message) => {
    const { error } = ServiceRecipes.safeParse(services);
    expect(JSON.stringify(error?.issues)).toMatch(message);
  });
});
