import { z } from 'zod';
import { integer, text } from '../../config/kinds.ts';
import { optional, setting } from '../../config/setting.ts';

/** The settings of this facade. */
export const previewSettings = z.strictObject({
  domain: optional(
    text('a domain, with http:// and its port where it needs them', /^(https?:\/\/)?[a-z0-9.-]+(:\d{1,5})?$/),
    'the domain whose names `<port>-<session>.<domain>` lead to this server; default: below localhost, for pages opened on this machine',
  ),
  maxHours: setting(integer(1), 168, 'the longest life of a preview'),
});
