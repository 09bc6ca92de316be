import { expect, test } from 'vitest';
import { AppError } from '../../../../src/core/errors/errors.ts';
import { ServiceRecipes, type ServiceStatus } from '../../../../src/core/model/services/recipe.ts';
import { type SandboxServiceUpdate, startServices } from '../../../../src/sandboxes/services/start-services.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

type State = Pick<ServiceStatus, 'state' | 'exitCode'>;
interface Script {
  /** The driver's answers once it has started; the last one is repeated. */
  readonly states?: readonly State[];
  readonly listens?: readonly number[];
  readonly fails?: AppError;
}

/** Starts the services on a fake host, which answers as the scripts say, and returns the reports and starts. */
async function run(
  services: object,
  scripts: Readonly<Record<string, Script>> = {},
  signal = new AbortController().signal,
) {
  const clock = manualClock();
  const started: string[] = [];
  const reports: SandboxServiceUpdate[] = [];
  const looks = new Map<string, number>();
  const host = {
    async start(name: string) {
      started.push(name);
      const { fails } = scripts[name] ?? {};
      if (fails) throw fails;
    },
    async states() {
      return started.map((name) => {
        const { states = [{ state: 'running' }] } = scripts[name] ?? {};
        const at = looks.get(name) ?? 0;
        looks.set(name, at + 1);
        return { name, image: 'a:1', state: 'running' as const, ...(states[at] ?? states.at(-1)) };
      });
    },
    listening: async () => started.flatMap((name) => scripts[name]?.listens ?? []),
  };
  const starting = startServices(
    { host, services: ServiceRecipes.parse(services), clock, patienceMs: 5_000, tell: (news) => reports.push(news) },
    signal,
  );
  const ended = starting.then(
    () => 'done',
    (error: AppError) => error.code,
  );
  let end: string | undefined;
  void ended.then((it) => {
    end = it;
  });
  for (let turn = 0; turn < 200 && end === undefined; turn += 1) {
    await new Promise(setImmediate); // everything continues that waits for no timer
    clock.advance(100);
  }
  return { started, reported: reports.map(({ name, kind, detail }) => `${name} ${kind}: ${detail}`), end };
}
const image = { image: 'a:1' };

test('a service starts after those that it depends on are ready, and is ready once its ports are open', async () => {
  const { started, reported, end } = await run(
    { web: { ...image, ports: [80], after: ['db'] }, db: { ...image, ports: [5432] } },
    { web: { listens: [80] }, db: { listens: [5432] } },
  );
  expect([end, started]).toEqual(['done', ['db', 'web']]);
  const expected = ['db ready: The service db is ready at db:5432.', 'web ready: The service web is ready at web:80.'];
  expect(reported).toEqual(expected);
});

test('a health check decides in place of ports, and a service without either is ready once it runs', async () => {
  const test = ['check'];
  const { reported } = await run(
    { db: { ...image, ports: [5432], healthcheck: { test } }, worker: image },
    { db: { states: [{ state: 'running' }, { state: 'running' }, { state: 'ready' }] } },
  );
  const expected = ['worker ready: The service worker is ready.', 'db ready: The service db is ready at db:5432.'];
  expect(reported).toEqual(expected);
});

test.each<[string, Script, RegExp]>([
  ['an exit', { states: [{ state: 'exited', exitCode: 7 }] }, /it ended with exit code 7/],
  ['a failed health check', { states: [{ state: 'unhealthy' }] }, /its health check failed/],
  ['a port that never opens', {}, /it was not ready within 5 s/],
  [
    'a missing image',
    { fails: new AppError('image_missing', 'The image a:1 is missing.') },
    /The image a:1 is missing/,
  ],
])('%s is reported as a failure, those that wait for it do not start, and the others do', async (_, script, why) => {
  const { started, reported, end } = await run(
    { db: { ...image, ports: [5432] }, web: { ...image, after: ['db'] }, cache: image },
    { db: script },
  );
  expect(end).toBe('done');
  expect(started).not.toContain('web');
  expect(reported).toContainEqual(expect.stringMatching(why));
  expect(reported).toContain('web failed: The service web is not available: it depends on db, which failed.');
  expect(reported).toContain('cache ready: The service cache is ready.');
});

test('a signal ends every start and tells no failure', async () => {
  const stop = AbortSignal.abort();
  const { reported, end } = await run({ db: { ...image, ports: [5432] } }, {}, stop);
  expect([end, reported]).toEqual(['cancelled', []]);
});
