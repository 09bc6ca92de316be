import { z } from 'zod';
import {
  resolveVolumeId,
  toVolumeView,
  Volume,
  VolumePath,
  volumeConflictNote,
  volumeExample,
  volumeOperationGroup,
  volumeTarget,
} from '../../api/volumes.ts';
import { describeDetailFailures } from '../../http/errors/failure-docs.ts';
import { bytesReply, createRouteDescriber, okReply } from '../../http/routes/route-docs.ts';
import type { App } from '../../http/routes/routes.ts';
import { abortOnDisconnect } from '../../http/transport/abort-on-disconnect.ts';
import { formatAttachmentHeader } from '../../http/transport/content-disposition.ts';
import { sendFile } from '../shared/byte-range.ts';
import type { FacadeDeps } from '../shared/facade.ts';
import { mountRawBodyRoutes, readBodyChunks } from '../shared/uploads.ts';

const about = createRouteDescriber({ ...volumeOperationGroup, failures: describeDetailFailures });
const AtPath = z.object({ path: VolumePath.min(1) });
const Written = z.object({ path: z.string(), size: z.int() });
const requestContent = { 'application/octet-stream': z.string().meta({ format: 'binary' }) };
const file = '/api/v1/volumes/:volume/file';
const backup = '/api/v1/volumes/:volume/backup';

export function mountVolumeContent(app: App, { acting }: Pick<FacadeDeps, 'acting'>): void {
  mountReads(app, acting);
  mountRawBodyRoutes(app, (scope) => mountUploads(scope, acting));
}

function mountReads(app: App, acting: FacadeDeps['acting']): void {
  app.get(
    file,
    about('ReadFile', 'Download a file of any size, or a part of it', {
      schema: {
        params: volumeTarget,
        querystring: AtPath,
        response: { 200: bytesReply('Its bytes'), 206: bytesReply('The part that `Range` names') },
      },
      config: { stream: true },
      description: 'A `Range` of the form `bytes=0-1023`, `bytes=1024-` or `bytes=-1024` asks for a part.',
      headers: { Range: 'bytes=<first>-<last>' },
      fails: [400, 404, 416, 503],
    }),
    async ({ params, query: { path }, headers, principal }, reply) => {
      const { volumes } = acting(principal).services;
      const id = await resolveVolumeId(volumes, params.volume);
      const signal = abortOnDisconnect(reply);
      return await sendFile(reply, {
        headers,
        path,
        open(part) {
          const { from = 0, length } = part ?? {};
          return volumes.readFile(id, path, signal, part && { from, ...(length !== undefined && { most: length }) });
        },
      });
    },
  );
  app.get(
    backup,
    about('Backup', 'Download all content as one archive', {
      schema: { params: volumeTarget, response: { 200: bytesReply('A compressed tar archive', 'application/gzip') } },
      config: { stream: true },
      description:
        'An archive that is cut off is incomplete. If a session writes to the volume at the same time, it can be inconsistent.',
      fails: [404, 409, 503],
    }),
    async ({ params, principal }, reply) => {
      const { volumes } = acting(principal).services;
      const { id, name } = await volumes.get(await resolveVolumeId(volumes, params.volume));
      const content = await volumes.backup(id, abortOnDisconnect(reply));
      reply.header('content-type', 'application/gzip').header('cache-control', 'no-store');
      return reply.header('content-disposition', formatAttachmentHeader(`${name}.tar.gz`)).send(content);
    },
  );
}

function mountUploads(scope: App, acting: FacadeDeps['acting']): void {
  scope.put(
    file,
    about('WriteFile', 'Upload a file; it replaces an existing one once it is complete', {
      schema: {
        params: volumeTarget,
        querystring: AtPath,
        response: { 200: okReply(Written, { path: 'model.bin', size: 3 }) },
      },
      config: { upload: true },
      description: volumeConflictNote,
      fails: [400, 404, 409, 413, 503],
      requestContent,
    }),
    async ({ params, query: { path }, body, principal }, reply) => {
      const { volumes } = acting(principal).services;
      const id = await resolveVolumeId(volumes, params.volume);
      const { size } = await volumes.writeFile(id, path, readBodyChunks(body), abortOnDisconnect(reply));
      return { path, size };
    },
  );
  scope.put(
    backup,
    about('Restore', 'Replace all content with that of an archive, completely or not at all', {
      schema: { params: volumeTarget, response: { 200: okReply(Volume, volumeExample) } },
      config: { upload: true },
      description: volumeConflictNote,
      fails: [400, 404, 409, 413, 503],
      requestContent,
    }),
    async ({ params, body, principal }, reply) => {
      const { volumes } = acting(principal).services;
      const id = await resolveVolumeId(volumes, params.volume);
      return toVolumeView(await volumes.restore(id, readBodyChunks(body), abortOnDisconnect(reply)));
    },
  );
}
