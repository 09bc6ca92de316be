import type { z } from 'zod';
import type { DriverDescriptor } from './descriptor.ts';
import { docker } from './docker/descriptor.ts';
import { kubernetes } from './kubernetes/descriptor.ts';
import { memory } from './memory/descriptor.ts';
import { processes } from './process/descriptor.ts';

/** All drivers by name. A new driver needs a line here. */
export const drivers = { docker, kubernetes, process: processes, memory };

export type DriverName = keyof typeof drivers;
export const driverNames = Object.keys(drivers) as [DriverName, ...DriverName[]];

export const driverLabels = Object.entries(drivers)
  .map(([name, { label }]) => `${name}: ${label}`)
  .join('; ');

export const descriptorOf = (name: string): DriverDescriptor | undefined =>
  (drivers as Readonly<Record<string, DriverDescriptor>>)[name];

type SettingsOf<Descriptor> = Descriptor extends { readonly settings?: infer Settings } ? NonNullable<Settings> : never;
type Sections = {
  [Name in DriverName as string extends keyof z.output<SettingsOf<(typeof drivers)[Name]>> ? never : Name]: SettingsOf<
    (typeof drivers)[Name]
  >;
};
/** The drivers' sections of the settings. */
export const driverSections = Object.fromEntries(
  Object.entries(drivers).flatMap(([name, { settings }]) => (settings ? [[name, settings]] : [])),
) as unknown as Sections;
