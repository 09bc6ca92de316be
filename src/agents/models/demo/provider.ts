import type { Provider } from '../provider.ts';

export const demoProvider = {
  name: 'demo',
  label: 'Demo',
  models: [{ id: 'demo', name: 'Demo (no key, no network)' }],
  access: null,
  abilities: () => ({}),
  build: async () => (await import('./demo.ts')).createDemoModel(),
} as const satisfies Provider;
