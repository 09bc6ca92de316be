import { expect, test } from 'vitest';
import { type FormulaNode, parseFormula } from '../../../../src/web/parsing/formula.ts';
import { type MarkdownNode, parseMarkdown } from '../../../../src/web/parsing/markdown.ts';

const namesIn = (node: FormulaNode): string[] =>
  typeof node === 'string' ? [] : [node.name, ...node.inner.flatMap(namesIn)];
const textIn = (node: FormulaNode): string => (typeof node === 'string' ? node : node.inner.map(textIn).join(''));
const formulasIn = (nodes: readonly MarkdownNode[]): string[] =>
  nodes.flatMap((node) => {
    if (typeof node === 'string') return [];
    if (node.kind === 'formula') return [`${node.isBlock ? 'block' : 'inline'} ${node.tex}`];
    if ('items' in node) return node.items.flatMap(({ inner }) => formulasIn(inner));
    return 'inner' in node ? formulasIn(node.inner) : [];
  });

test('LaTeX becomes MathML without its source', () => {
  const read = parseFormula('\\frac{a}{b} + \\sum_{i=0}^n x_i', true);
  expect(read && namesIn(read)).toEqual(expect.arrayContaining(['math', 'mfrac', 'munderover', 'msub']));
  expect(read && textIn(read)).toBe('ab+∑i=0nxi');
  expect(read).toMatchObject({ attributes: { display: 'block' } });
});

test.each([
  ['a link', '\\href{javascript:alert(1)}{x}'],
  ['a picture', '\\includegraphics{https://example.com/a.png}'],
  ['HTML', '\\htmlStyle{position:fixed}{x}'],
  ['an endless macro', '\\def\\a{\\a\\a}\\a'],
  ['no LaTeX', '\\frac{'],
  ['too much text', 'x'.repeat(5_001)],
  ['too many elements', 'x_1'.repeat(1_600)],
  ['too deep nesting', `${'\\sqrt{'.repeat(400)}x${'}'.repeat(400)}`],
])('%s gives nothing that could act, and may stay text', (_what, tex) => {
  let read: FormulaNode | undefined;
  try {
    read = parseFormula(tex, false);
  } catch {
    return; // the worker answers without an output, so the page shows the text
  }
  expect(JSON.stringify(read ?? null)).not.toMatch(/"href"|javascript|"src"|"style"|example\.com/);
});

test('a huge size is bounded', () =>
  expect(JSON.stringify(parseFormula('\\rule{999999em}{999999em}', false))).not.toContain('999999'));

test('formulas are found in a line and on lines of their own, and prices stay prices', () => {
  const found = (text: string) => formulasIn(parseMarkdown(text));
  expect(found('Euler: $e^{i\\pi}+1=0$, and \\(a_b\\).')).toEqual(['inline e^{i\\pi}+1=0', 'inline a_b']);
  expect(found('Text\n$$\n\\int x\n$$\nmore\n\n\\[ y \\]\n\n- $z$')).toEqual(['block \\int x', 'block y', 'inline z']);
  expect(found('```math\nx^2\n```\n\n```latex\nx\n```')).toEqual(['block x^2']);
  expect([found('It costs $5 and $10, or \\$3 to 4$.'), found('`$x$` and $ x $ and $$')]).toEqual([[], []]);
});

test('a text full of signs is read in little time', () => {
  for (const sign of ['$', '$$', '\n$$\n', '\\(', '\\[', '$a ', '\n\\[a'])
    expect(formulasIn(parseMarkdown(sign.repeat(40_000)))).toBeDefined();
});
