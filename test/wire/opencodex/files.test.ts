import { readdirSync, statSync, truncateSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect } from 'vitest';
import { AppError } from '../../../src/core/errors/errors.ts';
import { createZipStream } from '../../../src/facades/shared/archive/zip.ts';
import { type OpencodexServer, opencodexServer } from '../../support/clients/opencodex.ts';
import { opencodexTest } from '../../support/clients/server-tests.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';

const test = opencodexTest.extend('project', ({ server }) => server.newProject());
const formOf = (...files: [field: string, file: File][]) => {
  const form = new FormData();
  for (const [field, file] of files) form.append(field, file);
  return form;
};
const upload = (server: OpencodexServer, project: string, name: string, content: string, type = 'text/csv') =>
  server.call('POST', `/files/upload/${project}`, formOf(['file', new File([content], name, { type })]));
const blobs = (server: OpencodexServer) =>
  readdirSync(server.blobFolder, { recursive: true, encoding: 'utf8' }).filter((path) =>
    statSync(join(server.blobFolder, path)).isFile(),
  );

test('a file can be uploaded, listed, downloaded and deleted', async ({ server, project }) => {
  const { status, body } = await upload(server, project, 'Daten ü.csv', 'a,b\n');
  expect([status, body]).toEqual([
    201,
    {
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      project_id: project,
      filename: 'Daten ü.csv',
      file_path: '/workspace/project_files/Daten ü.csv',
      file_type: 'input',
      size: 4,
      mime_type: 'text/csv',
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      uploaded_at: expect.stringMatching(/Z$/),
    },
  ]);
  expect(body.hash).toBe(await sha256('a,b\n'));
  expect((await server.call('GET', `/files/project/${project}`)).body).toEqual({ files: [body], total: 1 });
  const download = await server.call('GET', `/files/${body.id}/download`);
  expect([download.status, download.body]).toEqual([200, 'a,b\n']);
  expect([download.headers.get('content-type'), download.headers.get('content-length')]).toEqual(['text/csv', '4']);
  expect(download.headers.get('etag')).toBe(`"${body.hash}"`);
  expect(download.headers.get('content-security-policy')).toBe("default-src 'none'; sandbox");
  expect(download.headers.get('x-content-type-options')).toBe('nosniff');
  expect(download.headers.get('content-disposition')).toContain(
    'attachment; filename="Daten _.csv"; filename*=UTF-8\'\'Daten%20%C3%BC.csv',
  );
  expect((await server.call('DELETE', `/files/${body.id}`)).status).toBe(204);
  expect(await server.call('GET', `/files/${body.id}/download`)).toMatchObject({
    status: 404,
    body: { detail: `File ${body.id} not found` },
  });
  expect([(await server.call('DELETE', `/files/${body.id}`)).status, blobs(server)]).toEqual([404, []]);
});
const sha256 = async (text: string) =>
  Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(text))).toString('hex');

test('several files of one request are a list; parts with other names are ignored', async ({ server, project }) => {
  const form = formOf(
    ['files', new File(['1'], 'one.txt')],
    ['other', new File(['x'], 'x.txt')],
    ['file', new File(['22'], 'two.txt')],
  );
  form.append('field', 'just text');
  const { status, body } = await server.call('POST', `/files/upload/${project}`, form);
  expect([status, body.total]).toEqual([201, 2]);
  expect(body.files).toMatchObject([
    { filename: 'one.txt', size: 1 },
    { filename: 'two.txt', size: 2 },
  ]);
});

test('a name that is none is refused', async ({ server }) => {
  const answer = await upload(server, await server.newProject(), '..', 'x');
  expect([[answer.status, answer.body.detail[0].loc], blobs(server)]).toEqual([[422, ['body', 'file']], []]);
});

test('a body without a file, or one that is not multipart, is 422', async ({ server }) => {
  const path = `/files/upload/${await server.newProject()}`;
  const empty = new FormData();
  empty.append('field', 'x');
  const missing = { detail: [{ type: 'missing', loc: ['body', 'file'], msg: 'Field required' }] };
  expect(await server.call('POST', path, empty)).toMatchObject({ status: 422, body: missing });
  for (const [body, type] of [
    ['{}', 'application/json'],
    ['x', 'multipart/form-data'],
    ['garbage', 'multipart/form-data; boundary=b'],
    [undefined, 'text/plain'],
  ] as const) {
    expect((await server.call('POST', path, body, { 'content-type': type })).status, `${type} ${body}`).toBe(422);
  }
  expect((await server.call('POST', '/files/upload/nothing', empty)).status).toBe(404);
});

test.for([
  ['an empty name', 'Content-Disposition: form-data; name="file"; filename=""'],
  ['no name', 'Content-Disposition: form-data; name="file"\r\nContent-Type: application/octet-stream'],
])('a part with %s is not a file', async ([_case, head], { server }) => {
  const body = `--b\r\n${head}\r\n\r\nbytes\r\n--b--\r\n`;
  const type = { 'content-type': 'multipart/form-data; boundary=b' };
  const answer = await server.call('POST', `/files/upload/${await server.newProject()}`, body, type);
  expect([[answer.status, answer.body.detail[0]?.loc], blobs(server)]).toEqual([[422, ['body', 'file']], []]);
});

test('a media type that no header can carry is stored, and the file downloads as plain bytes', async ({ server }) => {
  const head = 'Content-Disposition: form-data; name="file"; filename="x"\r\nContent-Type: text/ü';
  const body = `--b\r\n${head}\r\n\r\nbytes\r\n--b--\r\n`;
  const type = { 'content-type': 'multipart/form-data; boundary=b' };
  const file = (await server.call('POST', `/files/upload/${await server.newProject()}`, body, type)).body;
  expect(file.mime_type).toMatch(/^text\//);
  const download = await server.call('GET', `/files/${file.id}/download`);
  const expected = [200, 'application/octet-stream', 'bytes'];
  expect([download.status, download.headers.get('content-type'), download.body]).toEqual(expected);
});

test('a file over the limit is 413, and nothing of its request is stored', async () => {
  await using server = await opencodexServer({ maxUploadBytes: 10_000 });
  const project = await server.newProject();
  const form = formOf(['files', new File(['small'], 'small')], ['files', new File(['x'.repeat(10_001)], 'large')]);
  expect((await server.call('POST', `/files/upload/${project}`, form)).status).toBe(413);
  expect([(await server.call('GET', `/files/project/${project}`)).body.total, blobs(server)]).toEqual([0, []]);
  expect((await upload(server, project, 'fits', 'x'.repeat(10_000))).status).toBe(201);
});

test('a request with too many files is refused', async ({ server }) => {
  const files = Array.from({ length: 21 }, (_, n): [string, File] => ['files', new File(['x'], `${n}`)]);
  expect((await server.call('POST', `/files/upload/${await server.newProject()}`, formOf(...files))).status).toBe(413);
  expect(blobs(server)).toEqual([]);
});

test('F124 a slow upload can take its time, and one that stalls is aborted after 30 s', async () => {
  const clock = manualClock(1_700_000_000_000);
  await using server = await opencodexServer({ clock });
  const project = await server.newProject();
  const head = '--b\r\nContent-Disposition: form-data; name="file"; filename="slow.txt"\r\n\r\n';
  const end = '\r\n--b--\r\n';
  const drips = 10;
  const slowly = async (sends: number) => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1').on('error', () => {});
    let got = '';
    socket.on('data', (chunk) => {
      got += chunk;
    });
    socket.write(
      `POST /api/v1/files/upload/${project} HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n` +
        `Content-Length: ${head.length + drips + end.length}\r\nConnection: close\r\n\r\n${head}`,
    );
    await expect.poll(() => clock.pending()).toBe(1);
    for (let n = 0; n < sends; n++) {
      const before = server.bytesRead();
      socket.write('x');
      await expect.poll(() => server.bytesRead()).toBe(before + 1);
      clock.advance(25_000);
    }
    return { socket, answer: () => got };
  };
  const patient = await slowly(drips);
  patient.socket.write(end);
  await expect.poll(patient.answer).toMatch(/^HTTP\/1.1 201 /);
  const stuck = await slowly(3);
  clock.advance(10_000); // the server checks every 5 s
  await expect.poll(stuck.answer).toMatch(/^HTTP\/1.1 408 /);
  await expect.poll(() => blobs(server)).toHaveLength(1);
});

test('F124 an upload that is cut halfway stores nothing', async ({ server, project }) => {
  const head =
    `POST /api/v1/files/upload/${project} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n` +
    'Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n';
  const socket = connect(server.port, '127.0.0.1').on('error', () => {}); // a reset after the answer
  socket.write(head + 'x'.repeat(50_000));
  await expect.poll(() => blobs(server)).toHaveLength(1);
  socket.destroy();
  await expect.poll(() => blobs(server)).toEqual([]);
  expect((await server.call('GET', `/files/project/${project}`)).body.total).toBe(0);
  await expect.poll(async () => (await server.fake.store.records.list('file-owner')).length).toBe(0);
});

test.for([
  ['whole', {}],
  ['in part', { range: 'bytes=0-99999' }],
] as const)('F124 a stored file that became shorter breaks a download %s', async ([_how, headers], { server }) => {
  const { id } = (await upload(server, await server.newProject(), 'd', 'x'.repeat(200_000))).body;
  truncateSync(join(server.blobFolder, blobs(server)[0] ?? ''), 50_000);
  const response = await fetch(`${server.url}/api/v1/files/${id}/download`, { headers });
  await expect(response.text()).rejects.toThrow('terminated');
  expect((await upload(server, await server.newProject(), 'next', 'y')).status).toBe(201);
});

test('a download returns the requested range', async ({ server }) => {
  const { id, hash } = (await upload(server, await server.newProject(), 'd', '0123456789')).body;
  const range = { range: 'bytes=2-4', 'if-range': `"${hash}"` };
  const part = await server.call('GET', `/files/${id}/download`, undefined, range);
  expect([part.status, part.body, part.headers.get('content-range')]).toEqual([206, '234', 'bytes 2-4/10']);
  const { status, headers } = await server.call('HEAD', `/files/${id}/download`);
  expect([status, headers.get('content-length'), headers.get('accept-ranges')]).toEqual([200, '10', 'bytes']);
});

test('F123 an archive is stored as plain bytes, whatever the names of its entries', async ({ server, project }) => {
  const files = ['xx_xx_x', 'xetc_passwd', 'zeros'].map((path) => ({ path, size: 200_000, modified: '' }));
  const open = async () => ({ size: 200_000, content: Readable.from([Buffer.alloc(200_000)]) });
  const packed = createZipStream({ files, emptyFolders: [], others: [] }, { open, maxPacked: 2 ** 20 });
  const names = Buffer.concat(await Array.fromAsync(packed)).toString('latin1');
  const bomb = Buffer.from(names.replaceAll('xx_xx_x', '../../x').replaceAll('xetc_passwd', '/etc/passwd'), 'latin1');
  const form = formOf(['file', new File([bomb], 'bomb.zip', { type: 'application/zip' })]);
  const { id, size } = (await server.call('POST', `/files/upload/${project}`, form)).body;
  const response = await fetch(`${server.url}/api/v1/files/${id}/download`);
  expect([size, Buffer.from(await response.arrayBuffer()).equals(bomb)]).toEqual([bomb.length, true]);
  expect(blobs(server)).toHaveLength(1);
});

test('F125 a folder with too many entries is skipped, and the list is marked as truncated', async ({ server, sid }) => {
  const file = { name: 'a.txt', type: 'file' as const, size: 1, modified: '2025-01-01T00:00:00.000Z' };
  const folder = { name: 'full', type: 'directory' as const, size: null, modified: '' };
  const list = async (_id: string, path: string) => {
    if (path === 'full') throw new AppError('payload_too_large', 'There are too many entries.');
    return path === '.' ? [folder, file] : [];
  };
  Object.assign(server.others.services.files, { list });
  const { output, truncated } = (await server.call('GET', `/chats/${sid}/workspace/files`)).body;
  expect([output.map(({ name }: { name: string }) => name), truncated]).toEqual([['a.txt'], true]);
});
