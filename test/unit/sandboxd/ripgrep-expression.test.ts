import { expect, test } from 'vitest';
import { forRipgrep } from '../../../sandbox-images/sandboxd/files/search.ts';

test.each([
  ['Flask(\\(| is)', 'Flask(\\(| is)'],
  ['[[:digit:]]{2,3}x{4}y{5,}', '[[:digit:]]{2,3}x{4}y{5,}'],
  ['[^[]', '[^\\[]'],
  ['[[]x', '[\\[]x'],
  ['[]a[:alpha:][]', '[]a[:alpha:]\\[]'],
  ['[a&&b~~c]', '[a\\&\\&b\\~\\~c]'],
  ['[\\]]', '[\\]]'],
  ['if (x) {', 'if (x) \\{'],
  ['a{}', 'a\\{}'],
  ['a{b,c}', 'a\\{b,c}'],
  ['\\{1}', '\\{1}'],
  ['\\p{Greek}\\d', '\\p{Greek}\\d'],
  ['[', '['],
  ['(', '('],
])('%j is told as %j', (posix, told) => expect(forRipgrep(posix)).toBe(told));
