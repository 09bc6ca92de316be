// @module-tag all
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { fence } from '../../support/clients/api.ts';
import { axeFinds, type Desk, deskTest, middle, phone, runCommand, typeInto, wide } from './desk.ts';

// Every view of the page, one after the other in one tab. Each look has a size and a theme.

// A sandbox of the memory driver has no files that a page can open.
const test = deskTest({ CORRAL_DRIVER: 'process' });

const themes = ['light', 'dark'] as const;

const table = '| a | b |\n|---|---|\n| 1 | 2 |\n\n- [x] done';
const files = [
  fence('file:a.ts', 'const a = 1;'),
  fence('file:notes.md', '# Notes\n\n- one'),
  fence('file:c.csv', 'a,b\n1,2'),
];
const task = `Do it\n\n${table}\n${files.join('\n')}\n${fence('sh', 'seq 1 40')}\n${fence('ask', 'Go on?')}`;

const dialog = (page: Page, name: string) => page.getByRole('dialog', { name }).waitFor();
/** Closes the dialog. A key that comes before it has closed would go to it, not to the page. */
const leave = async (page: Page) => {
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
};
const file = async (page: Page, name: string, ready: string) => {
  await runCommand(page, 'files');
  const back = page.getByRole('button', { name: 'Back to files' });
  if (await back.isVisible()) await back.click();
  await page.getByRole('treeitem', { name }).click();
  await page.getByRole('region', { name }).getByText(ready, { exact: true }).first().waitFor();
};

interface Walk {
  readonly desk: Desk;
  readonly page: Page;
  /** Opens a view, and checks it by axe and its width in both themes. */
  see(view: string, open: () => Promise<unknown>): Promise<void>;
}

/** Goes through all views. */
async function walk({ desk, page, see }: Walk): Promise<void> {
  await see('the first page', () => page.getByText('What should we work on?').waitFor());
  const id = await desk.worked(task);
  await see('a question', async () => {
    await page.goto(`/#${id}`);
    await page.getByText('The agent is waiting for your answer.').waitFor();
  });
  await desk.call('runs.send', { sessionId: id, text: 'yes' });
  await see('a conversation', () => page.locator('.ended').waitFor());
  const failing = await desk.worked(`Fail\n${fence('fail', 'The model refused.')}`);
  await see('a failure', async () => {
    await page.goto(`/#${failing}`);
    await page.getByRole('button', { name: 'Try again' }).waitFor();
  });
  await page.goto(`/#${id}`);
  await page.locator('.ended').waitFor();
  await see('the palette', async () => {
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox', { name: 'Command palette' }).waitFor();
  });
  await leave(page);
  const panel = page.getByRole('tabpanel');
  await see('files', async () => {
    await runCommand(page, 'files');
    await page.getByRole('treeitem', { name: 'a.ts' }).waitFor();
  });
  await see('a file of code', () => file(page, 'a.ts', 'const'));
  await see('a file of Markdown', () => file(page, 'notes.md', 'one'));
  await see('a table', () => file(page, 'c.csv', '2'));
  await see('the editor', async () => {
    await file(page, 'a.ts', 'const');
    await page.getByRole('textbox', { name: 'Contents of a.ts' }).waitFor();
  });
  for (const [tab, ready] of [
    ['terminal', page.getByRole('button', { name: 'New terminal' }).first()],
    ['processes', panel.getByText(/running|exited/).first()],
    ['desktop', panel.getByText(/desktop/i).first()],
    ['timeline', page.getByRole('slider', { name: 'Position in the timeline' })],
    ['cost', page.getByRole('region', { name: 'Budget left' })],
  ] as const) {
    await see(`the tab ${tab}`, async () => {
      await runCommand(page, tab);
      await ready.waitFor();
    });
  }
  await see('the events', async () => {
    await runCommand(page, 'timeline');
    await panel.getByText('Events', { exact: true }).click();
    await page
      .getByRole('button', { name: /Run ended/ })
      .last()
      .click();
    await page.getByRole('region', { name: 'Event content' }).waitFor();
  });
  await see('sharing', async () => {
    await runCommand(page, 'share this');
    await page.getByRole('button', { name: 'Create link' }).click();
    await page.getByRole('textbox', { name: 'Link' }).waitFor();
  });
  const link = await page.getByRole('textbox', { name: 'Link' }).inputValue();
  await leave(page);
  await see('forking', async () => {
    await runCommand(page, 'fork this');
    await dialog(page, 'Fork this session');
  });
  await leave(page);
  await see('the question before a deletion', async () => {
    await runCommand(page, 'delete session');
    await dialog(page, 'Delete this session?');
  });
  await leave(page);
  await page.keyboard.press('Control+,');
  for (const section of ['Appearance', 'Notifications', 'Models and keys', 'Session tools', 'Session network']) {
    await see(`the settings ${section}`, async () => {
      const settings = page.getByRole('dialog');
      const choice = settings.getByRole('combobox', { name: 'Settings' }); // a phone has no room for a column
      if (await choice.isVisible()) await choice.selectOption(section);
      else await settings.getByRole('button', { name: section, exact: true }).click();
      await page.getByRole('dialog').getByText('Loading…').waitFor({ state: 'hidden' });
    });
  }
  await leave(page);
  await see('the list of sessions', async () => {
    await runCommand(page, 'search sessions');
    await page.getByRole('searchbox').waitFor();
  });
  await see('the shared session', async () => {
    await page.goto(link);
    await page.getByRole('article', { name: 'You' }).first().waitFor();
  });
  await see('the guide', async () => {
    await page.goto('/guide');
    await page.getByRole('heading', { level: 1 }).waitFor();
  });
  await page.goto(`/#${id}`);
  await page.locator('.ended').first().waitFor(); // a replay has one, too
  await see('what changed', async () => {
    await runCommand(page, 'files');
    await panel.getByText('Changed', { exact: true }).click();
    await panel.getByText(/^Files changed in the latest run/).waitFor();
  });
  await see('a difference', async () => {
    await panel.getByRole('button', { name: 'new a.ts' }).click();
    await panel.getByRole('textbox', { name: 'Changes to a.ts' }).waitFor();
  });
  await see('an open terminal', async () => {
    await runCommand(page, 'terminal');
    await page.locator('.screen').getByText('$').first().waitFor();
  });
  await page.keyboard.press('Control+Alt+Shift'); // out of the terminal
  await see('what the model saw', async () => {
    await runCommand(page, 'timeline');
    await page.getByRole('button', { name: 'What the model saw' }).click();
    await page.getByRole('dialog').getByText('exactly as sent').waitFor();
  });
  await leave(page);
  await see('sessions to delete', async () => {
    await runCommand(page, 'select sessions');
    await page.getByText('0 selected').waitFor();
  });
  await page.locator('.chosen-bar').getByRole('button', { name: 'Cancel' }).click();
  await see('the archive', async () => {
    await runCommand(page, 'archive session');
    await runCommand(page, 'search sessions');
    await page.getByRole('button', { name: /^Archived/ }).click();
  });
  await see('a search that finds nothing', async () => {
    await typeInto(page.getByRole('searchbox'), 'zebra crossing');
    await page.getByText('No matching sessions.').waitFor();
  });
  await see('no session at the address', async () => {
    await page.goto('/#0123456789abcdef');
    await page.getByText('Session not found.').waitFor();
  });
  await page.route('**/trpc/system.info', (route) => route.fulfill({ status: 401 }));
  await see('the question for a token', async () => {
    await page.reload();
    await dialog(page, 'This server requires a token');
  });
}

test.for([wide, middle, phone])(
  'at $width pixels axe finds nothing on any view, light and dark, and no view is wider than the screen',
  { tags: ['nightly'] },
  async (size, { desk }) => {
    const { page } = await desk.open('/', size);
    const flaws: string[] = [];
    let views = 0;
    const see: Walk['see'] = async (view, openView) => {
      views++;
      await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
      await openView();
      for (const theme of themes) {
        await page.emulateMedia({ colorScheme: theme });
        // Only the colours differ between the themes.
        const found = await axeFinds(page, theme === 'light' ? undefined : 'color-contrast');
        const over = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
        if (over !== 0) found.push(`${over} pixels wider than the screen`);
        flaws.push(...found.map((text) => `${view}, ${theme}: ${text}`));
      }
    };
    await walk({ desk, page, see });
    expect([flaws, views > 25]).toEqual([[], true]);
  },
);

test('the parts of the page are whole in both themes, on desk and phone', { tags: ['all'] }, async ({ desk }) => {
  for (const size of [wide, phone]) {
    const { page, complaints } = await desk.open('/static/kit.html', size);
    await page.getByRole('region', { name: 'dark' }).getByRole('button', { name: 'Model: Ollama / qwen3' }).click();
    await page.getByRole('dialog', { name: 'Delete this?' }).getByRole('button', { name: 'Cancel' }).press('Enter');
    expect(await axeFinds(page)).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth > innerWidth')).toBe(false);
    expect(complaints).toEqual([]);
  }
});
