import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { readPromptParts } from '../../../../../src/sessions/run/prompt/overrides.ts';
import {
  checkPromptPart,
  promptPartNames,
  readBuiltInPromptParts,
} from '../../../../../src/sessions/run/prompt/parts.ts';
import { temporaryFolder } from '../../../../support/stores/store.ts';

let folder: ReturnType<typeof temporaryFolder>;
const put = (name: string, text: string | Uint8Array) => writeFileSync(join(folder.path, name), text);
beforeEach(() => {
  folder = temporaryFolder();
  return () => folder[Symbol.dispose]();
});

test('a file replaces the part of its name, and all others stay', () => {
  put('rules.md', '# Rules\n\nBe kind.\n');
  put('.hidden', 'x');
  expect(readPromptParts(folder.path)).toEqual({ ...readBuiltInPromptParts(), rules: '# Rules\n\nBe kind.' });
});

test('a missing folder replaces nothing, and an empty file leaves its part out', () => {
  expect(readPromptParts(join(folder.path, 'none'))).toEqual(readBuiltInPromptParts());
  put('role.md', '');
  expect(readPromptParts(folder.path).role).toBe('');
});

test('every mistake is named at once, with the parts that there are', () => {
  put('rulez.md', 'x');
  put('role.md', 'x'.repeat(16 * 1024 + 1));
  put('step.md', 'Do it.');
  put('answer.md', 'At {{time}}');
  put('plan.md', new Uint8Array([0xff, 0xfe, 0x00]));
  put('environment.md', 'You are at {{workdir}}.');
  mkdirSync(join(folder.path, 'memory.md'));
  const mistakes = [
    'answer.md has the unknown placeholder {{time}}; placeholders of the part answer: none',
    'environment.md lacks the line "Working directory: {{workdir}}"',
    'memory.md cannot be read as a part of the prompt: EISDIR',
    'plan.md cannot be read as a part of the prompt: it is not UTF-8 text',
    'role.md has 16385 bytes; a part of the prompt can have at most 16384',
    'rulez.md is not a part of the prompt. The parts are: project.md, role.md',
    'step.md lacks the placeholder {{step}}',
  ];
  const inTurn = new RegExp(mistakes.map((it) => it.replace(/[{}.]/g, '\\$&')).join('[\\s\\S]*'));
  const expected = { code: 'invalid_request', publicMessage: expect.stringMatching(inTurn) };
  expect(() => readPromptParts(folder.path)).toThrow(expect.objectContaining(expected));
});

test.each(promptPartNames)('the own part %s keeps the rules for overrides', (name) =>
  expect(() => checkPromptPart(name, readBuiltInPromptParts()[name], name)).not.toThrow(),
);
