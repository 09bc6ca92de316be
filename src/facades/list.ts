import type { z } from 'zod';
import { cambio } from './cambio/descriptor.ts';
import { crogia } from './crogia/descriptor.ts';
import { desktop } from './desktop/descriptor.ts';
import { e2b } from './e2b/descriptor.ts';
import { guide } from './guide/descriptor.ts';
import { mcp } from './mcp/descriptor.ts';
import { opencodex } from './opencodex/descriptor.ts';
import { server, webClient } from './server/descriptor.ts';
import type { DialectDescriptor } from './shared/dialect.ts';
import { sheikhbox } from './sheikhbox/descriptor.ts';
import { streams } from './streams/descriptor.ts';
import { trpc } from './trpc/descriptor.ts';
import { workspace } from './workspace/descriptor.ts';

/** Every dialect by its name, in the order in which the server mounts them. A new dialect needs a line here. */
export const dialects = {
  server,
  webClient,
  sheikhbox,
  cambio,
  desktop,
  crogia,
  streams,
  mcp,
  trpc,
  workspace,
  opencodex,
  guide,
  e2b,
};

type DialectName = keyof typeof dialects;
type SettingsOf<Descriptor> = Descriptor extends { readonly settings?: infer Settings } ? NonNullable<Settings> : never;
type Sections = {
  [Name in DialectName as string extends keyof z.output<SettingsOf<(typeof dialects)[Name]>>
    ? never
    : Name]: SettingsOf<(typeof dialects)[Name]>;
};
const all: readonly (readonly [string, DialectDescriptor])[] = Object.entries(dialects) as never;

/** The sections of the settings, for dialects that have any. */
export const dialectSections = Object.fromEntries(
  all.flatMap(([name, { settings }]) => (settings ? [[name, settings]] : [])),
) as unknown as Sections;
export type DialectSettings = { readonly [Name in keyof Sections]: z.output<Sections[Name]> };
