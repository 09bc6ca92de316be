import { Readable } from 'node:stream';
import { z } from 'zod';
import { toSessionId } from '../../api/procedure/session-id.ts';
import { Snapshot, SnapshotInput, SnapshotName, snapshotView } from '../../api/views/snapshots.ts';
import { detailFailures } from '../../http/errors/failure-docs.ts';
import { bytes, describing, ok } from '../../http/routes/route-docs.ts';
import type { App } from '../../http/routes/routes.ts';
import { abortOnDisconnect } from '../../http/transport/abort-on-disconnect.ts';
import { attachment } from '../../http/transport/content-disposition.ts';
import { okEnveloped, success } from '../shared/envelope.ts';
import type { FacadeParts } from '../shared/facade.ts';
import { withBodyStreams } from '../shared/uploads.ts';
import { about, params } from './about.ts';

const Deleted = z.object({ id: z.string() });
const one = z.object({ snapshot_id: z.string().max(100).describe('the snapshot') });
const ImportQuery = z.object({
  name: SnapshotName.optional().describe('its name here; an older snapshot with this name loses it'),
});
const example = {
  id: 'snap-0123456789abcdef',
  name: 'build-cache',
  labels: { branch: 'main' },
  sessionId: '0123456789abcdef',
  template: 'default',
  createdAt: '2026-11-24T12:00:00.000Z',
  bytes: 12_345,
  sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
};
const response = { 200: okEnveloped(Snapshot, example) };
// Routes of no session answer without the envelope, as all others of the server do.
const aboutCopies = describing({ tag: 'Sandboxes', prefix: 'snapshots', failures: detailFailures });

/** The copies of files that outlive their sandboxes. */
export function mountSnapshots(app: App, acting: FacadeParts['acting']): void {
  app.get(
    '/api/v1/snapshots',
    {
      schema: { response: { 200: ok(Snapshot.array(), [example]) } },
      config: { doc: aboutCopies('List', 'List your snapshots, the newest first') },
    },
    async ({ principal }) => (await acting(principal).services.snapshots.list()).map(snapshotView),
  );
  app.get(
    '/api/v1/snapshots/:snapshot_id',
    {
      schema: { params: one, response: { 200: ok(Snapshot, example) } },
      config: { doc: aboutCopies('Get', 'One snapshot', { fails: [404] }) },
    },
    async ({ params: { snapshot_id }, principal }) =>
      snapshotView(await acting(principal).services.snapshots.get(snapshot_id)),
  );
  app.post(
    '/api/v1/sessions/:sid/sandbox/snapshots',
    {
      schema: { params, body: SnapshotInput, response },
      config: {
        doc: about('Snap', 'Copy the files of the sandbox, for sessions that begin with them', {
          description:
            'A sandbox that does not run starts for it. Only a copy during which no file changed is kept. It has no memory and ' +
            'no processes.',
          bodyExample: { name: 'build-cache' },
          fails: [400, 404, 409, 413, 429],
        }),
      },
    },
    async ({ params: { sid }, body, principal }, reply) => {
      const { snapshots } = acting(principal).services;
      const wish = { ...body, signal: abortOnDisconnect(reply) };
      return success(snapshotView(await snapshots.make(toSessionId(sid), wish)));
    },
  );
  app.get(
    '/api/v1/snapshots/:snapshot_id/archive',
    {
      schema: { params: one, response: { 200: bytes('A tar file in the layout of OCI images', 'application/x-tar') } },
      config: {
        doc: aboutCopies('Export', 'The snapshot as one file, which another installation imports', {
          fails: [404, 409],
        }),
        stream: true,
      },
    },
    async ({ params: { snapshot_id }, principal }, reply) => {
      const { snapshot, size, content } = await acting(principal).services.snapshots.exported(snapshot_id);
      reply.header('content-type', 'application/x-tar').header('cache-control', 'no-store');
      reply.header('content-disposition', attachment(`${snapshot.id}.tar`)).header('content-length', size);
      return reply.send(Readable.from(content, { objectMode: false }));
    },
  );
  withBodyStreams(app, (scope) => {
    scope.post(
      '/api/v1/snapshots/archive',
      {
        schema: { querystring: ImportQuery, response: { 200: ok(Snapshot, example) } },
        config: {
          doc: aboutCopies('Import', 'Keep a snapshot that another installation exported', {
            description:
              'The body is the file. It is kept whole or not at all: a file outside of the workspace, a device, a wrong hash or a ' +
              'size over the limit refuses all of it.',
            fails: [400, 413, 429],
            requestContent: { 'application/x-tar': z.string().meta({ format: 'binary' }) },
          }),
          upload: true,
        },
      },
      async ({ query: { name }, body, principal }, reply) => {
        const content = (body ?? []) as AsyncIterable<Uint8Array>;
        const wish = { content, ...(name !== undefined && { name }), signal: abortOnDisconnect(reply) };
        return snapshotView(await acting(principal).services.snapshots.imported(wish));
      },
    );
  });
  app.delete(
    '/api/v1/snapshots/:snapshot_id',
    {
      schema: { params: one, response: { 200: ok(Deleted, { id: example.id }) } },
      config: { doc: aboutCopies('Delete', 'Delete a snapshot; sessions that began with it stay', { fails: [404] }) },
    },
    async ({ params: { snapshot_id }, principal }) => {
      await acting(principal).services.snapshots.remove(snapshot_id);
      return { id: snapshot_id };
    },
  );
}
