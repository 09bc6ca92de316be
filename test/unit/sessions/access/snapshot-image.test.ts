import { expect, test } from 'vitest';
import { withPermissions } from '../../../../src/sessions/access/guarded-services.ts';
import { type Services, serviceRules } from '../../../../src/sessions/api/services.ts';
import type { CreateCommand } from '../../../../src/sessions/api/sessions.ts';

/** The command that makes a session whose owner begins it with a snapshot of this image. */
async function madeWith(built: object | undefined, wish: Partial<CreateCommand> = {}) {
  const made: CreateCommand[] = [];
  const snapshot = { id: 'snap-1', sha256: 'aa', ...(built && { built }) };
  const none = Object.fromEntries(Object.keys(serviceRules).map((name) => [name, {}]));
  const services = {
    ...none,
    sessions: { create: async (command: CreateCommand) => void made.push(command) },
    snapshots: { find: async () => snapshot },
    templateBuilds: { imageOf: async () => ({ image: 'chosen' }) },
  };
  const guarded = withPermissions(services as unknown as Services, {
    principalOf: () => ({ role: 'user', owner: 'ann' }),
  });
  await guarded.sessions.create({ origin: 'rest', snapshot: 'mine', ...wish } as CreateCommand);
  return made[0];
}

test('a session that begins with a snapshot has the image that the files come from', async () => {
  const made = await madeWith({ image: 'built-1' });
  expect(made).toMatchObject({ startsFrom: { blob: 'snap-1', sha256: 'aa' }, sandbox: { image: 'built-1' } });
});

test('a built template that the caller names counts before the snapshot’s image', async () =>
  expect(await madeWith({ image: 'built-1' }, { built: 'tools' })).toMatchObject({ sandbox: { image: 'chosen' } }));

test('a caller cannot name an image by a snapshot without one', async () => {
  const made = await madeWith(undefined, { sandbox: { image: 'anything', cpus: 1 } });
  expect(made?.sandbox).toEqual({ cpus: 1 });
});
