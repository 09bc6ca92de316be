import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { findAskedTask } from '../../../../src/agents/models/demo/tasks/list.ts';
import { de } from '../../../../src/web/text/de/all.ts';
import { en } from '../../../../src/web/text/en/all.ts';

// Texts that are the same in both languages, because the words are.
const same = new Set(
  `
    server.part.budgets tab.desktop screen.title screen.screen memory.version keys.role.admin built.builds chat
    notDone token agent budget.tokens plan retry.in timeline.at share.link tab.terminal terminal.list terminal.own
    terminal.agent timeline.pause processes.pid screen.live preview.port repository ship.reviews usage.by.person
    webhooks members.of.person theme.system settings.server administration.files.count timeline.lane.sandbox
    administration.audit.text attempts.state ship.ports timeline.live uploads
  `
    .trim()
    .split(/\s+/),
);
const german: Readonly<Record<string, string>> = de;
const english: Readonly<Record<string, string>> = en;
const placeholders = (text: string) => [...new Set(text.match(/\{\w+\}/g))].sort();
const isSingular = (key: string) => key.endsWith('.one');

test('both languages have the same texts', () =>
  expect(Object.keys(german).sort()).toEqual(Object.keys(english).sort()));

test('a translation has the same values in it', () => {
  const keys = Object.keys(english).filter((key) => !isSingular(key));
  const of = (texts: Readonly<Record<string, string>>) =>
    Object.fromEntries(keys.map((key) => [key, placeholders(texts[key] ?? '')]));
  expect(of(german)).toEqual(of(english));
});

test('no text was left in English', () => {
  expect(Object.keys(english).filter((key) => english[key] === german[key] && !same.has(key))).toEqual([]);
  const words = /\b(the|and|with|your|this|from|cannot|session|of)\b/i;
  expect(Object.entries(german).filter(([, text]) => words.test(text.replace(/\{\w+\}/g, '')))).toEqual([]);
});

test('the demo knows the tasks of the start page in each language', () => {
  const texts = [english, german].flatMap((all) => Object.entries(all).filter(([key]) => /^task\.\w+Text$/.test(key)));
  expect(texts).toHaveLength(6);
  for (const [key, text] of texts) expect(findAskedTask(text)?.task.ends.en, key).toContain('.html');
});

test('no component has words of its own', () => {
  const words = [
    /\s(?:aria-label|title|placeholder|alt)="[^"]*[A-Za-z]{2,} [^"]*"/g,
    />\s*[A-Z][a-z]+(?: [a-z]+)+[^<{}]*</g,
  ];
  const found = globSync('src/web/**/*.tsx').flatMap((path) =>
    words.flatMap((pattern) => [...readFileSync(path, 'utf8').matchAll(pattern)].map(([text]) => `${path}: ${text}`)),
  );
  expect(found).toEqual([]);
});
