import { z } from 'zod';
import { detailFailures } from '../../http/errors/failure-docs.ts';
import { describing, ok } from '../../http/routes/route-docs.ts';
import type { App } from '../../http/routes/routes.ts';
import { abortOnDisconnect } from '../../http/transport/abort-on-disconnect.ts';
import { okEnveloped, success } from '../shared/envelope.ts';
import type { FacadeParts } from '../shared/facade.ts';
import { toSessionId } from '../shared/session-id.ts';
import { Snapshot, SnapshotInput, snapshotView } from '../shared/snapshots.ts';
import { about, params } from './about.ts';

const Deleted = z.object({ id: z.string() });
const one = z.object({ snapshot_id: z.string().max(100).describe('the snapshot') });
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
