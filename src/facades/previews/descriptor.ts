import { z } from 'zod';
import { integerValue, textValue } from '../../config/kinds.ts';
import { defineOptionalSetting, defineSetting } from '../../config/setting.ts';
import { defineFacade } from '../shared/facade.ts';
import { createRestRoutes } from '../shared/rest.ts';
import { createPreviewRoutes } from './routes.ts';

const previewSettings = z.strictObject({
  domain: defineOptionalSetting(
    textValue('a domain, with http:// and its port where it needs them', /^(https?:\/\/)?[a-z0-9.-]+(:\d{1,5})?$/),
    'the domain whose names `<port>-<session>.<domain>` lead to this server; default: below localhost, for pages opened on this machine',
  ),
  maxHours: defineSetting(integerValue(1), 168, 'the maximum lifetime of a preview, in hours'),
});

export const previews = defineFacade({
  label: 'previews',
  audience: 'browsers and programs that open the ports of a sandbox, each under an origin of its own',
  tag: 'Previews',
  paths: ['/previews', '/api/v1/sessions/{id}/ports', '/api/v1/sessions/{id}/previews'],
  documents: '[previews.md](previews.md), `/docs`, `/redoc`',
  settings: previewSettings,
  routes: async (parts) => [createPreviewRoutes(parts), createRestRoutes(parts, 'Previews')],
});
