// @module-tag nightly
import { expect, test } from 'vitest';
import { wide } from '../../page/ui/desk.ts';
import { fakeProvider } from '../../support/agents/fake-models/server.ts';
import { fakeSettings } from '../../support/agents/fake-models/settings.ts';
import { type FakeReply, type FakeRequest, isPlanned } from '../../support/agents/fake-models/wire-format.ts';
import { browse } from '../../support/clients/browser.ts';
import { openClient } from '../../support/clients/trpc.ts';
import { gitServer } from '../../support/egress/git-server.ts';
import { fakeForge } from '../../support/forges/fake-forge.ts';
import { realServer } from '../../support/servers/real-server.ts';
import { inEachWorld } from '../../support/worlds.ts';

const secret = 'a-credential-of-the-whole-way';
const title = 'Sum once';
const files = {
  'sum.sh': '# Sums two numbers.\necho $(($1 + $2 + $2))\n',
  'sum.test.sh': '[ "$(sh sum.sh 2 3)" = 5 ] && echo "1 passed" || { echo "1 failed"; exit 1; }\n',
};
const mended = '# Sums two numbers.\necho $(($1 + $2))\n';
const reviewed = '# Sums two numbers.\nfirst=$1 second=$2\necho $((first + second))\n';

/** The agent corrects the sum and writes notes, runs the tests, and follows the comment on a line. */
function reply(request: FakeRequest): FakeReply {
  const { body } = request;
  const messages = body.messages as { readonly role: string; readonly content: unknown }[];
  const prompt = JSON.stringify(messages);
  if (!isPlanned(request)) return { calls: [{ name: 'make_plan', args: { title, steps: ['Mend it'] } }] };
  if (JSON.stringify(messages.at(-1)).includes('All steps are through')) return { text: 'The sum is right.' };
  const workdir = /Working directory: (\/[^\\"]*)/.exec(prompt)?.[1];
  const write = (file: string, content: string) => ({
    calls: [{ name: 'file_write', args: { file: `${workdir}/totals/${file}`, content } }],
  });
  const runTests = {
    calls: [{ name: 'shell_exec', args: { id: 'main', command: 'cd totals; sh sum.test.sh; cd ..' } }],
  };
  const begin = messages.findLastIndex(({ content }) => JSON.stringify(content).includes('totals/sum.sh:2'));
  const results = messages.slice(begin + 1).filter(({ role, content }) => role === 'tool' && content !== 'Noted.');
  const isReview = begin >= 0;
  const steps = isReview
    ? [write('sum.sh', reviewed), runTests]
    : [write('sum.sh', mended), write('notes.md', 'It was summed twice.\n'), runTests];
  const next = steps[results.length];
  if (next) return next;
  const passed = String(JSON.stringify(results.at(-1)?.content)).includes('1 passed');
  return { text: passed ? 'The tests pass.' : `The tests fail: ${JSON.stringify(results.at(-1)?.content)}` };
}

inEachWorld('process', 'with sandboxes of $driver', (world) => {
  test('a private repository becomes a pull request that a person reviewed', async (context) => {
    await using forge = await fakeForge('gitea', { owner: 'team', name: 'totals' });
    forge.content.tokens.set(secret, 'ada');
    await using git = await gitServer('bot', secret, forge.handle);
    git.make('team/totals', files);
    await using provider = await fakeProvider('compatible', reply);
    await using real = await realServer(context, world, {
      ...git.settings,
      CORRAL_FORGES_SERVERS: `gitea=https://${git.at}`,
      ...fakeSettings('compatible', provider.url),
    });
    using client = openClient(real.server.url, 'ws');
    const { id: projectId } = await client.projects.create.mutate({ name: 'Totals' });
    const bound = { projectId, name: 'forge', hosts: [git.at], git: 'write' as const, user: 'bot', value: secret };
    await client.projectCredentials.put.mutate(bound);
    const { id } = await client.sessions.create.mutate({
      ...{ projectId, title, task: 'Mend the sum, write notes, and run the tests' },
      author: { name: 'Ada Example', email: 'ada@example.org' },
      repositories: [{ url: git.urlOf('team/totals') }],
    });
    const runsEnded = () => real.factsOf(id, 'run.end').length;
    await expect.poll(runsEnded).toBe(1);
    const lastAnswer = () => real.factsOf(id, 'message.assistant').at(-1)?.data.text;
    expect(lastAnswer()).toBe('The tests pass.');
    const [repository] = await client.repositories.list.query({ sessionId: id });
    const branch = repository?.branch ?? '';
    expect(repository).toMatchObject({ state: 'ready', branch: `corral/sum-once-${id.slice(0, 8)}` });

    // A person comments on a line of the changes, and the agent follows.
    const { page, complaints } = await browse(context, wide);
    await page.goto(`${real.server.url}/#${id}`);
    await page.getByRole('tab', { name: 'Files' }).click();
    await page.getByText('Changed', { exact: true }).click();
    await page.getByRole('button', { name: 'changed totals/sum.sh' }).click();
    const changes = page.getByRole('textbox', { name: 'Changes to totals/sum.sh' });
    await changes.getByText('echo $(($1 + $2))').click();
    await page.getByRole('button', { name: 'Comment on line 2' }).click();
    await page.getByRole('textbox', { name: 'Comment on line 2 for the agent' }).fill('Name both numbers.');
    await page.keyboard.press('Control+Enter');
    await expect.poll(runsEnded).toBe(2);
    expect(lastAnswer()).toBe('The tests pass.');
    const message = real.factsOf(id, 'message.user').at(-1)?.data.text;
    expect(message).toContain('totals/sum.sh:2');
    expect(message).toContain('Name both numbers.');

    // The person commits and opens the pull request.
    await page.getByRole('tab', { name: 'Ship' }).click();
    await page.getByRole('textbox', { name: 'Commit message' }).fill('Sum every number once');
    await page.getByRole('button', { name: /^Commit (1 file|[0-9]+ files)$/ }).click();
    await page.getByRole('textbox', { name: 'Title' }).fill('Sum every number once');
    await page.getByRole('textbox', { name: 'Description' }).fill('The second was summed twice.');
    forge.content.branches.add(branch);
    await page.getByRole('button', { name: 'Push and open' }).click();
    await page.getByText('Open · opened by ada · base branch: main').waitFor({ timeout: 90_000 });
    expect(complaints).toEqual([]);
    expect(forge.content.pulls).toMatchObject([
      {
        title: 'Sum every number once',
        text: 'The second was summed twice.',
        head: branch,
        base: 'main',
        author: 'ada',
      },
    ]);
    expect(git.git('team/totals', 'show', `${branch}:sum.sh`)).toBe(reviewed);
    expect(git.git('team/totals', 'show', `${branch}:notes.md`)).toBe('It was summed twice.\n');
    const format = '--format=%an <%ae> %cn|%s|%(trailers:key=Corral-Session,valueonly,separator=)';
    expect(git.git('team/totals', 'log', format, `main..${branch}`).trim()).toBe(
      `Ada Example <ada@example.org> Ada Example|Sum every number once|${id}`,
    );
  });
});
