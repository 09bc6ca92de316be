import { createHash } from 'node:crypto';
import type { Secret } from '../../core/secret.ts';
import type { Model } from '../../llm/model.ts';
import { splitModel } from './providers.ts';

interface Deps {
  /** The stored key, else the configured one. */
  readonly keyFor: (provider: string) => Promise<Secret | undefined>;
  /** Throws when the model cannot be created. */
  readonly create: (name: string, key: Secret | undefined) => Model;
}
const kept = 64;

/** Creates each model once, and again after its key changes. */
export function modelCache({ keyFor, create }: Deps): (name: string) => Promise<Model> {
  const made = new Map<string, Model>();
  return async (name) => {
    const key = await keyFor(splitModel(name).provider);
    const id = `${name} ${createHash('sha256')
      .update(key?.reveal() ?? '')
      .digest('hex')}`;
    const found = made.get(id);
    if (found) return found;
    const model = create(name, key);
    const [oldest] = made.keys();
    if (made.size >= kept && oldest !== undefined) made.delete(oldest);
    made.set(id, model);
    return model;
  };
}
