/** A word or an operator of a command line, with quotes removed and variables expanded as in bash. */
export type Token = { readonly kind: 'word' | 'operator'; readonly text: string };
type Rule = readonly [pattern: RegExp, apply: (found: readonly string[]) => void];

/** Undefined: a quote is not closed. */
export function tokenize(line: string, variable: (name: string) => string): Token[] | undefined {
  const tokens: Token[] = [];
  let word: string | undefined;
  const add = (text: string) => {
    word = (word ?? '') + text;
  };
  const flush = () => {
    if (word !== undefined) tokens.push({ kind: 'word', text: word });
    word = undefined;
  };
  const expand = (text: string) =>
    text.replace(/\$(?:\{(\w+|\?)\}|(\w+|\?))/g, (_, braced, plain) => variable(braced ?? plain));
  const rules: readonly Rule[] = [
    [/^[ \t]+/, flush],
    [/^'([^']*)'/, ([, text = '']) => add(text)],
    [/^"((?:[^"\\]|\\.)*)"/s, ([, text = '']) => add(expand(text).replace(/\\(["\\$`])/g, '$1'))],
    [/^\\(.)/s, ([, text = '']) => add(text)],
    [
      /^(?:2>&1|&&|\|\||>>|[;&|><\n])/,
      ([text = '']) => {
        flush();
        tokens.push({ kind: 'operator', text });
      },
    ],
    [/^[^\s'"\\;&|><]+/, ([text = '']) => add(expand(text))],
  ];

  let rest = line;
  while (rest !== '') {
    if (word === undefined) rest = rest.replace(/^#[^\n]*/, '');
    const rule = rules.find(([pattern]) => pattern.test(rest));
    const found = rule?.[0].exec(rest);
    if (!rule || !found) {
      if (rest === '') break;
      return undefined;
    }
    rule[1](found);
    rest = rest.slice(found[0].length);
  }
  flush();
  return tokens;
}
