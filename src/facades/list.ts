import type { z } from 'zod';
import { cambio } from './compat/cambio/descriptor.ts';
import { crogia } from './compat/crogia/descriptor.ts';
import { e2b } from './compat/e2b/descriptor.ts';
import { managedAgents } from './compat/managed-agents/descriptor.ts';
import { opencodex } from './compat/opencodex/descriptor.ts';
import { sheikhbox } from './compat/sheikhbox/descriptor.ts';
import { workspace } from './compat/workspace/descriptor.ts';
import { guide } from './guide/descriptor.ts';
import { mcp } from './mcp/descriptor.ts';
import { previews } from './previews/descriptor.ts';
import { restFacades } from './rest/descriptors.ts';
import { server, webClient } from './server/descriptor.ts';
import type { FacadeDescriptor } from './shared/facade.ts';
import { signIn } from './sign-in/descriptor.ts';
import { streams } from './streams/descriptor.ts';
import { trpc } from './trpc/descriptor.ts';

export const facadeDescriptors = {
  server,
  webClient,
  signIn,
  sheikhbox,
  cambio,
  ...restFacades,
  crogia,
  streams,
  mcp,
  trpc,
  workspace,
  opencodex,
  guide,
  previews,
  e2b,
  managedAgents,
};

type FacadeName = keyof typeof facadeDescriptors;
type SettingsOf<Descriptor> = Descriptor extends { readonly settings?: infer Settings } ? NonNullable<Settings> : never;
type Sections = {
  [Name in FacadeName as string extends keyof z.output<SettingsOf<(typeof facadeDescriptors)[Name]>>
    ? never
    : Name]: SettingsOf<(typeof facadeDescriptors)[Name]>;
};
const all: readonly (readonly [string, FacadeDescriptor])[] = Object.entries(facadeDescriptors) as never;

export const facadeSettingsSchemas = Object.fromEntries(
  all.flatMap(([name, { settings }]) => (settings ? [[name, settings]] : [])),
) as unknown as Sections;
export type FacadeSettings = { readonly [Name in keyof Sections]: z.output<Sections[Name]> };
