import { expect, test } from 'vitest';
import { AppError } from '../../../../src/core/errors/errors.ts';
import { checkSamplingOptions, parseSampling } from '../../../../src/sessions/projects/sampling.ts';

test('the names of agent configurations become the model port’s', () => {
  const options = { temperature: 0, top_p: 0.9, top_k: 40, max_tokens: 4_096, stop: 'END' };
  expect(() => checkSamplingOptions(options)).not.toThrow();
  const expected = { temperature: 0, topP: 0.9, topK: 40, maxOutputTokens: 4_096, stop: ['END'] };
  expect(parseSampling(options)).toEqual(expected);
});

test('missing or null options leave the choice to the provider', () => {
  for (const options of [{}, { temperature: null, stop: null }]) {
    expect(() => checkSamplingOptions(options)).not.toThrow();
    expect(parseSampling(options)).toBeUndefined();
  }
});

test.each([
  [{ temprature: 1 }, /temprature is not known; these are: temperature, /],
  [{ temperature: 3 }, /temperature/],
  [{ max_tokens: 1.5 }, /max_tokens/],
  [{ stop: [''] }, /stop/],
])('%j is refused, and the text says what is wrong', (options, text) => {
  expect(() => checkSamplingOptions(options)).toThrow(AppError);
  expect(() => checkSamplingOptions(options)).toThrow(text);
});
