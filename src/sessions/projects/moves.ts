import { z } from 'zod';
import type { Clock } from '../../core/contracts/clock.ts';
import type { RecordStore } from '../../core/contracts/ports.ts';
import { AppError } from '../../core/errors/errors.ts';
import { Holder, holderKey } from '../../core/model/access/holder.ts';
import { builtTemplateKind, namedSecretKind, templateBuildKind, vaultKind } from '../../core/model/records.ts';
import { namedSnapshotKind } from '../../core/model/sandboxes/snapshot.ts';
import { volumeKind } from '../../core/model/sandboxes/volume.ts';
import { Collection } from '../../storage/collection.ts';
import { type HeldResourceKind, heldResourceKinds, namedResourceKinds } from '../api/projects.ts';

const kinds: Readonly<Record<HeldResourceKind, string>> = {
  skill: 'skill',
  volume: volumeKind,
  snapshot: namedSnapshotKind,
  template: builtTemplateKind,
  secret: namedSecretKind,
  vault: vaultKind,
  'memory-store': 'memory-store',
  agent: 'document-agent',
  environment: 'document-environment',
  file: 'document-file',
};

const uniquelyNamed: ReadonlySet<HeldResourceKind> = new Set(namedResourceKinds);

const Movable = z.looseObject({
  ...Holder.shape,
  id: z.string(),
  name: z.string().nullish(),
  shared: z.boolean().optional(),
  createdAt: z.number().optional(),
  at: z.number().optional(),
  holders: z.array(z.looseObject({ sessionId: z.string() })).optional(),
  templateId: z.string().optional(),
});
type Movable = z.infer<typeof Movable>;

/** The owner is unchanged. Users in the former project lose access. */
export function createResourceMover(records: RecordStore, clock: Pick<Clock, 'now'>) {
  const of = (kind: string, noun: string) =>
    new Collection<Movable>(records, {
      kind,
      schema: Movable,
      sortOf: ({ createdAt, at = 0 }) => createdAt ?? at,
      missing: () => new AppError('not_found', `There is no such ${noun}.`),
    });
  const builds = of(templateBuildKind, 'build');
  const collections = new Map(heldResourceKinds.map((name) => [name, of(kinds[name], name)]));
  const held = (name: HeldResourceKind) => collections.get(name) as Collection<Movable>;

  async function move(
    { of: name, id }: { readonly of: HeldResourceKind; readonly id: string },
    projectId: string | null,
    mayMove: (resource: Holder) => void,
  ): Promise<void> {
    const resources = held(name);
    const before = await resources.get(id);
    const moved = { ...before, projectId };
    if (holderKey(before) === holderKey(moved)) return;
    const admit = (others: readonly Movable[]) => {
      if (
        uniquelyNamed.has(name) &&
        before.name &&
        others.some((one) => one.name === before.name && holderKey(one) === holderKey(moved))
      )
        throw new AppError('conflict', `There is already a ${name} named ${before.name}. Rename or delete one first.`);
    };
    await resources.admitted({ admit, now: clock.now() }, moved, () =>
      resources.change(id, (now) => {
        mayMove(now);
        if (now.shared) throw new AppError('conflict', `The ${name} is shared with everybody, so no project has it.`);
        const [user] = now.holders ?? [];
        if (user)
          throw new AppError('conflict', `The session ${user.sessionId} has the ${name}. Delete the session first.`);
        return { ...now, projectId };
      }),
    );
    if (name !== 'template') return;
    for (const build of await builds.listHeldBy(before))
      if (build.templateId === id) await builds.change(build.id, (now) => ({ ...now, projectId }));
  }
  return { get: (name: HeldResourceKind, id: string): Promise<Holder> => held(name).get(id), move };
}
