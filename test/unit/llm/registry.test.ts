import { expect, test } from 'vitest';
import { Secret } from '../../../src/core/secret.ts';
import { createModel } from '../../../src/llm/registry.ts';
import { manualClock } from '../../support/manual-clock.ts';

const settings = { keys: {}, baseUrls: {}, clock: manualClock(), newId: () => 'id' };

test('the demo model needs nothing', () => expect(createModel('demo', settings).name).toBe('demo'));

test('a Gemini model is called by its name', () => {
  const keys = { gemini: new Secret('k') };
  expect(createModel('gemini/gemini-2.5-flash', { ...settings, keys }).name).toBe('gemini/gemini-2.5-flash');
});

test('a missing key is refused with the variables that take it', () => {
  expect(() => createModel('gemini/gemini-2.5-flash', settings)).toThrow(/GEMINI_API_KEY or GOOGLE_API_KEY/);
});

test.each(['gpt/5', 'gemini', 'gemini/', '', 'demo/x'])(
  'the model %j is refused with what CORRAL_MODEL takes',
  (name) => {
    const keys = { gemini: new Secret('k') };
    expect(() => createModel(name, { ...settings, keys })).toThrow(/invalid_request: CORRAL_MODEL.*demo or gemini/);
  },
);
