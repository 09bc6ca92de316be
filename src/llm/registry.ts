import type { Clock } from '../core/clock.ts';
import { AppError } from '../core/errors.ts';
import type { Secret } from '../core/secret.ts';
import { demoModel } from './demo/demo.ts';
import { geminiModel } from './gemini/gemini.ts';
import type { Model } from './model.ts';

export interface ModelSettings {
  readonly keys: { readonly gemini?: Secret | undefined };
  readonly baseUrls: { readonly gemini?: string | undefined };
  readonly clock: Clock;
  readonly newId: () => string;
}

/** Creates `demo` or `provider/model`. Rejects: invalid_request, which names the variable to set. */
export function createModel(name: string, { keys, baseUrls, clock, newId }: ModelSettings): Model {
  if (name === 'demo') return demoModel();
  const [, provider, model] = /^([^/]+)\/(.+)$/.exec(name) ?? [];
  if (provider !== 'gemini' || model === undefined) {
    throw new AppError(
      'invalid_request',
      `CORRAL_MODEL is "${name}"; it takes demo or gemini/<model>, such as gemini/gemini-2.5-flash.`,
    );
  }
  if (!keys.gemini) {
    throw new AppError(
      'invalid_request',
      `CORRAL_MODEL is "${name}", which needs a key: set GEMINI_API_KEY or GOOGLE_API_KEY.`,
    );
  }
  return geminiModel({
    model,
    key: keys.gemini,
    clock,
    newId,
    ...(baseUrls.gemini !== undefined && { baseUrl: baseUrls.gemini }),
  });
}
