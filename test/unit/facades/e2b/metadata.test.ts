import { afterAll, expect, test } from 'vitest';
import type { FileMetadata } from '../../../../src/core/model/sandboxes/file-metadata.ts';
import type { PathEntry, SandboxHandle } from '../../../../src/sessions/api/sandbox-interior.ts';
import { e2bFacade, pathEntry } from '../../../support/clients/e2b-facade.ts';

// The metadata of files in a sandbox that keeps nothing else of them. unit/sandboxd/metadata has the real files.
const kept = new Map<string, FileMetadata>();
const entry = (path: string): PathEntry => {
  const metadata = kept.get(path) ?? {};
  const name = path.split('/').at(-1) ?? '';
  return { ...pathEntry(path), name, ...(Object.keys(metadata).length > 0 && { metadata }) };
};
const fake: Pick<SandboxHandle['paths'], 'stat' | 'write' | 'list'> = {
  stat: async (path, _signal, options) => {
    if (path === '/home/user') return { ...entry(path), workspace: true };
    const { metadata, ...plain } = entry(path);
    return options?.metadata && metadata ? { ...plain, metadata } : plain;
  },
  list: async (_path, { metadata }) => (metadata ? [...kept.keys()].map(entry) : []),
  async write(path, content, _signal, metadata = {}) {
    for await (const _ of content);
    kept.set(path, metadata);
    return entry(path);
  },
};
const it = await e2bFacade({ inside: { paths: fake as SandboxHandle['paths'] } });
const sandbox = await it.create();
afterAll(() => it[Symbol.asyncDispose]());

const upload = (path: string, headers: Record<string, string>) =>
  it.agent(sandbox, `/files?path=${path}`, 'x', { 'content-type': 'application/octet-stream', ...headers });
const call = async (method: string, message: object) =>
  (await it.agent(sandbox, `/filesystem.Filesystem/${method}`, JSON.stringify(message))).body;

test('metadata of an upload is in its answer, in Stat and in lists, with keys in lower case', async () => {
  const { body } = await upload('a', { 'X-Metadata-Author': 'mish', 'x-metadata-x-y': '' });
  const metadata = { author: 'mish', 'x-y': '' };
  expect(body).toEqual([{ name: 'a', path: '/home/user/a', type: 'file', metadata }]);
  expect((await call('Stat', { path: 'a' })).entry).toMatchObject({ name: 'a', metadata });
  expect((await call('ListDir', { path: '~' })).entries).toEqual([expect.objectContaining({ metadata })]);
  expect((await upload('a', {})).body).toEqual([{ name: 'a', path: '/home/user/a', type: 'file' }]);
  expect((await call('Stat', { path: 'a' })).entry).not.toHaveProperty('metadata');
});

test('every file of a multipart upload gets the metadata', async () => {
  const part = (name: string) => `--b\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\n\r\nx\r\n`;
  const headers = { 'content-type': 'multipart/form-data; boundary=b', 'x-metadata-n': '1' };
  const { body } = await it.agent(sandbox, '/files', `${part('m/1')}${part('m/2')}--b--\r\n`, headers);
  expect(body).toEqual(
    ['m/1', 'm/2'].map((path) => expect.objectContaining({ path: `/home/user/${path}`, metadata: { n: '1' } })),
  );
});

test.each<[string, Record<string, string>]>([
  ['no key', { 'x-metadata-': 'x' }],
  ['a key that is too long', { [`x-metadata-${'k'.repeat(247)}`]: 'x' }],
  ['too many bytes', { 'x-metadata-a': 'x'.repeat(4_096) }],
  ['too many keys', Object.fromEntries(Array.from({ length: 129 }, (_, n) => [`x-metadata-${n}`, '']))],
  ['a character beyond ASCII', { 'x-metadata-a': 'caf\u00e9' }],
  ['a tab', { 'x-metadata-a': 'a\tb' }],
  ['the prototype of objects', { 'x-metadata-__proto__': 'x' }],
])('metadata with %s is 400, and nothing is written', async (_name, headers) => {
  const { status, body } = await upload('refused', headers);
  expect([[status, body.code], kept.has('/home/user/refused')]).toEqual([[400, 400], false]);
});

test('the largest metadata is taken', async () => {
  const headers = { [`x-metadata-${'k'.repeat(246)}`]: 'x'.repeat(4_096 - 246) };
  expect((await upload('large', headers)).status).toBe(200);
  expect(kept.get('/home/user/large')).toEqual({ ['k'.repeat(246)]: 'x'.repeat(4_096 - 246) });
});

test('metadata needs the token of the sandbox as any upload does', async () => {
  const { status } = await upload('stranger', { 'x-metadata-a': '1', 'x-access-token': 'wrong' });
  expect([status, kept.has('/home/user/stranger')]).toEqual([401, false]);
});
