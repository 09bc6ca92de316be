import { expect, test } from 'vitest';
import { AppError } from '../../../../src/core/errors/errors.ts';
import { checkSamplingOptions, parseSampling } from '../../../../src/sessions/projects/agent-config.ts';

test.each([
  [
    { temperature: 0, top_p: 0.9, top_k: 40, max_tokens: 4_096, stop: 'END' },
    { temperature: 0, topP: 0.9, topK: 40, maxOutputTokens: 4_096, stop: ['END'] },
  ],
  [{}, undefined],
  [{ temperature: null, stop: null }, undefined],
])('%j of an agent’s configuration is %j for the model', (options, sampling) => {
  expect(() => checkSamplingOptions(options)).not.toThrow();
  expect(parseSampling(options)).toEqual(sampling);
});

test.each([
  [{ temprature: 1 }, /temprature is not a known field. Known fields: temperature, /],
  [{ temperature: 3 }, /temperature/],
  [{ max_tokens: 1.5 }, /max_tokens/],
  [{ stop: [''] }, /stop/],
])('%j is refused, and the text says what is wrong', (options, text) => {
  expect(() => checkSamplingOptions(options)).toThrow(AppError);
  expect(() => checkSamplingOptions(options)).toThrow(text);
});
