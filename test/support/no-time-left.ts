import { beforeEach } from 'vitest';

/** Epoch ms. A run that is not over by then is worth nothing, so what is left when it comes is skipped, and named. */
const until = Number(process.env.TEST_UNTIL ?? Number.POSITIVE_INFINITY);

beforeEach((context) => {
  if (Date.now() > until) context.skip('no time was left in this run: TEST_UNTIL');
});
