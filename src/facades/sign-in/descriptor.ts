import { defineFacade } from '../shared/facade.ts';
import { createSignInRoutes } from './routes.ts';

export const signIn = defineFacade({
  label: 'sign-in',
  audience: 'people who sign in with the identity provider of their company',
  tag: 'Server',
  paths: ['/sign-in'],
  documents: '[sign-in.md](sign-in.md)',
  routes: async (parts) => [createSignInRoutes(parts)],
});
