import type { z } from 'zod';
import type { Clock } from '../src/core/contracts/clock.ts';
import type { AppError } from '../src/core/errors/errors.ts';
import type { IdSource, SandboxId } from '../src/core/model/ids.ts';
import type { Secret } from '../src/core/text/secret.ts';
import type { Driver, EgressHandler } from './driver.ts';

export interface BuildContext {
  readonly folder: string;
  readonly files: readonly string[];
  readonly hash: string;
  /** The base image, built from `stage` of the main Dockerfile. `dockerfile` gets `tag` as the build argument TOOLS. */
  readonly on?: { readonly dockerfile: string; readonly stage: string; readonly tag: string };
}
export interface BundledImage {
  readonly name: string;
  context(): Promise<BuildContext>;
}

export interface DriverContext {
  readonly instance: string;
  /** This server's name among servers that share sandboxes. Undefined: this server shares none. */
  readonly replica?: string | undefined;
  readonly root: string;
  readonly gate: EgressHandler;
  readonly hasEgress: boolean;
  readonly ids: IdSource;
  readonly clock: Clock;
  readonly random: () => number;
  readonly caBundle: string;
  extraCa(): Promise<string | undefined>;
  /** Sandbox tokens are derived from these keys. Newest first. */
  keys(): Promise<readonly Secret[]>;
  readonly image: string;
  readonly ourImages: Readonly<Record<'base' | 'desktop' | 'agents' | 'code', BundledImage>>;
  readonly programs: {
    readonly node: string;
    readonly init: string;
    readonly sudo: string;
    readonly daemon: () => Promise<string>;
    readonly browserPolicy: string;
  };
  /** `auto`: enabled only if the driver can build the desktop image. */
  readonly desktop: boolean | 'auto';
  /** Returns `accept` if the operator allows unenforced isolation, or no real model has been chosen yet. */
  readonly unenforced: () => 'refuse' | 'accept';
  readonly say: (text: string) => void;
  readonly onRefused: (id: SandboxId, reason: string) => void;
}

export type LocalDriverOptions = Pick<DriverContext, 'instance' | 'root' | 'gate' | 'ids' | 'replica'> &
  Partial<Pick<DriverContext, 'caBundle' | 'onRefused'>>;

/**
 * Describes a driver to the server. The driver's name is its key in `drivers/list.ts` and in the settings.
 *
 * @example export const memory = defineDriver({ label: 'a fake for tests', open: async (_settings, parts) =>
 * openMemoryService(parts) });
 */
export interface DriverDescriptor<Settings extends z.ZodObject = z.ZodObject> {
  readonly label: string;
  /** The driver's section of corral.yaml. Also defines its environment variables and help. */
  readonly settings?: Settings;
  /** Resolves without waiting for the backend. Rejects with invalid_request if the settings are unusable. */
  open(settings: z.output<Settings>, parts: DriverContext): Promise<Driver>;
  /** Reports to the operator what the backend lacks. Not awaited. Never rejects. */
  report?(driver: Driver, settings: z.output<Settings>, parts: Pick<DriverContext, 'say'>): Promise<void>;
  /** Adjusts the settings for `sandbox.isolation: strict`. Absent if unsupported. */
  strict?(settings: z.output<Settings>, refuse: (why: string) => AppError): Promise<z.output<Settings>>;
  /** The driver's requirements for a desktop, as a sentence. Absent: no desktop support. */
  readonly desktopNeeds?: string;
  /** Folders on this machine's disks that sandboxes write to. Absent if there are none. */
  disks?(dataDir: string): readonly string[];
}

export const defineDriver = <Settings extends z.ZodObject = z.ZodObject>(
  descriptor: DriverDescriptor<Settings>,
): DriverDescriptor<Settings> => descriptor;
