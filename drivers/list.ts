import { z } from 'zod';
import type { DriverDescriptor } from './descriptor.ts';
import { dockerDescriptor } from './docker/descriptor.ts';
import { kubernetesDescriptor } from './kubernetes/descriptor.ts';
import { processDescriptor } from './process/descriptor.ts';

export const drivers = { docker: dockerDescriptor, kubernetes: kubernetesDescriptor, process: processDescriptor };

export type DriverName = keyof typeof drivers;
/** `kind` looks names up during validation, not on import, so that tests can add a driver. */
export const driverSetting = {
  accepts: `one of auto, ${Object.keys(drivers).join(', ')}`,
  kind: z.custom<DriverName | 'auto'>((input) => input === 'auto' || findDriver(String(input)) !== undefined),
};

export const driverListText = Object.entries(drivers)
  .map(([name, { label }]) => `${name}: ${label}`)
  .join('; ');

export const findDriver = (name: string): DriverDescriptor | undefined =>
  Object.hasOwn(drivers, name) ? (drivers as Readonly<Record<string, DriverDescriptor>>)[name] : undefined;

type SettingsOf<Descriptor> = Descriptor extends { readonly settings?: infer Settings } ? NonNullable<Settings> : never;
type Sections = {
  [Name in DriverName as string extends keyof z.output<SettingsOf<(typeof drivers)[Name]>> ? never : Name]: SettingsOf<
    (typeof drivers)[Name]
  >;
};
export const driverSettingSections = Object.fromEntries(
  Object.entries(drivers).flatMap(([name, { settings }]) => (settings ? [[name, settings]] : [])),
) as unknown as Sections;
