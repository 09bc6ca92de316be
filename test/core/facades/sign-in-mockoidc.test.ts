// @module-tag nightly
import { test } from 'vitest';
import { buildMockoidc, mockProvider } from '../../support/servers/mockoidc/provider.ts';
import { tested } from './sign-in-provider.ts';

// The tests of sign-ins, with mockoidc as the main provider and oidc-provider as the second one.

const program = await buildMockoidc();
if (program === undefined) test.skip('mockoidc cannot be built: Go or the module is missing', () => {});
else {
  Object.assign(tested, { open: () => mockProvider(program), endsSessions: false });
  await import('./sign-in.test.ts');
}
