import { expect, test } from 'vitest';
import { AppError, endsWithSandbox } from '../../../../src/core/errors/errors.ts';
import { Preparation } from '../../../../src/sessions/repositories/preparation.ts';

type Dependencies = ConstructorParameters<typeof Preparation>[0];

test.each([...endsWithSandbox])(
  'a setup that ends with %s is no failure of its own, so the next sandbox runs it again',
  async (code) => {
    const files = { isOn: false, clear: () => Promise.reject(new AppError(code, 'It stalled.')) };
    const preparation = new Preparation({ files } as unknown as Dependencies);
    const wish = { repository: { path: 'app' }, found: undefined, mayKeep: false };
    const found = { setup: undefined };
    const preparing = preparation.prepare({} as never, { ...wish, found } as never, new AbortController().signal);
    await expect(preparing).rejects.toMatchObject({ code });
  },
);
