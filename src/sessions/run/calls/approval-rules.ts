import type { ApprovalRule } from '../../../core/model/approval-rule.ts';
import { anyGlob } from '../../../core/text/glob.ts';

interface RuledCall {
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>>;
}

/** The first rule that is about the call; undefined: none is. */
export const ruleFor = (rules: readonly ApprovalRule[], call: RuledCall): ApprovalRule | undefined =>
  rules.find((rule) => anyGlob([rule.tool])(call.name) && isAbout(rule, call));

const subjects = ['command', 'file', 'path', 'url', 'query', 'code'] as const;
// One command line can hold several commands: each of these ends one or begins another.
const operators = /[;&|<>()`\r\n]/g;

function isAbout({ action, pattern }: ApprovalRule, { args }: RuledCall): boolean {
  if (pattern === undefined) return true;
  const { subject, text } = subjectOf(args);
  if (subject !== 'command') return fits(pattern, text);
  const whole = text.trim();
  // A permission covers no command that somebody appends: `git *` does not allow `git status; rm -r .`
  if (action === 'allow') return fits(pattern, whole) && operatorsIn(whole) === operatorsIn(pattern);
  return [whole, ...text.split(operators)].some((part) => fits(pattern, part.trim()));
}

function subjectOf(args: RuledCall['args']): { readonly subject: string; readonly text: string } {
  for (const subject of subjects) {
    const text = args[subject];
    if (typeof text === 'string') return { subject, text };
  }
  return { subject: 'arguments', text: JSON.stringify(args) };
}

const operatorsIn = (text: string): number => text.match(operators)?.length ?? 0;

/** `*` stands for any text. A pattern that ends in ` *` also fits a command without arguments. */
const fits = (pattern: string, text: string): boolean =>
  fitsExactly(pattern, text) || (pattern.endsWith(' *') && fitsExactly(pattern.slice(0, -2), text));

/** The time grows with the length of the text alone, so a pattern cannot make it long. */
function fitsExactly(pattern: string, text: string): boolean {
  const [first = '', ...more] = pattern.split('*');
  const last = more.pop();
  if (last === undefined) return text === pattern;
  if (!text.startsWith(first) || !text.endsWith(last)) return false;
  let at = first.length;
  for (const part of more) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= text.length - last.length;
}
