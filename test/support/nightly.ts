import type { TestContext } from 'vitest';

/** Whether to run tests that take minutes, or that stop components which other tests use. */
export const isNightly = process.env.TEST_NIGHTLY === '1';

/** Whole files of such tests. Each says what an ordinary run has in its place. */
export const nightlyFiles = [
  'test/unit/simulation/second-thousand.test.ts', // the first thousand
  'test/e2e/chaos/docker.test.ts', // chaos/storm: all faults at once
  'test/e2e/chaos/process.test.ts',
  'test/e2e/chaos/mongo.test.ts',
  'test/e2e/replicas/chaos.test.ts', // the other files of replicas
  'test/e2e/escapes/docker-runsc.test.ts', // escapes/docker: the same attempts
  'test/e2e/hostile/whole-server.test.ts', // faults/hostile-sandbox: garbage from the first answer on
  'test/e2e/faults/output.test.ts', // the same output in test/contract/sandboxd-faults
  'test/e2e/mcp-server/recipe.test.ts', // mcp-server/session: the same program and calls
  'test/e2e/e2b/sdk.test.ts', // e2b/wire: what the SDKs send
  'test/e2e/acp/real-agents.test.ts', // acp/run: an agent that speaks the same protocol
  'test/e2e/ui/scale.test.ts', // ui/sessions: the same list, with few sessions
];

/** Skips the test with a reason, except in a nightly run. */
export function onlyNightly(context: TestContext, why: string): void {
  if (!isNightly) context.skip(`${why}: with TEST_NIGHTLY=1`);
}
