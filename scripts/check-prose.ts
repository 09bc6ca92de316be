// `node scripts/check-prose.ts [files…]`: checks comments and documents against those rules of plain English that a
// machine can check. docs/development.md explains the rules. Prints file:line, the rule and the sentence.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { proseOf, type Sentence } from './prose.ts';

const maxWords = 40;
/** A reader meets the thing before the pronoun that stands for it. */
const pronounFirst = /^(It|Its|They|Their|He|She|Them|Those|These) /;
const relativeSubject = /^(What|Who|Whoever|Whatever|Whom|Whose|That|Nobody|Somebody|Whichever) (?!is (new|next)\b)/;
/** A fragment whose subject is the name below it: the reader has to read the code first. */
const fragment = /^(Of|As|For) /;
const oldWords =
  /\b(whoever|whatever|whichever|wherever|anew|mend|mends|mended|mending|till|lest|thereof|hitherto|wishes|wished)\b/i;

const rules: readonly [why: string, breaks: (sentence: Sentence, file: string) => boolean][] = [
  ['begins with a pronoun: name the thing', ({ text, isFirst }) => isFirst && pronounFirst.test(text)],
  ['its subject is "what", "who" or "that": name the thing', ({ text }) => relativeSubject.test(text)],
  [
    'a comment that begins with "Of", "As" or "For": begin with the thing',
    ({ text, isFirst }, file) => isFirst && !file.endsWith('.md') && fragment.test(text),
  ],
  ['an old or translated word', ({ text }) => oldWords.test(text)],
  [`more than ${maxWords} words`, ({ text }) => text.split(/\s+/).length > maxWords],
];

const listed = () =>
  execFileSync('git', [...listing, '*.ts', '*.tsx', '*.md', '*.js', '*.yaml', '*.mjs'], { encoding: 'utf8' })
    .trim()
    .split('\n');
/** New files too, before git knows them. */
const listing = ['ls-files', '--cached', '--others', '--exclude-standard'];
const files = process.argv.length > 2 ? process.argv.slice(2) : listed();
let broken = 0;
for (const file of files) {
  for (const sentence of proseOf(file, readFileSync(file, 'utf8'))) {
    for (const [why, breaks] of rules) {
      if (!breaks(sentence, file)) continue;
      broken += 1;
      console.error(`${file}:${sentence.line}: ${why}: ${sentence.text.slice(0, 120)}`);
    }
  }
}
if (broken > 0) console.error(`${broken} sentences to rewrite`);
process.exitCode = broken > 0 ? 1 : 0;
