// `node scripts/check-patterns.ts [files…]`: refuses regular expressions whose time can grow faster than their input,
// because untrusted input reaches the server's only thread. It reads literals and the constant parts of `RegExp(…)`.
import { globSync, readFileSync } from 'node:fs';
import { analyse } from 'scslre';
import ts from 'typescript';

/** Allowed patterns, each with the reason why it never matches long untrusted text. */
const exceptions: Readonly<Record<string, string>> = {};

const product = '{src,drivers,machines,sandbox-images,clients}/**/*.{ts,tsx,js,mjs}';
const isOwn = (file: string) => !/(^|\/)(node_modules|dist)\//.test(file);
interface Pattern {
  readonly source: string;
  readonly flags: string;
}

let bad = 0;
let read = 0;
for (const file of process.argv.length > 2 ? process.argv.slice(2) : globSync(product).filter(isOwn)) {
  const tree = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const constants = constantsOf(tree);
  const visit = (node: ts.Node): void => {
    const pattern = patternOf(node, constants);
    if (pattern) check(`${file}:${tree.getLineAndCharacterOfPosition(node.getStart()).line + 1}`, pattern);
    ts.forEachChild(node, visit);
  };
  visit(tree);
}
if (process.argv.length <= 2 && read < 500) fail(`only ${read} patterns were found`);
process.exitCode = bad > 0 ? 1 : 0;

function fail(text: string): void {
  bad += 1;
  console.error(text);
}

function check(place: string, { source, flags }: Pattern): void {
  read += 1;
  if (source in exceptions) return;
  const reports = (() => {
    try {
      return analyse({ source, flags }).reports;
    } catch (thrown) {
      fail(`${place}: /${source}/${flags} cannot be analysed: ${(thrown as Error).message}`);
      return [];
    }
  })();
  const [first] = reports;
  if (!first) return;
  const cost = first.exponential ? 'exponential' : 'super-linear';
  fail(`${place}: /${source}/${flags} is ${cost} in runs of ${JSON.stringify(first.character.pick)} (${first.type})`);
}

function patternOf(node: ts.Node, constants: ReadonlyMap<string, ts.Expression>): Pattern | undefined {
  if (ts.isRegularExpressionLiteral(node)) {
    const end = node.text.lastIndexOf('/');
    return { source: node.text.slice(1, end), flags: node.text.slice(end + 1) };
  }
  if (!(ts.isNewExpression(node) || ts.isCallExpression(node)) || node.expression.getText() !== 'RegExp')
    return undefined;
  const [source, flags] = node.arguments ?? [];
  return source && { source: textOf(source, constants), flags: flags ? textOf(flags, constants) : '' };
}

function constantsOf(tree: ts.SourceFile): Map<string, ts.Expression> {
  const found = new Map<string, ts.Expression>();
  const visit = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node) && ts.isIdentifier(node.name) && node.initializer)
      found.set(node.name.text, node.initializer);
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

/** The text of an expression. Parts known only at run time become one letter. */
function textOf(node: ts.Expression, constants: ReadonlyMap<string, ts.Expression>): string {
  const inner = (one: ts.Expression) => textOf(one, constants);
  if (ts.isStringLiteralLike(node)) return node.text;
  if (ts.isRegularExpressionLiteral(node)) return node.text.slice(1, node.text.lastIndexOf('/'));
  if (ts.isTemplateExpression(node))
    return node.head.text + node.templateSpans.map((span) => inner(span.expression) + span.literal.text).join('');
  if (ts.isTaggedTemplateExpression(node) && node.tag.getText() === 'String.raw') return rawOf(node.template, inner);
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken)
    return inner(node.left) + inner(node.right);
  if (ts.isPropertyAccessExpression(node) && node.name.text === 'source') return inner(node.expression);
  if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
    const { name, expression: list } = node.expression;
    const [joint] = node.arguments;
    if (name.text === 'join' && ts.isArrayLiteralExpression(list))
      return list.elements.map(inner).join(joint ? inner(joint) : ',');
  }
  const constant = ts.isIdentifier(node) ? constants.get(node.text) : undefined;
  return constant ? textOf(constant, new Map([...constants].filter(([, one]) => one !== constant))) : 'x';
}

function rawOf(template: ts.TemplateLiteral, inner: (one: ts.Expression) => string): string {
  const raw = (part: ts.TemplateLiteralLikeNode) => part.rawText ?? part.text;
  if (ts.isNoSubstitutionTemplateLiteral(template)) return raw(template);
  return raw(template.head) + template.templateSpans.map((one) => inner(one.expression) + raw(one.literal)).join('');
}
