import { z } from 'zod';
import { idempotencyHeaderDocs } from '../../../../http/routes/route-docs.ts';
import type { App } from '../../../../http/routes/routes.ts';
import type { UploadedFile } from '../../../../sessions/projects/uploads.ts';
import { toSuccessEnvelope } from '../../../shared/envelope.ts';
import { mountRawBodyRoutes, receiveFiles } from '../../../shared/uploads.ts';
import { describeNonSessionRoute as about, type SheikhboxContext } from '../context.ts';
import { FileParams, LinkExpiryBody } from '../schemas.ts';
import { toDownloadPath, toUploadInfo } from './file-infos.ts';
import { fileInfoReply, fileLinkReply } from './file-replies.ts';

const base = '/api/v1/files';

/** Downloads and deletions of these files go through OpenCodex's routes. */
export function mountUploads(app: App, { uploads, idempotency, ...context }: SheikhboxContext): void {
  if (!uploads) return;
  for (const [path, name, summary] of [
    [`${base}/:id`, 'FileOf', 'Get the details of a file'],
    [`${base}/:id/info`, 'FileInfo', 'Get the details of a file, by its other address'],
  ] as const) {
    app.get(
      path,
      about(name, summary, { schema: { params: FileParams, response: { 200: fileInfoReply } }, fails: [404] }),
      async ({ params }) => toSuccessEnvelope(toUploadInfo(await uploads.get(params.id))),
    );
  }
  app.post(
    `${base}/:id/signed-url`,
    about('FileLink', 'Make a link to a file that needs no token', {
      schema: { params: FileParams, body: LinkExpiryBody, response: { 200: fileLinkReply } },
      bodyExample: { expire_minutes: 15 },
      fails: [404, 422],
    }),
    async ({ params, body }) => {
      const { id } = await uploads.get(params.id);
      const seconds = body.expire_minutes * 60;
      const what = { method: 'GET', path: toDownloadPath(id), purpose: 'file' } as const;
      return toSuccessEnvelope({ signed_url: context.signed.sign(what, seconds * 1_000), expires_in: seconds });
    },
  );
  mountRawBodyRoutes(app, (scope) => {
    const bodyLimit = context.maxUploadBytes + 64 * 1024;
    scope.post(
      base,
      {
        ...about('UploadFile', 'Upload a file for a message to attach', {
          schema: { response: { 200: fileInfoReply } },
          config: { upload: true },
          description: 'multipart/form-data with one part `file`.',
          headers: idempotencyHeaderDocs,
          requestContent: { 'multipart/form-data': z.object({ file: z.string().meta({ format: 'binary' }) }) },
          fails: [400, 409, 413, 422],
        }),
        bodyLimit,
      },
      (request, reply) =>
        receiveFiles({ request, reply, uploads, projectId: null, maxFiles: 1 }, (staged) =>
          idempotency.once(request, reply, async () => {
            const [file] = await uploads.keep(staged);
            return toSuccessEnvelope(toUploadInfo(file as UploadedFile));
          }),
        ),
    );
  });
}
