import { z } from 'zod';
import { AppError } from '../core/errors/errors.ts';
import type { CallerContext } from '../http/guard/caller-context.ts';
import type { UploadedFile } from '../sessions/projects/uploads.ts';
import { defineOperations, router } from './procedure/procedure.ts';
import { awaitOkResult, okOperationFields, toIsoTime } from './procedure/schemas.ts';

const Upload = z.object({
  id: z.string(),
  name: z.string(),
  size: z.int().describe('in bytes'),
  mimeType: z.string().nullable(),
  uploadedAt: z.iso.datetime(),
});
const toUpload = ({ id, name, size, mimeType, uploadedAt }: UploadedFile): z.input<typeof Upload> => ({
  ...{ id, name, size, mimeType },
  uploadedAt: toIsoTime(uploadedAt),
});
const example: z.output<typeof Upload> = {
  id: '3f0b6f0e-7c1d-4a51-9f43-2f6f0f1f7a10',
  name: 'notes.txt',
  size: 12_345,
  mimeType: 'text/plain',
  uploadedAt: '2026-11-24T12:00:00.000Z',
};
const ofUpload = z.strictObject({ id: z.string().describe('the upload') });

function uploadsFor({ uploads }: Pick<CallerContext, 'uploads'>) {
  if (!uploads) throw new AppError('unsupported', 'This server keeps no files.');
  return uploads;
}

const operation = defineOperations({
  tag: 'Uploads',
  prefix: 'uploads',
  command: {
    name: 'uploads',
    about: 'lists and deletes the files that you attached to messages; they outlive their sessions',
    item: 'upload',
    examples: ['corral uploads', `corral uploads delete ${example.id}`],
    columns: ['{id}', '{name}', '{size}', '{uploadedAt}'],
  },
});
const base = '/api/v1/uploads';

export const uploadsRouter = router({
  list: operation({
    rest: `GET ${base}`,
    summary: 'List the newest 500 files that you attached to messages, the newest first',
    verb: { name: 'ls' },
    may: 'any',
    out: z.array(Upload),
    answer: [example],
  }).query(async ({ ctx }) => (await uploadsFor(ctx).listAttached()).map(toUpload)),
  delete: operation({
    rest: `DELETE ${base}/:id`,
    summary: 'Delete an upload; sessions that copied it into their workspace keep the copy',
    verb: { name: 'delete' },
    may: 'work',
    in: ofUpload,
    ...okOperationFields,
    reply: { schema: z.object({ id: z.string() }), value: (_, { id }) => ({ id }) },
  }).mutation(({ ctx, input }) => awaitOkResult(uploadsFor(ctx).delete(input.id))),
});
