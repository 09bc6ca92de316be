import { describe, expect, test } from 'vitest';
import { SandboxSettingsResolver } from '../../../src/app/parts/session-configs.ts';
import { loadConfig } from '../../../src/app/settings/config.ts';
import { parseTemplate } from '../../../src/app/settings/templates.ts';
import {
  checkSandboxServices,
  isImageAllowed,
  startSandboxServices,
  toServiceSpecs,
} from '../../../src/app/start/sandbox-services.ts';
import { systemClock } from '../../../src/core/contracts/clock.ts';
import { SessionId } from '../../../src/core/model/ids.ts';
import { ServiceRecipes } from '../../../src/core/model/services/recipe.ts';

const allowing = (images: string) => loadConfig({}, `sandbox: {service-images: [${images}]}`);
const capabilities = { isolation: 'container', egress: 'enforced', limits: [], desktop: false, pause: 'none' } as const;
const check = (services: object, images: string, more: object = {}) =>
  checkSandboxServices(ServiceRecipes.parse(services), {
    config: allowing(images),
    driver: { name: 'docker', capabilities: { ...capabilities, ...more } },
    closedPorts: new Set([3128]),
  });
const redis = { redis: { image: 'redis:7', ports: [6379] } };

describe('services are refused before anything starts', () => {
  test('by a driver that has none, with its reason', () => {
    expect(() => check(redis, 'redis:7', { noServices: 'its sandboxes are a fake' })).toThrow(
      expect.objectContaining({
        code: 'unsupported',
        publicMessage: 'services: the driver docker cannot run redis next to a sandbox here: its sandboxes are a fake.',
      }),
    );
    expect(() => check({}, '', { noServices: 'x' })).not.toThrow();
  });
  test('where the operator does not allow the image', () => {
    expect(() => check(redis, '')).toThrow(/does not allow the image redis:7. It allows none.*SERVICE_IMAGES/);
    expect(() => check(redis, 'postgres:16')).toThrow(/It allows postgres:16/);
    expect(() => check(redis, 'redis:7')).not.toThrow();
  });
  test('at a port of Corral', () =>
    expect(() => check({ a: { image: 'a:1', ports: [3128] } }, '"a:1"')).toThrow(/port 3128 is reserved by Corral/));
});

test.each([
  ['redis:7', 'redis:7', true],
  ['redis:7', 'redis:*', true],
  ['redis', 'redis:*', true],
  ['redis:7', 'redis', false],
  ['redis-evil:7', 'redis:*', false],
  ['evil/redis:7', 'redis:*', false],
  ['registry:5000/redis', 'registry:*', false],
  ['registry:5000/redis:7', 'registry:5000/redis:*', true],
  ['redis@sha256:00', 'redis:*', false],
])('the image %s with the entry %s: %s', (image, entry, isFine) => expect(isImageAllowed(image, [entry])).toBe(isFine));

test("a session has its own services, else those of its template, with the operator's limits", () => {
  const template = parseTemplate('shop', 'services: {redis: {image: "redis:7", ports: [6379]}}', 'shop.yaml');
  const config = loadConfig({}, 'sandbox: {service-memory: 64MiB, service-cpus: 2, service-pids: 20}');
  const records = { get: async () => undefined };
  const configs = new SandboxSettingsResolver({ configOf: () => config, templates: [template], records, now: () => 0 });
  const chosen = { template: 'shop', templateBy: 'session', projectId: null } as const;
  const names = (session: Parameters<SandboxSettingsResolver['ofRecord']>[0]) =>
    toServiceSpecs(configs.ofRecord(session)).map(({ name }) => name);
  expect(names(chosen)).toEqual(['redis']);
  expect(names({ ...chosen, sandbox: { services: ServiceRecipes.parse({ db: { image: 'a:1' } }) } })).toEqual(['db']);
  expect(names({ ...chosen, sandbox: { services: {} } })).toEqual([]);
  expect(names({ ...chosen, sandbox: { cpus: 0.5 } })).toEqual(['redis']);
  expect(names({ ...chosen, templateBy: undefined })).toEqual([]);
  expect(toServiceSpecs(configs.ofRecord(chosen))[0]?.limits).toEqual({ memoryBytes: 2 ** 26, cpus: 2, pids: 20 });
});

test.each([
  ['services: {redis: {image: "redis:7", privileged: true}}'],
  ['services: {redis: {image: "redis:7", volumes: ["/:/host"]}}'],
  ['services: {a: {image: "a:1", ports: [80]}, b: {image: "b:1", ports: [80]}}'],
  ['services: [redis]'],
])('a template with services that cannot be is refused by the key (%s)', (yaml) =>
  expect(() => parseTemplate('shop', yaml, 'shop.yaml')).toThrow(/services in shop\.yaml/),
);

describe('services next to a sandbox that runs', () => {
  const settings = (images = 'redis:7') => {
    const config = allowing(images);
    const services = ServiceRecipes.parse(redis);
    return { config, services, recipe: 'default', packages: {}, template: 'default' };
  };
  async function begin(over: { version?: string; images?: string; isAdopted?: boolean; noServices?: string } = {}) {
    const started: string[] = [];
    const reports: string[] = [];
    const driver = {
      name: 'docker',
      capabilities: { ...capabilities, ...(over.noServices !== undefined && { noServices: over.noServices }) },
      startService: async (_id: string, { name }: { name: string }) => void started.push(name),
      services: async () => started.map((name) => ({ name, image: 'redis:7', state: 'running' })),
    } as never;
    const client = {
      health: async () => ({ version: over.version ?? '1.6.0' }),
      ports: { list: async () => [{ port: 6379 }] },
    } as never;
    const parts = { driver, id: SessionId.parse('0123456789abcdef'), settings: settings(over.images), client };
    const news = {
      tell: (text: string) => reports.push(text),
      report: ({ detail }: { detail: string }) => reports.push(detail),
    };
    const isAdopted = over.isAdopted ?? false;
    await startSandboxServices({ ...parts, ...news, isAdopted, clock: systemClock }, new AbortController().signal);
    return { started, reports };
  }

  test('start, and the log says that they do and that they are ready', async () =>
    expect(await begin()).toEqual({
      started: ['redis'],
      reports: ['Starting the services redis', 'The service redis is ready at redis:6379.'],
    }));
  test('are looked for again by a server that adopts the sandbox, which tells only failures', async () =>
    expect(await begin({ isAdopted: true })).toEqual({ started: ['redis'], reports: [] }));
  test.each([
    ['a daemon that would let them out', { version: '1.5.0' }, /does not support services/],
    [
      'an image that the operator took off the list',
      { images: 'postgres:16' },
      /no longer allows the image redis:7 [(]CORRAL_SANDBOX_SERVICE_IMAGES[)]/,
    ],
    ['a driver that has none any more', { noServices: 'it is a fake' }, /it is a fake/],
  ])('do not start next to %s, and the log says so', async (_, over, why) => {
    const { started, reports } = await begin(over);
    expect(started).toEqual([]);
    expect(reports.at(-1)).toMatch(why);
  });
});
