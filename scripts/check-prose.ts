// `node scripts/check-prose.ts [files…]`: checks comments and documents against the rules of plain English that a
// script can check (docs/development.md). Prints file:line, the rule and the sentence.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { extractMessages, extractSentences, type Sentence } from './prose.ts';

const maxWords = 40;
/** A pronoun must not precede its noun. */
const pronounFirst = /^(It|Its|They|Their|He|She|Them|Those|These) /;
const relativeSubject = /^(What|Who|Whoever|Whatever|Whom|Whose|That|Nobody|Somebody|Whichever) (?!is (new|next)\b)/;
/** A fragment whose subject is the name below it, which the reader has to read first. */
const fragment = /^(Of|As|For) /;
const oldWords =
  /\b(whoever|whatever|whichever|wherever|anew|mend|mends|mended|mending|till|lest|thereof|hitherto|wishes|wished)\b/i;

const translatedWords: Readonly<Record<string, string>> = {
  asked: 'requested, called',
  given: 'the, provided, set',
  'heard|hears of': 'received, is notified of',
  said: 'set, shown, replied',
  shall: 'must, will',
  told: 'reported, notified, shown',
  wanted: 'requested, expected',
  whom: 'who, the noun',
  'wish|wishes': 'request, option',
};
const translatedMessage = new RegExp(
  `\\b(${[...Object.keys(translatedWords), 'anew', 'meanwhile', 'mend', 'till', 'whatever', 'whoever'].join('|')})\\b`,
  'i',
);
const translated = new RegExp(`\\b(${Object.keys(translatedWords).join('|')})\\b`, 'i');
const betterFor = (word: string) =>
  Object.entries(translatedWords).find(([words]) => words.split('|').includes(word.toLowerCase()))?.[1];

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
const listing = ['ls-files', '--cached', '--others', '--exclude-standard'];
const files = process.argv.length > 2 ? process.argv.slice(2) : listed();
let broken = 0;
for (const file of files) {
  const source = readFileSync(file, 'utf8');
  const isProduct = file.endsWith('.ts') && !file.startsWith('test/');
  for (const { line, text } of isProduct ? extractMessages(source) : []) {
    const word = translatedMessage.exec(text)?.[1];
    if (word === undefined) continue;
    broken += 1;
    console.error(`${file}:${line}: a message with the translated word "${word}": ${text.slice(0, 120)}`);
  }
  for (const sentence of extractSentences(file, source)) {
    for (const [why, breaks] of rules) {
      if (!breaks(sentence, file)) continue;
      broken += 1;
      console.error(`${file}:${sentence.line}: ${why}: ${sentence.text.slice(0, 120)}`);
    }
    const word = file.endsWith('.ts') || file.endsWith('.tsx') ? translated.exec(sentence.text)?.[1] : undefined;
    if (word === undefined || file.startsWith('test/')) continue;
    broken += 1;
    console.error(
      `${file}:${sentence.line}: instead of "${word}" write ${betterFor(word)}: ${sentence.text.slice(0, 120)}`,
    );
  }
}
if (broken > 0) console.error(`${broken} sentences to rewrite`);
process.exitCode = broken > 0 ? 1 : 0;
