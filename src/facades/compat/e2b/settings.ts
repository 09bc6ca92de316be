import { z } from 'zod';
import { byteSizeValue, integerValue, listOf, oneOf, textValue } from '../../../config/kinds.ts';
import { defineOptionalSetting, defineSetting } from '../../../config/setting.ts';

export const e2bSettings = z.strictObject({
  facade: defineSetting(oneOf('off', 'on'), 'off', 'whether programs written on the E2B SDKs can use this server'),
  domain: defineOptionalSetting(
    textValue('a domain, with a port if needed', /^[a-z0-9.-]+(:\d{1,5})?$/),
    'domain whose names `<port>-<id>.<domain>` resolve to this server; default: localhost with its port',
  ),
  maxSeconds: defineSetting(integerValue(1), 86_400, 'maximum lifetime that a program can set'),
  maxUploadBytes: defineSetting(byteSizeValue(1), '1GiB', 'largest upload of a program'),
  templates: defineSetting(
    listOf('names, or name=template', z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}(=[a-z][a-z0-9_-]{0,40})?$/)),
    ['base', 'code-interpreter-v1=code-interpreter'],
    "templates that programs can use; each starts the template after `=`, or the server's sandbox image",
  ),
  root: defineSetting(
    oneOf('alias', 'refuse'),
    'alias',
    'whether requests for the user root run as the usual user or are refused',
  ),
  pause: defineSetting(
    oneOf('auto', 'memory', 'files'),
    'auto',
    'what a pause keeps if processes cannot be frozen: auto refuses a pause and keeps the files at the timeout, memory refuses both, files keeps the files in both',
  ),
});
export type E2bSettings = z.output<typeof e2bSettings>;

/** By name; undefined selects the server's own image and limits. */
export const parseTemplateAliases = ({
  templates,
}: Pick<E2bSettings, 'templates'>): ReadonlyMap<string, string | undefined> =>
  new Map(templates.map((entry) => entry.split('=') as [string, string?]).map(([name, template]) => [name, template]));
