import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { settings } from '../../../src/app/settings/schema.ts';

interface Service {
  readonly read_only?: boolean;
  readonly cap_drop?: string[];
  readonly cap_add?: string[];
  readonly security_opt?: string[];
  readonly privileged?: boolean;
  readonly network_mode?: string;
  readonly user?: string;
  readonly command?: string[];
  readonly ports?: string[];
  readonly volumes?: string[];
  readonly mem_limit?: string;
  readonly environment?: Record<string, string>;
}
const text = readFileSync(join(import.meta.dirname, '../../../docker-compose.yaml'), 'utf8');
const { services } = parse(text, { merge: true }) as { services: Record<string, Service> };
const { corral, 'engine-filter': filter, 'sandbox-image': builder, mongodb } = services as Record<string, Service>;
const engineSocket = (it: Service | undefined) => it?.volumes?.some((volume) => volume.includes('docker.sock'));

test('every service drops all capabilities and gains none by a program; ours cannot write to their system', () => {
  for (const [name, it] of Object.entries(services)) {
    expect(it.cap_drop, name).toEqual(['ALL']);
    expect(it.security_opt, name).toEqual(['no-new-privileges:true']);
    expect(it.privileged, name).toBeUndefined();
    if (it !== mongodb) expect(it.read_only, name).toBe(true);
  }
});

test('the engine is reached by the filter and by the one that builds, and neither of them by any network', () => {
  const expected = ['engine-filter', 'sandbox-image'];
  expect(Object.keys(services).filter((name) => engineSocket(services[name]))).toEqual(expected);
  for (const it of [filter, builder]) expect(it?.network_mode).toBe('none');
});

test('the server is no root, is reached from this machine alone, and has bounds', () => {
  expect(corral?.user).toBeUndefined(); // the image's default, 10000
  expect(corral?.ports).toEqual(['127.0.0.1:8000:8000']);
  expect(corral?.environment?.CORRAL_TOKEN).toMatch(/^\$\{CORRAL_TOKEN:\?/);
  for (const it of [corral, filter, mongodb]) expect(it?.mem_limit).toBeDefined();
});

test('the database asks for a password that nobody can know from this file, and the server shows it', () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: compose fills it in
  const requested = '${MONGODB_PASSWORD:?set it in .env, of letters and digits}';
  expect(mongodb?.command).toContain('--auth');
  expect(mongodb?.ports).toBeUndefined();
  expect(mongodb?.environment).toEqual({ MONGO_INITDB_ROOT_USERNAME: 'corral', MONGO_INITDB_ROOT_PASSWORD: requested });
  expect(corral?.environment?.MONGODB_URL).toBe(`mongodb://corral:${requested}@mongodb:27017/corral?authSource=admin`);
  expect(text.match(/PASSWORD:-/g)).toBeNull(); // no default
});

test('the folders of the sandboxes’ sockets are the filter’s, and it sees nothing of the server’s data', () => {
  const sockets = '/var/lib/corral-sockets'; // the server could rename it inside its own folders
  expect(corral?.volumes).toContain(`${sockets}:${sockets}`);
  expect(corral?.environment?.CORRAL_DOCKER_SOCKETS_DIR).toBe(sockets);
  expect(filter?.volumes).toContain(`${sockets}:${sockets}`);
  expect(filter?.volumes?.filter((it) => it.startsWith('/var/lib/corral:'))).toEqual([]);
  expect(filter?.command?.join(' ')).toContain(`--root ${sockets}`);
  expect([filter?.user, filter?.cap_add]).toEqual(['0:10000', undefined]);
});

test('server and filter agree on the name of the installation and on the socket, and every variable is a setting', () => {
  const { CORRAL_INSTANCE, DOCKER_HOST } = corral?.environment ?? {};
  expect(filter?.command?.join(' ')).toContain(`--instance ${CORRAL_INSTANCE}`);
  expect(filter?.command?.join(' ')).toContain(`--listen ${DOCKER_HOST?.replace('unix://', '')}`);
  const known = settings.flatMap(({ variables }) => variables);
  expect(Object.keys(corral?.environment ?? {}).filter((name) => !known.includes(name))).toEqual([]);
});
