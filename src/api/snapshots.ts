import { z } from 'zod';
import { defineOperations, router } from './procedure/procedure.ts';
import { awaitOkResult, okOperationFields, sessionTarget } from './procedure/schemas.ts';
import { sandboxOperationGroup } from './session/sandbox.ts';
import { snapshotExample as example, Snapshot, SnapshotInput, toSnapshotView } from './views/snapshots.ts';

const ofSnapshot = z.strictObject({ id: z.string().max(100).describe('the snapshot') });
const command = {
  name: 'snapshot',
  about: 'keeps copies of sandbox files for new sandboxes, and moves them between installations',
  args: [
    [
      '[word]',
      'with create: the session; with delete and export: the id or name of a snapshot; with import: its file, and --name',
    ],
    ['[file]', 'with export: the file to write; `-`, also for import, is the standard output or input'],
  ],
  examples: [
    'corral snapshot create last --name build-cache',
    'corral snapshot',
    'corral snapshot export build-cache cache.tar',
    'corral snapshot import cache.tar --name build-cache',
    'corral snapshot delete build-cache',
  ],
  columns: ['{id}', '{name} | -', '{createdAt}', '{bytes}', '{sessionId}'],
  hasNames: true,
} as const;
const operation = defineOperations({ tag: 'Sandboxes', prefix: 'snapshots', command });
const ofSandbox = defineOperations({ ...sandboxOperationGroup, command });
const base = '/api/v1/snapshots';
const path = `${base}/:snapshot_id=id` as const;
const answered = { out: Snapshot, answer: example };

export const snapshotsRouter = router({
  list: operation({
    rest: `GET ${base}`,
    summary: 'List your snapshots, the newest first',
    verb: { name: 'ls' },
    may: 'any',
    out: z.array(Snapshot),
    answer: [example],
  }).query(async ({ ctx }) => (await ctx.services.snapshots.list()).map(toSnapshotView)),
  get: operation({
    ...answered,
    rest: `GET ${path}`,
    summary: 'One snapshot',
    may: 'see',
    in: ofSnapshot,
  }).query(async ({ ctx, input }) => toSnapshotView(await ctx.services.snapshots.get(input.id))),
  create: ofSandbox({
    ...answered,
    rest: 'POST /api/v1/sessions/:sid=sessionId/sandbox/snapshots',
    id: 'Snap',
    summary: 'Copy the files of the sandbox, for sessions that begin with them',
    verb: {
      name: 'create',
      options: { '--label <name=value...>': 'labels' },
      columns: ['{id}'],
    },
    description:
      'A sandbox that is not running is started for it. The copy is kept only if no file changed during it. It has no ' +
      'memory and no processes.',
    may: 'work',
    in: sessionTarget.extend(SnapshotInput.shape),
    example: { name: 'build-cache' },
    fails: [400, 404, 409, 413, 429],
  }).mutation(async ({ ctx, input: { sessionId, ...requested } }) =>
    toSnapshotView(await ctx.services.snapshots.make(sessionId, { ...requested, signal: ctx.signal })),
  ),
  update: operation({
    ...answered,
    id: 'Change',
    summary: 'Change the name or labels of a snapshot',
    may: 'work',
    in: ofSnapshot.extend(SnapshotInput.shape),
  }).mutation(async ({ ctx, input: { id, ...change } }) =>
    toSnapshotView(await ctx.services.snapshots.label(id, change)),
  ),
  delete: operation({
    rest: `DELETE ${path}`,
    summary: 'Delete a snapshot; sessions that began with it are kept',
    verb: { name: 'delete' },
    may: 'stop',
    in: ofSnapshot,
    ...okOperationFields,
    example: { id: example.id },
    reply: { schema: z.object({ id: z.string() }), value: (_, { id }) => ({ id }) },
  }).mutation(({ ctx, input }) => awaitOkResult(ctx.services.snapshots.remove(input.id))),
});
