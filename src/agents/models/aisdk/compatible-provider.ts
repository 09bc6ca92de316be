import type { Provider } from '../provider.ts';
import { compatibleListing } from './compatible-list.ts';

/** A server of the operator that speaks Chat Completions, under the operator's name for it. */
export const compatibleProvider = (name: string, baseUrl: string): Provider => ({
  name,
  label: name,
  models: [],
  access: {
    keyVariables: [`models.compatible.${name}.api-key`],
    baseUrl,
    keyCheck: { path: '/models', headers: (key) => ({ authorization: `Bearer ${key}` }) },
    listing: compatibleListing,
  },
  abilities: () => ({ unproven: true }),
  build: async (options) => {
    const [{ aiSdkModel }, { compatibleAdapter }] = await Promise.all([
      import('./aisdk.ts'),
      import('./compatible.ts'),
    ]);
    return aiSdkModel({ ...options, adapter: compatibleAdapter });
  },
});
