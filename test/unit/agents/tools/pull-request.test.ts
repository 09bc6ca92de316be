import { expect, test } from 'vitest';
import { openPullRequestTool } from '../../../../src/agents/tools/pull-request.ts';
import {
  createToolRegistry,
  listToolsNeedingApproval,
  withoutRepositoryTools,
} from '../../../../src/agents/tools/registry.ts';
import type { PullRequestDraft, PullRequestOpener } from '../../../../src/agents/tools/tool.ts';
import { AppError, type ErrorCode } from '../../../../src/core/errors/errors.ts';
import { SessionId } from '../../../../src/core/model/ids.ts';
import { toSessionRepository } from '../../../../src/core/model/repository.ts';
import { PullRequestOpenerFactory } from '../../../../src/sessions/shipping/pull-requests.ts';
import { toolBench } from '../../../support/agents/tools.ts';

const { run } = toolBench();
const choice = { title: 'Sum once', text: 'It was twice.' };
const opened = { number: 7, url: 'https://git.example/pulls/7', branch: 'corral/sum', base: 'main', draft: false };
const opener =
  (title: string, received: PullRequestDraft[] = []): PullRequestOpener =>
  async (requested) => {
    received.push(requested);
    return { ...opened, title };
  };

test('the model reads where the pull request is', async () => {
  const received: PullRequestDraft[] = [];
  const pullRequests = opener('Sum once', received);
  const output = 'Pull request #7 from corral/sum into main is open: https://git.example/pulls/7';
  expect(await run(openPullRequestTool, { ...choice, base: 'next' }, { pullRequests })).toMatchObject({
    ok: true,
    output,
  });
  expect(received).toEqual([{ ...choice, base: 'next', draft: false }]);
});

test('the model learns that a pull request which was open keeps its words', async () => {
  const { output } = await run(openPullRequestTool, choice, { pullRequests: opener('Earlier words') });
  expect(output).toContain('open before: it has the new commits now, and keeps its own title and text');
  expect(output).not.toContain('Earlier words');
});

test.each<[ErrorCode, string]>([
  ['conflict', 'refused'],
  ['forbidden', 'refused'],
  ['unsupported', 'refused'],
  ['not_found', 'not_found'],
  ['rate_limited', 'failed'],
  ['provider_error', 'failed'],
])('the failure %s is reported to the model as %s', async (code, reason) => {
  const pullRequests = () => Promise.reject(new AppError(code, 'The forge refused.'));
  const expected = { ok: false, reason, output: 'No pull request was opened. The forge refused.' };
  expect(await run(openPullRequestTool, choice, { pullRequests })).toMatchObject(expected);
});

test('a lost sandbox is not the model’s affair', async () => {
  const lost = new AppError('sandbox_lost', 'Gone.');
  await expect(run(openPullRequestTool, choice, { pullRequests: () => Promise.reject(lost) })).rejects.toBe(lost);
});

test.each([
  { ...choice, title: '' },
  { ...choice, title: 'two\nlines' },
  { ...choice, base: '--force' },
])('arguments that no forge takes are refused before anything is pushed: %j', async (args) => {
  const received: PullRequestDraft[] = [];
  const result = await run(openPullRequestTool, args, { pullRequests: opener('x', received) });
  expect(result).toMatchObject({ ok: false, reason: 'bad_arguments' });
  expect(received).toEqual([]);
});

test('a session without a repository is not offered the tool', async () => {
  const registry = createToolRegistry();
  expect(registry.find('open_pull_request')).toBeDefined();
  const without = withoutRepositoryTools(registry);
  expect(without.find('open_pull_request')).toBeUndefined();
  expect(without.declarations).toHaveLength(registry.declarations.length - 1);
  expect(await run(openPullRequestTool, choice)).toMatchObject({ ok: false, reason: 'refused' });
});

test('the tool is named among those that wait for a person, until a rule is about all of its calls', () => {
  const asking = (...rules: Parameters<typeof listToolsNeedingApproval>[1]) =>
    listToolsNeedingApproval(createToolRegistry(), rules);
  expect(asking()).toEqual(['open_pull_request']);
  expect(asking({ action: 'allow', tool: 'file_*' })).toEqual(['open_pull_request']);
  expect(asking({ action: 'allow', tool: 'open_pull_request', pattern: '*draft*' })).toEqual(['open_pull_request']);
  expect(asking({ action: 'allow', tool: 'open_*' })).toEqual([]);
});

test('the model names a folder where there are several, with or without those above it', async () => {
  const id = SessionId.parse('0123456789abcdef');
  const { signal } = new AbortController();
  const [one, two, three] = ['one', 'libs/two', 'three'].map((path) =>
    toSessionRepository({ url: `https://git.example/${path}`, path, access: path === 'three' ? 'read' : 'write' }),
  ) as [never, never, never];
  const paths: string[] = [];
  const service = Promise.withResolvers<never>();
  const all = new PullRequestOpenerFactory(service.promise);
  const ask = (repository?: string, input = [one, two, three]) =>
    all.createOpener(id, input)({ ...choice, draft: false, ...(repository !== undefined && { repository }) }, signal);
  const early = ask('/workspace/libs/two/'); // before the service exists
  service.resolve({
    async open(_: unknown, path: string) {
      paths.push(path);
      return { ...opened, title: 't', head: { branch: 'b', commit: '' } } as never;
    },
  } as never);
  await early;
  await ask('one');
  await ask(undefined, [one, three]);
  expect(paths).toEqual(['libs/two', 'one', 'one']);
  await expect(ask()).rejects.toThrow('Choose one of the repositories: one, libs/two.');
  await expect(ask('wo')).rejects.toThrow('There is no repository in the folder wo.');
});
