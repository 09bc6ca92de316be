import { expect, test, vi } from 'vitest';
import { AppError } from '../../../../src/core/errors/errors.ts';
import { SessionId } from '../../../../src/core/model/ids.ts';
import { adminPrincipal } from '../../../../src/core/model/principal.ts';
import type { SessionLifetime, SessionRecord } from '../../../../src/core/model/records.ts';
import { DataPlaneSandboxes } from '../../../../src/facades/compat/e2b/sandboxes.ts';
import { endlessLife } from '../../../support/clients/e2b-facade.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

const aLife = { ...endlessLife, endsAt: 5_000 };
const idOf = (n: number) => SessionId.parse(`${n}`.padStart(16, '0'));

/** Sandboxes in a store, as a server finds them when it starts. */
function stored(...lives: Partial<SessionLifetime>[]) {
  const clock = manualClock(10_000);
  const records = new Map(
    lives.map((life, n) => [idOf(n), { id: idOf(n), life: { ...aLife, ...life } } as SessionRecord]),
  );
  const did: string[] = [];
  const get = async (id: SessionId) => {
    const found = records.get(id);
    if (!found) throw new AppError('session_not_found', 'gone');
    return { ...found };
  };
  const power = {
    start: vi.fn(async (id: SessionId) => void did.push(`start ${Number(id)}`)),
    stop: vi.fn(async (id: SessionId) => void did.push(`stop ${Number(id)}`)),
    pause: vi.fn(async (id: SessionId) => void did.push(`pause ${Number(id)}`)),
  };
  const services = {
    sessions: {
      get,
      async update(id: SessionId, change: object) {
        records.set(id, { ...(await get(id)), ...change });
      },
    },
    sandboxes: power,
    inside: {},
  };
  const warned: string[] = [];
  const sandboxes = new DataPlaneSandboxes({
    services,
    servicesOf: () => services,
    managed: () => [...records.values()],
    clock,
    warn: (_: unknown, text: string) => warned.push(text),
  } as never);
  const end = () =>
    sandboxes.endDue(async (id) => {
      did.push(`delete ${Number(id)}`);
    });
  const life = (n: number) => records.get(idOf(n))?.life;
  return { sandboxes, clock, did, end, life, power, warned, records };
}

test('an end that passed while no server ran takes effect, each in its own way', async () => {
  const { end, did, life } = stored(
    {},
    { onEnd: 'pause' },
    { onEnd: 'pause-files' },
    { endsAt: 10_001 },
    { endsAt: null },
  );
  await end();
  expect(did.sort()).toEqual(['delete 0', 'pause 1', 'stop 2']);
  expect([life(1), life(2)]).toMatchObject([
    { paused: 'memory', endsAt: null },
    { paused: 'files', endsAt: null },
  ]);
});

test('an end that its program moved in the meantime is not made', async () => {
  const { end, did, records, power } = stored(...Array.from({ length: 9 }, () => ({ onEnd: 'pause' as const })));
  const later = records.get(idOf(8)) as SessionRecord;
  power.pause.mockImplementationOnce(async () => {
    records.set(idOf(8), { ...later, life: { ...aLife, onEnd: 'pause', endsAt: 20_000 } });
  });
  await end();
  expect([did.length, records.get(idOf(8))?.life?.paused]).toEqual([7, null]);
});

test('a sandbox that cannot be ended is logged, and holds no other back', async () => {
  const { end, did, warned, power, life } = stored({ onEnd: 'pause' }, {});
  power.pause.mockRejectedValueOnce(new AppError('sandbox_unavailable', 'no engine'));
  await end();
  expect([did, warned]).toEqual([['delete 1'], [`sandbox ${idOf(0)} could not be ended`]]);
  expect(life(0)?.paused).toBeNull(); // the next round tries again
});

test('a pause cuts every connection, and one that fails leaves the sandbox as it was', async () => {
  const { sandboxes, power, life } = stored({ endsAt: 20_000 });
  const cut = (await sandboxes.reach(idOf(0), 'use'))?.cut;
  power.pause.mockRejectedValueOnce(new AppError('sandbox_unavailable', 'no engine'));
  await expect(sandboxes.pause(idOf(0), 'memory', adminPrincipal)).rejects.toMatchObject({
    code: 'sandbox_unavailable',
  });
  expect([cut?.aborted, life(0)]).toMatchObject([true, { paused: null, endsAt: 20_000 }]);
});
