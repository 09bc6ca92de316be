import { expect, test } from 'vitest';
import { AppError } from '../../../../src/core/errors/errors.ts';
import { SessionId } from '../../../../src/core/model/ids.ts';
import { createLogCompactor } from '../../../../src/sessions/retention/compaction.ts';

const one = SessionId.parse('00000000000000aa');
const other = SessionId.parse('00000000000000bb');

test('a log is compacted when it has grown by a part of its limit, once its run has ended, and again after a failure', async () => {
  const compacted: string[] = [];
  let [seq, fails] = [0, false];
  const received = createLogCompactor(
    {
      compact: async (id) => {
        compacted.push(`${id} at ${seq}`);
        if (fails) throw new AppError('store_unavailable', 'Not now.');
      },
    },
    { keepDroppable: 5_000, keepAll: 400 },
  );
  const run = async (id: SessionId, events: number) => {
    for (let n = 1; n <= events; n++) received(id, { type: n === events ? 'run.end' : 'title' }, ++seq);
    await Promise.resolve();
  };
  await run(one, 19);
  await run(one, 10);
  await run(other, 5);
  fails = true;
  await run(other, 30);
  fails = false;
  await run(other, 3);
  await run(other, 3);
  expect(compacted).toEqual([`${one} at 29`, `${other} at 64`, `${other} at 67`]);
});
