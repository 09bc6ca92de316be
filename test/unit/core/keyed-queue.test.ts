import { expect, test } from 'vitest';
import { inTurns } from '../../../src/core/concurrency/keyed-queue.ts';

test('a limit holds for calls at the same time, for each owner and id', async () => {
  const made: string[] = [];
  const limited = async (whose: string) => {
    const count = made.filter((one) => one === whose).length;
    await Promise.resolve();
    if (count >= 3) throw new Error('quota');
    made.push(whose);
  };
  const service = inTurns(
    { create: ({ owner = 'nobody' }: { owner?: string }) => limited(owner), add: (id: string) => limited(id) },
    'create',
    'add',
  );
  const tried = ['a', undefined, 'b'].flatMap((owner) =>
    Array.from({ length: 9 }, () => ({ ...(owner && { owner }) })),
  );
  const answers = await Promise.allSettled([
    ...tried.map((one) => service.create(one)),
    ...[1, 2, 3, 4].map(() => service.add('id')),
  ]);
  expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(12);
});
