import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { bytesReply, idempotencyHeaderDocs, noBodyReply } from '../../../../http/routes/route-docs.ts';
import type { App } from '../../../../http/routes/routes.ts';
import { mountRawBodyRoutes, receiveFiles } from '../../../shared/uploads.ts';
import { describeRoute, findProject, findUploadedFile, type OpencodexDeps } from '../context.ts';
import { toPage } from '../conversation/paging.ts';
import * as replies from '../replies/files.ts';
import { IdParams, PageQuery, ProjectParams } from '../schemas.ts';
import { toFileView } from '../views.ts';
import { sendDownload } from './download.ts';

const base = '/api/v1/files';
const maxFiles = 20;
const part = z.string().meta({ format: 'binary' });

export function mountFiles(app: App, deps: OpencodexDeps): void {
  const { uploads } = deps;
  app.get(
    `${base}/project/:project_id`,
    describeRoute('ListProjectFiles', 'List the files of a project, newest first', {
      schema: { params: ProjectParams, querystring: PageQuery, response: { 200: replies.filesReply } },
      fails: [404, 422],
    }),
    async ({ params, query }) => {
      const { id } = await findProject(deps, params.project_id);
      const { items, total } = toPage(await uploads.ofProject(id), query);
      return { files: items.map(toFileView), total };
    },
  );
  app.get(
    `${base}/:id/download`,
    describeRoute('DownloadFile', 'Download a file, or a range of it', {
      schema: { params: IdParams, response: { 200: bytesReply('Its bytes'), 206: bytesReply('The range') } },
      config: { signed: 'file' },
      headers: { Range: 'one range of bytes' },
      fails: [404, 416],
    }),
    async (request, reply) => {
      const file = await findUploadedFile(deps, request.params.id);
      const { name, size, mimeType, sha256 } = file;
      return await sendDownload(request, reply, {
        name,
        size,
        mimeType,
        tag: sha256,
        open: (range) => uploads.open(file.id, range),
      });
    },
  );
  app.delete(
    `${base}/:id`,
    describeRoute('DeleteFile', 'Delete a file and its copies in workspaces', {
      schema: { params: IdParams, response: { 204: noBodyReply } },
      fails: [404],
    }),
    async ({ params }, reply) => {
      await uploads.delete((await findUploadedFile(deps, params.id)).id);
      return reply.code(204).send();
    },
  );
  mountRawBodyRoutes(app, (scope) => {
    scope.post(
      `${base}/upload/:project_id`,
      {
        ...describeRoute('UploadFiles', 'Upload files to a project', {
          schema: { params: ProjectParams, response: { 201: replies.uploadReply } },
          config: { upload: true },
          description:
            'multipart/form-data with one or several parts named `file` or `files`. They appear in the workspaces of the ' +
            "project's chat sessions as project_files/<filename>. A file of the same name is replaced and gets a new id.",
          headers: idempotencyHeaderDocs,
          requestContent: {
            'multipart/form-data': z.object({ file: part.optional(), files: z.array(part).max(maxFiles).optional() }),
          },
          fails: [404, 409, 413, 422],
        }),
        bodyLimit: (deps.maxUploadBytes + 64 * 1024) * maxFiles,
      },
      (request, reply) => upload(deps, { request, reply, project: request.params.project_id }),
    );
  });
}

interface Upload {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly project: string;
}
async function upload(deps: OpencodexDeps, { request, reply, project }: Upload): Promise<replies.UploadReply> {
  const { uploads, idempotency } = deps;
  const { id: projectId } = await findProject(deps, project);
  return await receiveFiles({ request, reply, uploads, projectId, maxFiles }, (staged) =>
    idempotency.once(request, reply.code(201), async () => {
      await findProject(deps, projectId); // the project may have been deleted during the upload
      const files = (await uploads.keep(staged)).map(toFileView);
      const [only] = files;
      return only && files.length === 1 ? only : { files, total: files.length };
    }),
  );
}
