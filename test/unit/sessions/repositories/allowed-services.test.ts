import { expect, test } from 'vitest';
import { AppError } from '../../../../src/core/errors/errors.ts';
import { SessionId } from '../../../../src/core/model/ids.ts';
import type { SandboxView, SessionRecord } from '../../../../src/core/model/records.ts';
import { RepositoryInput, toSessionRepository } from '../../../../src/core/model/repository.ts';
import { ServiceRecipes } from '../../../../src/core/model/services/recipe.ts';
import { allowRepositoryServices } from '../../../../src/sessions/repositories/environments.ts';

const id = SessionId.parse('0123456789abcdef');
const expected = ServiceRecipes.parse({
  redis: { image: 'redis:7', ports: [6379] },
  web: { image: 'web:1', ports: [8080], after: ['redis'] },
});

interface SessionSetup {
  readonly has?: ServiceRecipes;
  readonly services?: ServiceRecipes;
  readonly condition?: Partial<Pick<SandboxView, 'condition' | 'keeps'>>;
  readonly refusal?: 'check' | 'pause';
}
/** Allows services of a repository, and returns the calls that it makes, in order. */
async function allow(names: readonly string[] | undefined, input: SessionSetup = {}) {
  const { has = {}, services = expected, condition = { condition: 'running' }, refusal } = input;
  const happened: unknown[] = [];
  const environment = { problem: null, setup: 'none', starts: false, template: null, tools: [], egress: [] } as const;
  const repository = {
    ...toSessionRepository(RepositoryInput.parse({ url: 'https://example.org/team/project' })),
    environment: { ...environment, ports: [], checks: [], services },
  };
  const refuse = (at: string) => {
    if (refusal === at) throw new AppError('conflict', `refused by ${at}`);
  };
  const record = { id, sandbox: { cpus: 1 } } as unknown as SessionRecord;
  const failure = await allowRepositoryServices(
    { record, repository, names },
    {
      servicesOf: () => has,
      checkSandbox(choice) {
        happened.push(['check', Object.keys(choice.services ?? {})]);
        refuse('check');
      },
      power: {
        status: async () => ({ keeps: null, ...condition }) as SandboxView,
        async pause(_, { keeps }) {
          refuse('pause');
          happened.push(['pause', keeps]);
          return {} as SandboxView;
        },
      },
      change: async (_, { sandbox }) => void happened.push(['change', sandbox]),
    },
    new AbortController().signal,
  ).then(
    () => undefined,
    (thrown: AppError) => thrown,
  );
  return { happened, failure };
}

const stepsOf = ({ happened }: { happened: readonly unknown[] }) => happened.map((one) => (one as string[])[0]);

test('services come next to those of the session, once a sandbox that runs has ended and kept its files', async () => {
  const has = ServiceRecipes.parse({ other: { image: 'other:1' } });
  const { happened, failure } = await allow(undefined, { has });
  expect(failure).toBeUndefined();
  expect(happened).toEqual([
    ['check', ['other', 'redis', 'web']],
    ['pause', 'files'],
    ['change', { cpus: 1, services: { ...has, ...expected } }],
  ]);
  const one = ['change', { cpus: 1, services: { redis: expected.redis } }];
  expect((await allow(['redis'])).happened.at(-1)).toEqual(one);
});

test.for([
  { condition: 'new' },
  { condition: 'stopped' },
  { condition: 'lost' },
  { condition: 'paused', keeps: 'files' },
] as const)('a sandbox that is $condition is not ended', async (condition) =>
  expect(stepsOf(await allow(undefined, { condition }))).toEqual(['check', 'change']),
);

test('a sandbox whose memory a pause keeps is ended too', async () => {
  const { happened } = await allow(undefined, { condition: { condition: 'paused', keeps: 'memory' } });
  expect(happened).toContainEqual(['pause', 'files']);
});

test('services that the session has change nothing', async () =>
  expect(await allow(undefined, { has: expected })).toEqual({ happened: [], failure: undefined }));

const redis = ServiceRecipes.parse({ redis: { image: 'redis:6' } });
const own = ServiceRecipes.parse({ own: { image: 'own:1', ports: [8080] } });
test.for([
  [['mysql'], {}, 'not_found', /no service mysql/],
  [['constructor'], {}, 'not_found', /no service constructor/],
  [undefined, { services: {} }, 'conflict', /defines no services/],
  [['web'], {}, 'conflict', /depends on redis/],
  [undefined, { has: redis }, 'conflict', /already has a service redis/],
  [undefined, { has: own }, 'conflict', /port 8080/],
  [undefined, { refusal: 'check' }, 'conflict', /refused by check/],
  [undefined, { refusal: 'pause' }, 'conflict', /refused by pause/],
] as const)('%j is refused without a change where it cannot be: %j', async ([names, input, code, text]) => {
  const { happened, failure } = await allow(names, input);
  expect(failure).toMatchObject({ code, publicMessage: expect.stringMatching(text) });
  expect(stepsOf({ happened }).filter((step) => step !== 'check')).toEqual([]);
});
