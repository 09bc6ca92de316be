import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { findProcessesByVariable } from '../../../drivers/process/proc.ts';
import { type SessionId, sandboxIdOf } from '../../../src/core/model/ids.ts';
import { run } from '../clients/api.ts';
import type { World } from '../worlds.ts';

/**
 * Every form in which a leaked secret can appear: plain, URL-encoded, in JSON, in hex, and in base64 at any offset of a
 * text.
 */
export function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const base64 = [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    // The first and the last letter also encode bits of the neighbouring bytes.
    return text.slice(offset === 0 ? 0 : offset + 1, text.length - 1);
  });
  const json = JSON.stringify(secret).slice(1, -1);
  return [
    ...new Set([
      ...[secret, json, JSON.stringify(json).slice(1, -1)],
      ...[encodeURIComponent(secret), new URLSearchParams({ v: secret }).toString().slice(2)],
      ...[bytes.toString('hex'), ...base64, ...base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'))],
    ]),
  ];
}

/** Texts that contain the secret, each with another encoding. */
export const writingsOf = (secret: string): string[] => [
  secret,
  JSON.stringify(JSON.stringify({ secret })),
  `?a=${encodeURIComponent(secret)}`,
  Buffer.from(secret).toString('hex'),
  ...['', 'a', 'ab'].map((before) => Buffer.from(`${before}${secret} and more`).toString('base64')),
];

/** The canaries that a text contains, as name and form. The text itself is left out, so a failure report stays short. */
export const searcher = (canaries: Readonly<Record<string, string>>) => (where: string) =>
  Object.entries(canaries).flatMap(([name, secret]) =>
    formsOf(secret).flatMap((form, n) => (where.includes(form) ? [`${name}, form ${n}`] : [])),
  );

export async function* filesUnder(folder: string): AsyncGenerator<{ path: string; text: string }> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const file of entries) {
    if (!file.isFile()) continue;
    const path = join(file.parentPath, file.name);
    const text = await readFile(path, 'latin1').catch(() => undefined); // deleted in the meantime
    if (text !== undefined) yield { path, text };
  }
}

const kept = ['workspace', 'home', 'tmp', 'run', 'etc', 'var', 'opt/corral'];

/**
 * The content of the sandbox's processes and files, and its driver's data about it, read from the host with the host's
 * rights.
 */
export async function* insideOf(world: World, sessionId: string): AsyncGenerator<{ path: string; text: string }> {
  if (world.driver === 'docker') {
    const [name = ''] = await world.running(sessionId);
    const options = { encoding: 'latin1', maxBuffer: 2 ** 30 } as const;
    yield { path: 'docker inspect', text: (await run('docker', ['inspect', name])).stdout };
    const look = `cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline; tar cf - -C / ${kept.join(' ')} 2>/dev/null; true`;
    yield { path: 'the container', text: (await run('docker', ['exec', name, 'sh', '-c', look], options)).stdout };
    return;
  }
  const marks = await findProcessesByVariable('CORRAL_SANDBOX_ID', sandboxIdOf(sessionId as SessionId));
  for (const { pid } of marks) {
    for (const file of ['environ', 'cmdline']) {
      const text = await readFile(`/proc/${pid}/${file}`, 'latin1').catch(() => '');
      yield { path: `/proc/${pid}/${file}`, text };
    }
  }
  const [first] = await world.running(sessionId);
  for (const folder of kept) yield* filesUnder(`/proc/${first}/root/${folder}`);
}

/** Every document of the database. */
export async function databaseText(url: string): Promise<string> {
  await using client = new MongoClient(url);
  const db = client.db();
  const collections = await db.listCollections({}, { nameOnly: true }).toArray();
  const all = await Promise.all(collections.map(({ name }) => db.collection(name).find().toArray()));
  return JSON.stringify(all);
}
