import { z } from 'zod';
import type { App } from '../../../http/routes/routes.ts';
import { envelopeReply, toSuccessEnvelope } from '../../shared/envelope.ts';
import { describeNonSessionRoute as about } from './context.ts';

const Auth = z.object({ authenticated: z.literal(true), auth_provider: z.literal('none') });
const FrontEnd = z.object({
  auth_provider: z.literal('none'),
  show_github_button: z.boolean(),
  github_repository_url: z.string(),
  google_analytics_id: z.null(),
  claw_enabled: z.boolean(),
});
const auth: z.output<typeof Auth> = { authenticated: true, auth_provider: 'none' };
const frontEnd: z.output<typeof FrontEnd> = {
  auth_provider: 'none',
  show_github_button: false,
  github_repository_url: '',
  google_analytics_id: null,
  claw_enabled: false,
};

/** Mounts the routes that later front ends call when they start. */
export function mountFrontEndConfig(app: App): void {
  app.get(
    '/api/v1/auth/status',
    about('AuthStatus', 'Report that only the token is needed to log in', {
      schema: { response: { 200: envelopeReply(Auth, auth) } },
    }),
    async () => toSuccessEnvelope(auth),
  );
  app.get(
    '/api/v1/config/frontend',
    about('FrontEndConfig', 'Settings of the front end', {
      schema: { response: { 200: envelopeReply(FrontEnd, frontEnd) } },
    }),
    async () => toSuccessEnvelope(frontEnd),
  );
}
