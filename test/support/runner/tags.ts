import { describe, type TestContext, type TestOptions, test } from 'vitest';

// Tests without a tag are the default run; `npm run test:all` adds `all`, and `npm run test:nightly` adds `nightly`.
export const nightly = { tags: ['nightly'] } satisfies TestOptions;

type Body<Row> = (row: Row, context: TestContext) => void | Promise<void>;

/** `test.for` over rows of one behavior: those after the first `ordinary` ones are nightly. */
export const testRows =
  <const Row>(rows: readonly Row[], ordinary = 1) =>
  (name: string, options: TestOptions | Body<Row>, body?: Body<Row>): void => {
    const [input, run] = typeof options === 'function' ? [{}, options] : [options, body as Body<Row>];
    test.for(rows.slice(0, ordinary))(name, input, run);
    test.for(rows.slice(ordinary))(name, { ...input, ...nightly }, run);
  };

/** `describe.for` over rows of one behavior: those after the first one are nightly. */
export const describeRows =
  <const Row>(rows: readonly Row[]) =>
  (name: string, body: (row: Row) => void): void => {
    describe.for(rows.slice(0, 1))(name, body);
    describe.for(rows.slice(1))(name, nightly, body);
  };
