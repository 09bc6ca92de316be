import { expect, test } from 'vitest';
import type { SandboxId, SessionId } from '../../../../src/core/model/ids.ts';
import { diskReports } from '../../../../src/sessions/engine/sandbox/disk-reports.ts';

const sandbox = { sessionId: 'session' as SessionId, sandboxId: 'sandbox' as SandboxId };
const disk = (stopped: number) => ({ usedBytes: 20, limitBytes: 10, freeBytes: 1_000, stopped });
const floor = { admit: async () => {}, saw: async () => undefined, forget: () => {} };

function followed(isFresh: boolean) {
  const told: string[] = [];
  const news = diskReports(floor, (_id, { reason }) => told.push(reason));
  return { told, following: news.follow({ ...sandbox, isFresh }) };
}

test('writers that were ended before a new sandbox first reported are logged', () => {
  const { told, following } = followed(true);
  using _following = following;
  following.saw(disk(1));
  following.saw(disk(1));
  expect(told).toEqual(['limit']);
});

test('writers that an adopted sandbox ended earlier are not logged again, later ones are', () => {
  const { told, following } = followed(false);
  using _following = following;
  following.saw(disk(1));
  expect(told).toEqual([]);
  following.saw(disk(2));
  expect(told).toEqual(['limit']);
});
