// @module-tag nightly
import { test } from 'vitest';
import { has, needs } from '../../support/servers/components.ts';
import { mockProvider } from '../../support/servers/mockoidc/provider.ts';
import { tested } from './sign-in-provider.ts';

// The tests of sign-ins, with mockoidc as the main provider and oidc-provider as the second one.

if (await has('mockoidc')) {
  Object.assign(tested, { open: mockProvider, endsSessions: false });
  await import('./sign-in.test.ts');
} else test('people sign in with mockoidc', (context) => needs(context, 'mockoidc'));
