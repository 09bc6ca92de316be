import { expect, test } from 'vitest';
import type { PlanStep, SessionFact } from '../../../../src/core/model/events.ts';
import { splitInHalf, toTaskTitle } from '../../../../src/sessions/run/plan.ts';
import { closePlan, createTodoFacts } from '../../../../src/sessions/run/todo-facts.ts';
import { scribeBench } from '../../../support/machines/session-parts.ts';

const step = (id: string, status: PlanStep['status']): PlanStep => ({ id, description: `step ${id}`, status });
const shown = (facts: readonly SessionFact[]) =>
  facts.map(({ type, data }) => {
    if (type === 'step') return `step ${data.id} ${data.status}`;
    if (type === 'plan') return `plan ${data.steps.map(({ status }) => status).join(' ')}`;
    return type === 'message.assistant' ? `says ${data.text}` : type;
  });

test('a step that ends, its result, the plan and the next step follow one another', () => {
  const { runWriter } = scribeBench({ steps: [step('1', 'running'), step('2', 'pending')] });
  const facts = createTodoFacts(runWriter, [step('1', 'completed'), step('2', 'running')], 'It is read.');
  expect(shown(facts).filter((it) => it !== 'message.delta')).toEqual([
    ...['step 1 completed', 'says It is read.', 'plan completed pending', 'step 2 running'],
  ]);
  expect(runWriter.steps).toEqual([step('1', 'completed'), step('2', 'running')]);
});

test('a step that ends before it was reported as running runs first', () => {
  const { runWriter } = scribeBench({ steps: [step('1', 'pending')] });
  const expected = ['step 1 running', 'step 1 failed', 'plan failed'];
  expect(shown(createTodoFacts(runWriter, [step('1', 'failed')]))).toEqual(expected);
});

test('a plan whose steps only have other words is shown, without steps', () => {
  const { runWriter } = scribeBench({ steps: [step('1', 'running')] });
  expect(shown(createTodoFacts(runWriter, [step('1', 'running'), step('2', 'pending')]))).toEqual([
    'plan running pending',
  ]);
});

test('at the end of a run no step of its plan stays open', () => {
  const open = [step('1', 'completed'), step('2', 'running'), step('3', 'pending')];
  expect(closePlan(open, false).map(({ status }) => status)).toEqual(['completed', 'completed', 'failed']);
  expect(closePlan(open, true).map(({ status }) => status)).toEqual(['completed', 'failed', 'failed']);
});

test.each([
  ['four', ['fo', 'ur']],
  ['a😀', ['a', '😀']],
  ['😀', ['', '😀']],
  ['', ['', '']],
])('%j is sent in two pieces that split no character: %j', (text, pieces) => expect(splitInHalf(text)).toEqual(pieces));

test('a task’s first line is at most 60 characters of it, none of them half', () => {
  expect(toTaskTitle(`${'a'.repeat(59)}😀 and more\nand another line`)).toBe('a'.repeat(59));
  expect(toTaskTitle(' \n ')).toBe('Task');
  expect(toTaskTitle('```sh\necho\n```\nthen this')).toBe('then this');
  expect(toTaskTitle('```file:index.html\n<!doctype html>\n```')).toBe('index.html');
  expect(toTaskTitle('```sh\n\n echo\n```')).toBe('echo');
});
