import { expect } from 'vitest';
import { fence } from '../../support/clients/api.ts';
import { axeFinds, deskTest, typeInto } from './desk.ts';

const test = deskTest({ CORRAL_APPROVALS_TOOLS: 'shell_exec' });

test('a question and an approval of two sessions are answered from one list', async ({ desk }) => {
  const asking = await desk.worked(`Ask\n${fence('ask', 'Which colour?')}`);
  const wanting = await desk.worked(`Run\n${fence('sh', 'echo approved')}`);
  const { page, complaints } = await desk.open();
  const button = page.getByRole('button', { name: /^Inbox/ });
  await expect.poll(() => button.textContent()).toMatch(/2$/);
  await button.click();
  const inbox = page.getByRole('dialog', { name: 'Inbox' });
  const question = inbox.getByRole('article', { name: 'Ask' });
  await question.getByText('Which colour?').waitFor();
  const approval = inbox.getByRole('article', { name: 'Run' });
  await approval.getByText('echo approved').waitFor();
  expect(await axeFinds(page)).toEqual([]);
  await typeInto(question.getByRole('textbox'), 'Blue');
  await question.getByRole('button', { name: 'Send' }).click();
  await approval.getByRole('button', { name: 'Approve', exact: true }).click();
  await inbox.getByText('Nothing is waiting for you.').waitFor();
  for (const id of [asking, wanting]) {
    await expect
      .poll(async () => {
        const input = { id, unread: 0 };
        const { outcome } = await desk.call<{ outcome: { status: string } | null }>('sessions.update', input);
        return outcome?.status;
      })
      .toBe('completed');
  }
  expect(complaints).toEqual([]);
});

test('a failure that nobody read is in the list until somebody has seen it', { tags: ['all'] }, async ({ desk }) => {
  await desk.worked(`Break\n${fence('fail', 'The disk is on fire.')}`);
  const { page } = await desk.open();
  await page.getByRole('button', { name: /^Inbox/ }).click();
  const inbox = page.getByRole('dialog', { name: 'Inbox' });
  await inbox.getByText('New failures (1)').click();
  const entry = inbox.getByRole('article', { name: 'Break' });
  await entry.getByText('The disk is on fire.').waitFor();
  expect(await axeFinds(page)).toEqual([]);
  await entry.getByRole('button', { name: 'Mark as read' }).click();
  await inbox.getByText('No matching sessions.').waitFor();
});
