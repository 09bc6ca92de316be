// @module-tag all
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openClient } from '../support/clients/trpc.ts';
import { composedServer } from '../support/servers/composed.ts';

const filesIn = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).map((entry) => {
    const path = join(entry.parentPath, entry.name);
    return { name: path.slice(folder.length + 1), path, isFile: entry.isFile() };
  });
/** The files that contain one of these words, compared as bytes. */
const holding = (folder: string, words: readonly string[]) =>
  filesIn(folder).flatMap(({ name, path, isFile }) => {
    if (!isFile) return [];
    const bytes = readFileSync(path);
    return words.filter((word) => bytes.includes(word)).map((word) => `${name}: ${word}`);
  });

test('no file of the data folder contains the words of a deleted session, project or file', async () => {
  await using server = await composedServer({ CORRAL_SESSION_PASSIVATE_SECONDS: '1' });
  const data = server.config.dataDir;
  using client = openClient(server.url, 'ws');
  const canaries = ['canary-title', 'canary-task', 'canary-text', 'canary-file', 'canary-upload', 'canary-project'];
  const ask = async (method: string, path: string, body: string | FormData, key?: string) => {
    const headers = key === undefined ? {} : { 'idempotency-key': key };
    const response = await fetch(`${server.url}/api/v1${path}`, { method, body, headers });
    return (await response.json()) as { id: string };
  };
  const project = await ask('POST', '/projects', '{"name":"canary-project"}', 'one');
  const form = new FormData();
  form.append('file', new Blob(['canary-upload']), 'canary-upload.txt');
  await ask('POST', `/files/upload/${project.id}`, form, 'two');
  const input = { title: 'canary-title', task: 'canary-task', projectId: project.id };
  const { id } = await client.sessions.create.mutate(input);
  await expect.poll(async () => (await client.sessions.get.query({ id })).status).toBe('completed');
  await ask('POST', `/chats/${id}/messages`, '{"content":"canary-text"}', 'three');
  await client.files.write.mutate({ sessionId: id, path: 'a.txt', content: 'canary-file' });
  await expect.poll(async () => (await client.sessions.get.query({ id })).status).toBe('completed');
  const before = holding(data, canaries).join('\n');
  for (const word of ['canary-title', 'canary-text', 'canary-upload', 'canary-project']) expect(before).toContain(word);
  await client.sessions.delete.mutate({ id });
  expect((await fetch(`${server.url}/api/v1/projects/${project.id}`, { method: 'DELETE' })).status).toBe(204);
  await expect.poll(() => holding(data, canaries)).toEqual([]);
});
