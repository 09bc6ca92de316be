import { expect, test } from 'vitest';
import { type Client, ResumePoints } from '../../../../src/facades/shared/conversation/resume-points.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

const client = (more: Partial<Client> = {}): Client => ({ session: 's', caller: '127.0.0.1', ...more });

test('each broken socket is taken up once, by the same client in the same session, within a minute', () => {
  const clock = manualClock(0);
  const rejoins = new ResumePoints(clock);
  rejoins.broke(client(), 4);
  rejoins.broke(client(), 7);
  const others = [client({ session: 't' }), client({ caller: 'key 1' })];
  expect(others.map((one) => rejoins.take(one))).toEqual([undefined, undefined]);
  expect([rejoins.take(client()), rejoins.take(client()), rejoins.take(client())]).toEqual([4, 7, undefined]);
  rejoins.broke(client(), 9);
  clock.advance(60_000);
  expect(rejoins.take(client())).toBeUndefined();
  rejoins.broke(client(), 9);
  rejoins.forget(client());
  expect(rejoins.take(client())).toBeUndefined();
});

test('only so many clients are remembered, and the oldest is forgotten first', () => {
  const rejoins = new ResumePoints(manualClock(0));
  for (let n = 0; n <= 1_000; n++) rejoins.broke(client({ session: `${n}` }), n + 1);
  expect([0, 1, 1_000].map((n) => rejoins.take(client({ session: `${n}` })))).toEqual([undefined, 2, 1_001]);
});
