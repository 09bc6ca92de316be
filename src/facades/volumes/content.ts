import { z } from 'zod';
import { Volume, VolumeEntry, VolumePath, volumeIdOf, volumeView } from '../../api/views/volumes.ts';
import { bytes, ok } from '../../http/routes/route-docs.ts';
import type { App } from '../../http/routes/routes.ts';
import { abortOnDisconnect } from '../../http/transport/abort-on-disconnect.ts';
import { attachment } from '../../http/transport/content-disposition.ts';
import { byteRange, sendFile } from '../shared/byte-range.ts';
import type { FacadeParts } from '../shared/facade.ts';
import { bodyPieces, withBodyStreams } from '../shared/uploads.ts';
import { about, base, byVolume, example } from './about.ts';

const AtPath = z.object({ path: VolumePath.min(1) });
const InFolder = z.object({ path: VolumePath.default('.').describe('a folder of the volume; default: its root') });
const Written = z.object({ path: z.string(), size: z.int() });
const Removed = z.object({ path: z.string() });
const binary = z.string().meta({ format: 'binary' });
const entry = { name: 'model.bin', type: 'file' as const, size: 12_345, modified: '2026-11-24T12:00:00.000Z' };
const files = `${base}/:volume/files`;
const file = `${base}/:volume/file`;
const backup = `${base}/:volume/backup`;
const sandboxed =
  'The content is moved in a sandbox that has nothing but the volume, so the first call takes as long as a start.';
const whileWritten = 'Refused with 409 while a session has the volume for writing.';

/** The content of volumes. */
export function mountContent(app: App, acting: FacadeParts['acting']): void {
  mountReads(app, acting);
  app.delete(
    file,
    {
      schema: { params: byVolume, querystring: AtPath, response: { 200: ok(Removed, { path: 'old.bin' }) } },
      config: {
        doc: about('RemoveFile', 'Remove a file, or a folder with its content', {
          description: whileWritten,
          fails: [400, 404, 409, 503],
        }),
      },
    },
    async ({ params, query: { path }, principal }, reply) => {
      const { volumes } = acting(principal).services;
      await volumes.removeFile(await volumeIdOf(volumes, params.volume), path, abortOnDisconnect(reply));
      return { path };
    },
  );
  withBodyStreams(app, (scope) => mountUploads(scope, acting));
}

function mountReads(app: App, acting: FacadeParts['acting']): void {
  app.get(
    files,
    {
      schema: { params: byVolume, querystring: InFolder, response: { 200: ok(VolumeEntry.array(), [entry]) } },
      config: {
        doc: about('Files', 'List a folder of the volume', { description: sandboxed, fails: [400, 404, 413, 503] }),
      },
    },
    async ({ params, query: { path }, principal }, reply) => {
      const { volumes } = acting(principal).services;
      const id = await volumeIdOf(volumes, params.volume);
      return (await volumes.listFiles(id, path, abortOnDisconnect(reply))).map((one) => ({ ...one }));
    },
  );
  app.get(
    file,
    {
      schema: {
        params: byVolume,
        querystring: AtPath,
        response: { 200: bytes('Its bytes'), 206: bytes('The part that `Range` names') },
      },
      config: {
        doc: about('ReadFile', 'Download a file of any size, or a part of it', {
          description: 'A `Range` of the form `bytes=0-1023` or `bytes=1024-` asks for a part.',
          headers: { Range: 'bytes=<first>-<last>' },
          fails: [400, 404, 416, 503],
        }),
        stream: true,
      },
    },
    async ({ params, query: { path }, headers, principal }, reply) => {
      const { volumes } = acting(principal).services;
      const id = await volumeIdOf(volumes, params.volume);
      const range = byteRange(headers.range);
      const part = range && { from: range.from, ...(range.length !== undefined && { most: range.length }) };
      return sendFile(reply, await volumes.readFile(id, path, abortOnDisconnect(reply), part), range);
    },
  );
  app.get(
    backup,
    {
      schema: { params: byVolume, response: { 200: bytes('A compressed tar archive', 'application/gzip') } },
      config: {
        doc: about('Backup', 'Download all content as one archive', {
          description:
            'An archive that is cut off was not whole. Of a volume that a session writes to, it has no one moment.',
          fails: [404, 409, 503],
        }),
        stream: true,
      },
    },
    async ({ params, principal }, reply) => {
      const { volumes } = acting(principal).services;
      const { id, name } = await volumes.get(await volumeIdOf(volumes, params.volume));
      const content = await volumes.backup(id, abortOnDisconnect(reply));
      reply.header('content-type', 'application/gzip').header('cache-control', 'no-store');
      return reply.header('content-disposition', attachment(`${name}.tar.gz`)).send(content);
    },
  );
}

function mountUploads(scope: App, acting: FacadeParts['acting']): void {
  const requestContent = { 'application/octet-stream': binary };
  scope.put(
    file,
    {
      schema: { params: byVolume, querystring: AtPath, response: { 200: ok(Written, { path: 'model.bin', size: 3 }) } },
      config: {
        doc: about('WriteFile', 'Upload a file; it replaces an existing one when it is whole', {
          description: whileWritten,
          fails: [400, 404, 409, 413, 503],
          requestContent,
        }),
        upload: true,
      },
    },
    async ({ params, query: { path }, body, principal }, reply) => {
      const { volumes } = acting(principal).services;
      const id = await volumeIdOf(volumes, params.volume);
      const { size } = await volumes.writeFile(id, path, bodyPieces(body), abortOnDisconnect(reply));
      return { path, size };
    },
  );
  scope.put(
    backup,
    {
      schema: { params: byVolume, response: { 200: ok(Volume, example) } },
      config: {
        doc: about('Restore', 'Replace all content by that of an archive, whole or not at all', {
          description: whileWritten,
          fails: [400, 404, 409, 413, 503],
          requestContent,
        }),
        upload: true,
      },
    },
    async ({ params, body, principal }, reply) => {
      const { volumes } = acting(principal).services;
      const id = await volumeIdOf(volumes, params.volume);
      return volumeView(await volumes.restore(id, bodyPieces(body), abortOnDisconnect(reply)));
    },
  );
}
