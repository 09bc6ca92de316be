import { expect, test } from 'vitest';
import { AppError } from '../../../../src/core/errors/errors.ts';
import { SessionId } from '../../../../src/core/model/ids.ts';
import type { SandboxClient } from '../../../../src/sandboxes/client/client.ts';
import { ProjectFileSync } from '../../../../src/sessions/projects/project-copies.ts';
import { uploadBench } from '../../../support/stores/uploads.ts';

const signal = new AbortController().signal;
const place = { id: SessionId.parse('5f2a0c9be41d7733'), projectId: 'p' };

/** The part of a workspace that copies need; records the calls. */
function workspace(files = new Map<string, string>()) {
  const requests: string[] = [];
  const client = {
    async listFiles() {
      requests.push('list');
      if (files.size === 0) throw new AppError('file_not_found', 'There is no such folder.');
      const name = (path: string) => path.replace('project_files/', '');
      return [...files.keys()].map((path) => ({ name: name(path), type: 'file', size: 1, modified: '' }));
    },
    async writeFile(path: string, content: Uint8Array) {
      requests.push(`write ${path}`);
      if (path.endsWith('stubborn')) throw new AppError('invalid_request', 'It is a folder.');
      if (path.endsWith('lost')) throw new AppError('sandbox_lost', 'The sandbox ended.');
      files.set(path, String(content));
    },
    async removeFile(path: string) {
      requests.push(`remove ${path}`);
      files.delete(path);
    },
  };
  return { client: client as unknown as SandboxClient, files, requests };
}
async function start() {
  const { records, uploads, put: upload } = await uploadBench();
  const warned: object[] = [];
  const open = () => new ProjectFileSync({ records, uploads, warn: (about) => void warned.push(about) });
  return { copies: open(), open, uploads, upload, warned };
}

test("a project's files appear, change and go with it", async () => {
  const { copies, uploads, upload } = await start();
  const { client, files } = workspace();
  await upload('a', 'one');
  const b = await upload('b');
  await copies.sync(place, client, signal);
  expect(Object.fromEntries(files)).toEqual({ 'project_files/b': 'b', 'project_files/a': 'one' });
  await upload('a', 'two');
  await uploads.delete(b);
  await copies.sync(place, client, signal);
  expect([...files]).toEqual([['project_files/a', 'two']]);
});

test('a sync without changes, or for a session without a project, sends no request to the sandbox', async () => {
  const { copies, upload } = await start();
  const { client, requests } = workspace();
  await upload('a');
  await copies.sync({ ...place, projectId: null }, client, signal);
  expect(requests).toEqual([]);
  await copies.sync(place, client, signal);
  requests.length = 0;
  await copies.sync(place, client, signal);
  expect(requests).toEqual([]);
});

test('after a restart only what is missing or new is brought', async () => {
  const { copies, open, upload } = await start();
  const before = workspace();
  await upload('a');
  await upload('b');
  await copies.sync(place, before.client, signal);
  before.files.delete('project_files/b');
  await upload('c');
  const after = workspace(before.files);
  await open().sync(place, after.client, signal);
  expect(after.requests).toEqual(['list', 'write project_files/c', 'write project_files/b']);
});

test('an emptied workspace gets everything again', async () => {
  const { copies, upload } = await start();
  await upload('a');
  await copies.sync(place, workspace().client, signal);
  const fresh = workspace();
  await copies.sync(place, fresh.client, signal);
  expect([...fresh.files.keys()]).toEqual(['project_files/a']);
});

test("files that the agent made next to the project's are left alone", async () => {
  const { copies, uploads, upload } = await start();
  const { client, files } = workspace(new Map([['project_files/mine', 'x']]));
  const a = await upload('a');
  await copies.sync(place, client, signal);
  await uploads.delete(a);
  await copies.sync(place, client, signal);
  expect([...files.keys()]).toEqual(['project_files/mine']);
});

test('a sync writes the other files when one fails, and tries that one again later', async () => {
  const { copies, upload, warned } = await start();
  const { client, files, requests } = workspace();
  await upload('stubborn');
  await upload('a');
  await copies.sync(place, client, signal);
  expect([...files.keys()]).toEqual(['project_files/a']);
  expect(warned).toMatchObject([{ file: 'stubborn' }]);
  requests.length = 0;
  await copies.sync(place, client, signal);
  expect(requests).toEqual(['list', 'write project_files/stubborn']);
});

test('F125 a folder that the agent has filled beyond what can be listed still gets what is new', async () => {
  const { copies, open, upload } = await start();
  const before = workspace();
  await upload('a');
  await copies.sync(place, before.client, signal);
  await upload('b');
  const after = workspace(before.files);
  const full = async () => Promise.reject(new AppError('payload_too_large', 'There are too many entries.'));
  await open().sync(place, Object.assign(after.client, { listFiles: full }), signal);
  expect(after.requests).toEqual(['write project_files/b']);
});

test('a lost sandbox fails its callers', async () => {
  const { copies, upload } = await start();
  await upload('lost');
  await expect(copies.sync(place, workspace().client, signal)).rejects.toMatchObject({ code: 'sandbox_lost' });
});
