import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type Config, loadConfig } from '../../src/app/settings/config.ts';
import { formatConfigHelp } from '../../src/app/settings/help.ts';
import { settings } from '../../src/app/settings/schema.ts';
import { findNearestWord } from '../../src/config/nearest.ts';

const token = 'correct-horse-battery';
function refused(env: Record<string, string>, yaml = ''): string[] {
  try {
    loadConfig(env, yaml);
  } catch (error) {
    expect(error).toMatchObject({ code: 'invalid_request' });
    return (error as { publicMessage: string }).publicMessage.split('\n');
  }
  return [];
}

describe('configuration', () => {
  test('variables have lists, sizes and secrets in the forms that people write', () => {
    const config = loadConfig(
      {
        ...{
          PORT: '0',
          CORRAL_EXTRA_PORTS: '8001, 8002',
          CORRAL_MAX_BODY_BYTES: '1024',
          CORRAL_MAX_UPLOAD_BYTES: '1MiB',
        },
        CORRAL_CORS_ORIGINS: '["https://a.example","https://b.example:8443"]',
        CORRAL_ALLOWED_HOSTS: 'corral.example,box:8000',
        ...{ GOOGLE_API_KEY: 'g-key', OPENAI_API_KEY: 'o-key', ANTHROPIC_API_KEY: 'a-key' },
        CORRAL_MODELS_GEMINI_BASE_URL: 'http://127.0.0.1:9999',
      },
      '',
    );
    expect(config).toMatchObject({
      ...{ port: 0, extraPorts: [8001, 8002], maxBodyBytes: 1024, maxUploadBytes: 2 ** 20 },
      corsOrigins: ['https://a.example', 'https://b.example:8443'],
      allowedHosts: ['corral.example', 'box:8000'],
      models: { gemini: { baseUrl: 'http://127.0.0.1:9999' } },
    });
    const { gemini, openai, anthropic } = config.models;
    expect([gemini, openai, anthropic].map(({ apiKey }) => apiKey?.reveal())).toEqual(['g-key', 'o-key', 'a-key']);
  });

  test('the environment wins over the file, the file over the default', () => {
    const config = loadConfig({ CORRAL_SANDBOX_PIDS: '64' }, 'sandbox: { pids: 128, cpus: 2, memory: 512MiB }');
    expect(config.sandbox).toMatchObject({ pids: 64, cpus: 2, memory: 512 * 2 ** 20, disk: 2 ** 31 });
  });

  test("Corral's own variable wins over the name that other tools share", () =>
    expect(loadConfig({ PORT: '1', CORRAL_PORT: '2', LOG_LEVEL: 'debug' }, '')).toMatchObject({
      port: 2,
      log: { level: 'debug' },
    }));

  test('an empty variable and an empty value of the file are unset', () =>
    expect(loadConfig({ CORRAL_TOKEN: '', PORT: '' }, 'token:\nport:\nsandbox:\n')).toEqual(loadConfig({}, '')));

  test('further authorities come from both places that name them', () => {
    const env = { CORRAL_EXTRA_CA: '/etc/a.pem', NODE_EXTRA_CA_CERTS: '/etc/b.pem' };
    expect(loadConfig(env, '').extraCa).toEqual(['/etc/a.pem', '/etc/b.pem']);
  });

  test('a wrong value is refused with the variable, the key, what it accepts and what it got', () =>
    expect(refused({ CORRAL_DRIVER: 'podman' })).toEqual([
      'CORRAL_DRIVER (driver in corral.yaml) accepts one of auto, docker, kubernetes, process; it got "podman".',
    ]));

  test('every problem is reported at once', () => {
    const problems = refused(
      { PORT: 'many', CORRAL_EGRESS_ALLOW_RANGES: '10.0.0.0/33', CORRAL_BOGUS_THING: '1' },
      'egres: {}',
    );
    expect(problems).toHaveLength(4);
    expect(problems.join('\n')).toMatch(/egres[\s\S]*CORRAL_BOGUS_THING[\s\S]*PORT[\s\S]*CORRAL_EGRESS_ALLOW_RANGES/);
  });

  test.each([
    ['PORT', '65536'],
    ['PORT', '1.5'],
    ['CORRAL_EXTRA_PORTS', '1,x'],
    ['CORRAL_MAX_BODY_BYTES', '-1'],
    ['CORRAL_SANDBOX_MEMORY', '1 TB'],
    ['CORRAL_UNCONFINED', 'maybe'],
    ['CORRAL_CORS_ORIGINS', '*'],
    ['CORRAL_CORS_ORIGINS', '["https://a.example"'],
    ['CORRAL_EGRESS_ALLOW', 'https://example.com'],
    ['CORRAL_EGRESS_ALLOW_RANGES', '10.0.0.1'],
    ['CORRAL_MODELS_GEMINI_BASE_URL', 'ftp://example.com'],
    ['CORRAL_MODEL', 'gemini'],
    ['CORRAL_TOKEN', 'with a space'],
  ])('%s=%s is refused', (variable, value) =>
    expect(refused({ [variable]: value })).toEqual([expect.stringContaining(variable)]),
  );

  test('a misspelt variable is an error that suggests the nearest one', () =>
    expect(refused({ CORRAL_MAX_STEP: '80' })).toEqual([
      'CORRAL_MAX_STEP is not a setting; did you mean CORRAL_MAX_STEPS?',
    ]));

  test('the address that the command and the clients use is no mistake, because `up` runs in the same shell', () =>
    expect(refused({ CORRAL_URL: 'http://127.0.0.1:8000', CORRAL_MAX_STEP: '80' })).toHaveLength(1));

  test('a misspelt key of the file is an error that suggests the nearest one', () =>
    expect(refused({}, 'sandbox: { memroy: 1GiB }')).toEqual([
      'sandbox.memroy in corral.yaml is not a setting; did you mean sandbox.memory?',
    ]));

  test('a word like no other gets no suggestion', () =>
    expect(findNearestWord('CORRAL_ZZZZZZZZZZZZZZZZZZ', ['CORRAL_PORT', 'CORRAL_TOKEN'])).toBeUndefined());

  test.each(['just text', '- a list', 'sandbox: 3', 'a: b: c'])('a file that says %j is refused', (yaml) =>
    expect(refused({}, yaml)).toEqual([expect.stringContaining('corral.yaml')]),
  );

  test('a server in a sandbox accepts the environment variables of that sandbox', () =>
    expect(() => loadConfig({ CORRAL_SANDBOX_ID: 'sbx-1', CORRAL_OPERATION: 'op-1' }, '')).not.toThrow());

  test.each(['0.0.0.0', '::', '192.168.1.5', 'box.example', '127.0.0.1.nip.io'])(
    'listening on %s without a token is refused in one line',
    (HOST) => {
      expect(refused({ HOST })).toEqual([expect.stringMatching(/HOST.*CORRAL_TOKEN is not set/)]);
      expect(refused({ HOST, CORRAL_TOKEN: token })).toEqual([]);
    },
  );

  test.each(['127.0.0.1', '127.8.8.8', '::1', 'localhost'])('listening on %s needs no token', (HOST) =>
    expect(refused({ HOST })).toEqual([]),
  );

  test('a storage without what it needs is refused, each lack in a line', () => {
    expect(refused({ CORRAL_STORAGE_KIND: 'volume' })).toEqual([expect.stringContaining('CORRAL_STORAGE_PATH')]);
    expect(refused({ CORRAL_STORAGE_KIND: 'mongo' })).toEqual([expect.stringContaining('MONGODB_URL')]);
    const lacks = refused({ CORRAL_STORAGE_KIND: 's3' });
    expect(lacks).toHaveLength(3);
    expect(lacks.join()).toMatch(/CORRAL_STORAGE_S3_BUCKET.*AWS_ACCESS_KEY_ID.*AWS_SECRET_ACCESS_KEY/);
    const whole = { CORRAL_STORAGE_S3_BUCKET: 'b', AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 's' };
    expect(refused({ CORRAL_STORAGE_KIND: 's3', ...whole })).toEqual([]);
  });

  test('a real model without its key is refused by name', () => {
    expect(refused({ CORRAL_MODEL: 'gemini/g' })).toEqual([expect.stringContaining('GEMINI_API_KEY')]);
    expect(refused({ GEMINI_API_KEY: 'k', CORRAL_MODEL: 'gemini/g', CORRAL_MODELS_FALLBACKS: 'openai/o' })).toEqual([
      expect.stringMatching(/models.fallbacks is openai\/o.*OPENAI_API_KEY/),
    ]);
  });

  test('a model of an unknown provider is refused with the known ones', () =>
    expect(refused({ CORRAL_MODEL: 'nobody/x' })).toEqual([expect.stringContaining('gemini, openai, anthropic')]));

  test('compatible servers and the catalog come from the file, or as JSON from a variable', () => {
    const text = [
      ...['model: local/qwen3', 'models:', '  compatible: {local: {base-url: "http://127.0.0.1:11434/v1"}}'],
      '  catalog: {local/qwen3: {window: 8192, max-output: 512, price: {input: 0.1, output: 0.4}}}',
    ].join('\n');
    const { models } = loadConfig({}, text);
    expect(models.compatible.local).toMatchObject({ baseUrl: 'http://127.0.0.1:11434/v1' });
    const expected = { window: 8192, maxOutput: 512, price: { input: 0.1, output: 0.4 } };
    expect(models.catalog['local/qwen3']).toMatchObject(expected);
    expect(refused({ CORRAL_CONFIG: 'other.yaml' })).toEqual([]);
    const compatible = JSON.stringify({ other: { 'base-url': 'http://127.0.0.1:1/v1', 'api-key': 'k' } });
    expect(loadConfig({ CORRAL_MODELS_COMPATIBLE: compatible }, text.replace('local/qwen3\n', 'other/x\n')).model).toBe(
      'other/x',
    );
  });

  test.each([
    ...['{"gemini": {"base-url": "http://a/v1"}}', '{"local": {}}'],
    ...['{"local": {"base-url": "http://a/v1", "key": "k"}}', 'local'],
  ])('the compatible server %s is refused, and not shown, because it can hold a key', (value0) =>
    expect(refused({ CORRAL_MODELS_COMPATIBLE: value0 })).toEqual([
      expect.stringMatching(/models.compatible.*not shown/),
    ]),
  );
});

test('a misspelled field beside a secret is named, and the values are not', () => {
  const text = 'models: {compatible: {local: {base-url: "http://a.test/v1", key: k-123}}}';
  const load = () => loadConfig({}, text);
  expect(load).toThrow('it got {"local":{"base-url":"…","key":"…"}} (values not shown)');
  expect(load).not.toThrow('k-123');
});

describe('secrets of the configuration', () => {
  const all = () =>
    loadConfig({ CORRAL_TOKEN: token, GEMINI_API_KEY: 'g-secret', MONGODB_URL: 'mongodb://u:m-secret@db/x' }, '');

  test('cannot be printed by accident', () => {
    const config: Config = all();
    const printed = `${config.token} ${JSON.stringify(config)} ${inspect(config, { depth: 9 })}`;
    for (const value of [token, 'g-secret', 'm-secret']) expect(printed).not.toContain(value);
    expect(config.token?.reveal()).toBe(token);
  });

  test.each(['CORRAL_TOKEN', 'GEMINI_API_KEY', 'MONGODB_URL'])('%s is not echoed when it was refused', (variable) => {
    const [problem] = refused({ [variable]: 'hunter 2' });
    expect(problem).toContain(variable);
    expect(problem).not.toContain('hunter');
  });
});

describe('the list of settings', () => {
  test('the example file names every setting and says the defaults', () => {
    const text = readFileSync(new URL('../../corral.example.yaml', import.meta.url), 'utf8');
    expect({ ...loadConfig({}, text), sources: {} }).toEqual(loadConfig({}, ''));
    const tree = parse(text);
    for (const { key } of settings) {
      const words = key.split('.');
      const group = words.slice(0, -1).reduce((at, word) => at[word], tree);
      expect(group, key).toHaveProperty([words.at(-1) ?? '']);
    }
  });

  test('help lists every variable, what it accepts and its default', () => {
    for (const { variables } of settings)
      for (const variable of variables) expect(formatConfigHelp()).toContain(variable);
    expect(formatConfigHelp()).toMatch(
      /CORRAL_SANDBOX_PIDS\n.*\n +sandbox\.pids: a whole number from 32 to 32768; default 512/,
    );
  });
});
