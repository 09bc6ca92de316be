import { beforeEach } from 'vitest';

/** Epoch ms. The run has to end by then, so tests that would start later are skipped, and the report names them. */
const until = Number(process.env.TEST_UNTIL ?? Number.POSITIVE_INFINITY);

beforeEach((context) => {
  if (Date.now() > until) context.skip('no time was left in this run: TEST_UNTIL');
});
