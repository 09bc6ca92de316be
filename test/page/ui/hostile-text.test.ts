import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { createIdSource } from '../../../src/core/model/ids.ts';
import { fact } from '../../support/machines/session-parts.ts';
import { axeFinds, type Desk, deskTest, phone, scrollTo, wide } from './desk.ts';

// An agent's text in a conversation cannot break the page.

const test = deskTest();
const ids = createIdSource();
const manyBeginnings = '*a_b'.repeat(50_000);
const texts = [
  // formulas that run scripts, grow and nest
  [
    '$\\href{javascript:alert(1)}{x}$ $\\def\\a{\\a\\a}\\a$ $\\htmlStyle{position:fixed}{x}$',
    `$$${'\\sqrt{'.repeat(600)}x${'}'.repeat(600)}$$`,
    '$$\\rule{99999em}{99999em}$$',
    '$a '.repeat(20_000),
  ].join('\n\n'),
  // diagrams that run scripts, hang, or are invalid
  [
    'graph TD\n  A["<i>x</i>"] --> B\n  click A "javascript:alert(1)"',
    '%%{init: {"securityLevel": "loose", "htmlLabels": true}}%%\ngraph TD\n  A["<b>x</b>"]',
    `graph TD\n${Array.from({ length: 900 }, (_, n) => `  A${n} --> A${n + 1}`).join('\n')}`,
    'no diagram {{{',
  ]
    .map((text) => `\`\`\`mermaid\n${text}\n\`\`\``)
    .join('\n\n'),
  // an invalid address
  '![a](b%zz.png)',
  // 6,000 nested quotes
  `${'> '.repeat(6_000)}x`,
  // 50,000 unclosed emphasis marks
  manyBeginnings,
  // 100,000 spaces
  `a${' '.repeat(100_000)}b`,
  // an address of 40,000 characters
  `${'a.'.repeat(20_000)}@`,
  // 400 nested lists
  Array.from({ length: 400 }, (_, depth) => `${' '.repeat(depth * 2)}- a`).join('\n'),
];

const message = (text: string) =>
  fact('message.assistant', { messageId: ids.messageId(), text, attachments: [] }, null);
const cat = { tool: 'shell', function: 'shell_exec', args: { command: 'cat' } };
const view = { tool: 'browser', function: 'browser_view', args: {} };
const called = (output: string, content: { screenshot: string } | null, call: typeof cat | typeof view = cat) => [
  fact('tool.calling', { callId: 'call-0', ...call }, null),
  fact('tool.called', { callId: 'call-0', ...call, success: true, output, content }, null),
];
const approval = fact(
  'approval.requested',
  {
    callId: 'call-1',
    function: 'shell_exec',
    expiresAt: Date.now() + 3_600_000,
    args: { command: 'rm -rf \u202e/' },
  },
  null,
);

async function conversation(desk: Desk, ...facts: Parameters<Desk['tell']>[1][]): Promise<string> {
  const { id } = await desk.call('sessions.create', { title: 'Hostile' });
  await desk.tell(id, ...facts, message('the **end**'), approval);
  return id;
}

/** The card and everything above it are visible, and the page's own thread answers. */
async function isWhole(page: Page, count: number): Promise<void> {
  const card = page.getByRole('region', { name: 'Waiting for you' }).getByRole('group', { name: 'Approval' });
  await card.getByText('rm -rf ⟨202E⟩/').waitFor();
  await card.getByRole('button', { name: 'Approve', exact: true }).waitFor();
  await expect.poll(() => page.getByRole('article', { name: 'Agent' }).count()).toBe(count);
  await page.locator('strong').getByText('end', { exact: true }).waitFor();
}

test('after texts that act, hang, nest and grow the conversation and its approval go on', async ({ desk }) => {
  const id = await conversation(desk, message('before'), ...texts.map(message));
  const { page } = await desk.open(`/#${id}`);
  await isWhole(page, texts.length + 2);
});

test('a long text is drawn in parts, and a person can read all of it', { tags: ['nightly'] }, async ({ desk }) => {
  const text = `${'*a_b'.repeat(25_000)}the last words`;
  const output = `${'x'.repeat(30_000)}the last column`;
  const id = await conversation(desk, message(text), ...called(output, null));
  const { page } = await desk.open(`/#${id}`);
  await isWhole(page, 2);
  const long = page.getByRole('article', { name: 'Agent' }).first();
  await long.getByRole('button', { name: /^Show .* more characters/ }).click();
  await long.getByText('the last words').waitFor();
  await expect.poll(async () => (await long.locator('.plain').textContent())?.length).toBe(text.length);
  expect(await long.locator('.part').count()).toBeGreaterThan(50);
  await page.getByRole('button', { name: 'Show full line' }).click();
  await scrollTo(page.getByRole('group', { name: 'Output' }));
  await page.getByText('the last column').waitFor();
});

test('a screenshot with an address that is none leaves its text', { tags: ['nightly'] }, async ({ desk }) => {
  const id = await conversation(desk, ...called('what it saw', { screenshot: 'http://[' }, view));
  const { page } = await desk.open(`/#${id}`);
  await isWhole(page, 1);
  await page.getByText('Full output').click();
  await page.getByText('what it saw').waitFor();
});

test('two approvals below hostile texts are accessible at any width', { tags: ['nightly'] }, async ({ desk }) => {
  const id = await conversation(desk, message('# A list\n\n- a\n\n|a|b|\n|-|-|\n|c|d|'), message(manyBeginnings), {
    ...approval,
    data: {
      ...approval.data,
      ...{ callId: 'call-2', function: 'file_write', args: { path: 'a.ts', content: 'b' } },
      content: { oldContent: 'a\nsame', content: `${'b'.repeat(5_000)}\nsame` },
    },
  });
  for (const size of [phone, wide]) {
    const { page } = await desk.open(`/#${id}`, size);
    await page.getByRole('heading', { name: 'A list' }).waitFor();
    await page.getByRole('group', { name: 'Approval' }).nth(1).waitFor();
    expect(await axeFinds(page)).toEqual([]);
  }
});

test('formulas and diagrams are drawn, and what is none stays text', { tags: ['nightly'] }, async ({ desk }) => {
  const good =
    'Euler: $e^{i\\pi}+1=0$ for $5.\n\n$$\n\\sum_{i=0}^n \\frac{x_i}{2}\n$$\n\n```mermaid\ngraph TD\n  A[Start] --> B[End]\n```\n';
  const bad = '$$\n\\frac{\n$$\n\n```mermaid\nno diagram {{{\n```\n';
  const { id } = await desk.call('sessions.create', { title: 'Drawn' });
  await desk.tell(id, message(good), message(bad), message('the **end**'));
  const { page } = await desk.open(`/#${id}`);
  const answers = page.getByRole('article', { name: 'Agent' });
  await expect.poll(() => answers.first().locator('math').count()).toBe(2);
  expect(await answers.first().locator('math[display=block] mfrac').count()).toBe(1);
  const frame = page.frameLocator('iframe[title=Diagram]').first();
  await frame.locator('tspan').getByText('Start', { exact: true }).first().waitFor();
  expect(await frame.locator('body').evaluate('origin')).toBe('null');
  await answers.nth(1).getByText('\\frac{').waitFor();
  await answers.nth(1).locator('pre').getByText('no diagram {{{').waitFor();
  expect(await axeFinds(page)).toEqual([]);
});
