import { Readable } from 'node:stream';
import { z } from 'zod';
import { repositoryOperationGroup, repositoryTarget } from '../../api/session/repositories.ts';
import { SkillId, SkillVersionName } from '../../api/skills.ts';
import { FileHash } from '../../api/template-builds.ts';
import { Snapshot, SnapshotName, snapshotExample, toSnapshotView } from '../../api/views/snapshots.ts';
import { createFailureDescriber, describeDetailFailures } from '../../http/errors/failure-docs.ts';
import { bytesReply, createRouteDescriber, okReply } from '../../http/routes/route-docs.ts';
import type { App } from '../../http/routes/routes.ts';
import { abortOnDisconnect } from '../../http/transport/abort-on-disconnect.ts';
import { formatAttachmentHeader } from '../../http/transport/content-disposition.ts';
import { envelopeFailureDocs } from '../shared/envelope.ts';
import type { FacadeDeps } from '../shared/facade.ts';
import { mountRawBodyRoutes } from '../shared/uploads.ts';

type CallerParts = Pick<FacadeDeps, 'acting'>;
const about = (tag: string, prefix: string) => createRouteDescriber({ tag, prefix, failures: describeDetailFailures });
const binary = z.string().meta({ format: 'binary' });
/** Maximum size, in bytes, of the archive for one COPY instruction. */
const maxArchiveBytes = 2 ** 30;

export function mountSkillDownload(app: App, { acting }: CallerParts): void {
  app.get(
    '/api/v1/skills/:id/versions/:version/content',
    about('Skills', 'skills')('Download', 'Download a version as a zip file', {
      schema: {
        params: z.object({ id: SkillId, version: SkillVersionName }),
        response: { 200: bytesReply('The folder as a zip file', 'application/zip') },
      },
      fails: [404],
    }),
    async ({ params, principal }, reply) => {
      const { name, content } = await acting(principal).services.skills.download(params.id, params.version);
      reply.type('application/zip').header('content-disposition', `attachment; filename="${name}.zip"`);
      return reply.send(content as never);
    },
  );
}

export function mountRepositoryPatch(app: App, { acting }: CallerParts): void {
  const failures = createFailureDescriber({ ...envelopeFailureDocs, texts: repositoryOperationGroup.texts });
  const ofPatch = createRouteDescriber({ ...repositoryOperationGroup, failures });
  app.get(
    '/api/v1/sessions/:sid/repositories/patch',
    ofPatch('Patch', 'The commits since the base, for `git am`', {
      schema: {
        params: z.object({ sid: repositoryTarget.shape.sessionId }),
        querystring: repositoryTarget.pick({ path: true }),
        response: { 200: bytesReply('A mailbox for `git am`', 'text/x-patch') },
      },
      fails: [400, 404, 409, 501, 413],
    }),
    async ({ params: { sid }, query: { path }, principal }, reply) => {
      const { repositories } = acting(principal).services;
      const patch = await repositories.patch(sid, path, abortOnDisconnect(reply));
      reply.header('content-type', 'text/x-patch; charset=utf-8').header('cache-control', 'no-store');
      return reply.send(patch);
    },
  );
}

export function mountSnapshotArchives(app: App, { acting }: CallerParts): void {
  const ofSnapshots = about('Sandboxes', 'snapshots');
  app.get(
    '/api/v1/snapshots/:snapshot_id/archive',
    ofSnapshots('Export', 'The snapshot as one file, which another installation imports', {
      schema: {
        params: z.object({ snapshot_id: z.string().max(100).describe('the snapshot') }),
        response: { 200: bytesReply('A tar file in the layout of OCI images', 'application/x-tar') },
      },
      config: { stream: true },
      fails: [404, 409],
    }),
    async ({ params: { snapshot_id }, principal }, reply) => {
      const { snapshot, size, content } = await acting(principal).services.snapshots.exported(snapshot_id);
      reply.header('content-type', 'application/x-tar').header('cache-control', 'no-store');
      reply.header('content-disposition', formatAttachmentHeader(`${snapshot.id}.tar`)).header('content-length', size);
      return reply.send(Readable.from(content, { objectMode: false }));
    },
  );
  mountRawBodyRoutes(app, (scope) => {
    scope.post(
      '/api/v1/snapshots/archive',
      ofSnapshots('Import', 'Import a snapshot that another installation exported', {
        schema: {
          querystring: z.object({
            name: SnapshotName.optional().describe('its name here; an older snapshot with this name loses it'),
          }),
          response: { 200: okReply(Snapshot, snapshotExample) },
        },
        config: { upload: true },
        description:
          'The body is the file. It is imported completely or not at all: a file outside of the workspace, a device, a wrong ' +
          'hash or a size over the limit causes the whole archive to be refused.',
        fails: [400, 413, 429],
        requestContent: { 'application/x-tar': binary },
      }),
      async ({ query: { name }, body, principal }, reply) => {
        const content = (body ?? []) as AsyncIterable<Uint8Array>;
        const requested = { content, ...(name !== undefined && { name }), signal: abortOnDisconnect(reply) };
        return toSnapshotView(await acting(principal).services.snapshots.imported(requested));
      },
    );
  });
}

export function mountBuildFiles(app: App, { acting }: CallerParts): void {
  const ofBuilds = about('Sandboxes', 'builtTemplates');
  mountRawBodyRoutes(app, (scope) => {
    scope.put(
      '/api/v1/built-templates/:id/files/:hash',
      ofBuilds('Upload', 'Upload the files of a COPY step as a tar archive, plain or with gzip', {
        schema: {
          params: z.object({
            id: z.string().max(100).describe('the template'),
            hash: FileHash.describe('any name for the content; steps refer to the files by it'),
          }),
          response: { 200: okReply(z.object({ hash: z.string() }), { hash: snapshotExample.sha256 }) },
        },
        config: { upload: true },
        description: 'They are kept for a day, for all builds of the same owner.',
        requestContent: { 'application/octet-stream': binary },
        fails: [400, 404, 413, 422, 429],
      }),
      async ({ params: { id, hash }, body, principal }, reply) => {
        const options = { maxBytes: maxArchiveBytes, signal: abortOnDisconnect(reply) };
        await acting(principal).services.templateBuilds.putFiles(id, hash, body as Readable, options);
        return { hash };
      },
    );
  });
}
