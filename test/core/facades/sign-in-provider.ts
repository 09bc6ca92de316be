import { type IdentityProvider, identityProvider } from '../../support/servers/identity-provider.ts';

/** The main provider of the tests of sign-ins. */
export const tested: {
  open(callback: string, backchannel: string): Promise<IdentityProvider>;
  /** The provider ends its own sessions, and reports when they end. */
  readonly endsSessions: boolean;
} = { open: identityProvider, endsSessions: true };
