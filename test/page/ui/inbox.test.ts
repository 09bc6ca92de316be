// @module-tag all
import { expect, test } from 'vitest';
import { fence } from '../../support/clients/api.ts';
import { axeFinds, desk, phone, wide } from './desk.ts';

const { page: open, worked, call } = desk({ CORRAL_APPROVALS_TOOLS: 'shell_exec' });

for (const [width, size] of [
  [1440, wide],
  [390, phone],
] as const) {
  test(`a question and an approval of two sessions are answered from one list at ${width} px`, async (context) => {
    const asking = await worked(`Ask ${width}\n${fence('ask', 'Which colour?')}`);
    const wanting = await worked(`Run ${width}\n${fence('sh', `echo approved-${width}`)}`);
    const { page, complaints } = await open(context, '/', size);
    if (size === phone) await page.getByRole('button', { name: 'Sessions' }).click();
    const button = page.getByRole('button', { name: /^Needs you/ });
    await expect.poll(() => button.textContent()).toMatch(/2$/);
    await button.click();
    const inbox = page.getByRole('dialog', { name: 'Needs you' });
    const question = inbox.getByRole('article', { name: `Ask ${width}` });
    await question.getByText('Which colour?').waitFor();
    const approval = inbox.getByRole('article', { name: `Run ${width}` });
    await approval.getByText(`echo approved-${width}`).waitFor();
    expect(await axeFinds(page)).toEqual([]);
    await question.getByRole('textbox').fill('Blue');
    await question.getByRole('button', { name: 'Send' }).click();
    await approval.getByRole('button', { name: 'Approve', exact: true }).click();
    await inbox.getByText('Nothing waits for you.').waitFor();
    for (const id of [asking, wanting]) {
      await expect
        .poll(async () => {
          const { outcome } = await call<{ outcome: { status: string } | null }>('sessions.update', { id, unread: 0 });
          return outcome?.status;
        })
        .toBe('completed');
    }
    expect(complaints).toEqual([]);
  });
}

test('a failure that nobody has read is in the list until somebody has seen it', async (context) => {
  await worked(`Break\n${fence('fail', 'The disk is on fire.')}`);
  const { page } = await open(context);
  await page.getByRole('button', { name: /^Needs you/ }).click();
  const inbox = page.getByRole('dialog', { name: 'Needs you' });
  await inbox.getByText('Failed (1)').click();
  const entry = inbox.getByRole('article', { name: 'Break' });
  await entry.getByText('The disk is on fire.').waitFor();
  expect(await axeFinds(page)).toEqual([]);
  await entry.getByRole('button', { name: 'Seen' }).click();
  await inbox.getByText('Nothing waits for you.').waitFor();
});
