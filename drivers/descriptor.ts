import type { z } from 'zod';
import type { Clock } from '../src/core/contracts/clock.ts';
import type { AppError } from '../src/core/errors/errors.ts';
import type { IdSource, SandboxId } from '../src/core/model/ids.ts';
import type { Secret } from '../src/core/text/secret.ts';
import type { Driver, EgressHandler } from './driver.ts';

/** The files that one of our images is built from. `hash` changes whenever one of them does. */
export interface BuildContext {
  readonly folder: string;
  /** File names in that folder, including the Dockerfile. */
  readonly files: readonly string[];
  readonly hash: string;
  /**
   * Set if the image builds on a stage of the main Dockerfile: the image's own file gets that stage's tag as argument
   * TOOLS.
   */
  readonly on?: { readonly dockerfile: string; readonly stage: string; readonly tag: string };
}
export interface OurImage {
  /** The name that templates use. */
  readonly name: string;
  context(): Promise<BuildContext>;
}

/** The parts and settings of the server that drivers use. */
export interface DriverParts {
  readonly instance: string;
  /** This server's name among several servers that share sandboxes; undefined: it is the only one. */
  readonly replica?: string | undefined;
  /** The folder of the local sandboxes and their sockets. */
  readonly root: string;
  readonly gate: EgressHandler;
  /** Whether the egress policy lets a sandbox out at all. */
  readonly hasEgress: boolean;
  readonly ids: IdSource;
  readonly clock: Clock;
  readonly random: () => number;
  /** PEM text of every authority that sandboxes trust. */
  readonly caBundle: string;
  /** The part of it that images do not know; undefined: none. */
  extraCa(): Promise<string | undefined>;
  /** The keys from which tokens of sandboxes are derived, the newest first; kept in the data folder. */
  keys(): Promise<readonly Secret[]>;
  /** The image of sandboxes, and those that the server can build. */
  readonly image: string;
  readonly ourImages: Readonly<Record<'base' | 'desktop' | 'agents' | 'code', OurImage>>;
  /** The programs of a sandbox on this machine. */
  readonly programs: {
    readonly node: string;
    readonly init: string;
    readonly sudo: string;
    readonly daemon: () => Promise<string>;
    readonly browserPolicy: string;
  };
  /** Whether sandboxes get a desktop; `auto`: where the server can build its image. */
  readonly desktop: boolean | 'auto';
  /** `accept`: the operator allows sandboxes whose isolation nothing enforces, or no real model uses them so far. */
  readonly unenforced: () => 'refuse' | 'accept';
  /** Tells the operator something at the start. */
  readonly say: (text: string) => void;
  readonly onRefused: (id: SandboxId, reason: string) => void;
}

/**
 * Everything about a driver. Its name is its key in `drivers/list.ts`, and the key of its settings.
 *
 * @example
 * export const memory = describeDriver({ label: 'a fake for tests', open: async (_settings, parts) => openMemory(parts) });
 */
export interface DriverDescriptor<Settings extends z.ZodObject = z.ZodObject> {
  /** Says to people what its sandboxes are. */
  readonly label: string;
  /** The driver's section of corral.yaml, built with `setting` and `optional`. Variables and help follow from it. */
  readonly settings?: Settings;
  /** Does not wait for the backend. Rejects: invalid_request for settings that cannot work. */
  open(settings: z.output<Settings>, parts: DriverParts): Promise<Driver>;
  /** Tells the operator what the backend lacks, after the start, which does not wait for it. Never rejects. */
  report?(driver: Driver, settings: z.output<Settings>, parts: Pick<DriverParts, 'say'>): Promise<void>;
  /**
   * The settings that give each sandbox its own kernel, which `sandbox.isolation: strict` needs. Absent: the driver
   * cannot. `refuse` makes the error from its reason.
   */
  strict?(settings: z.output<Settings>, refuse: (why: string) => AppError): Promise<z.output<Settings>>;
  /** The conditions for a desktop, as a sentence. Absent: this driver's sandboxes never have one. */
  readonly desktopNeeds?: string;
  /** Folders on the disks that sandboxes fill. Absent: those disks are not this machine's. */
  disks?(dataDir: string): readonly string[];
}

/** Keeps the type of the settings, which the schema of all settings needs. */
export const describeDriver = <Settings extends z.ZodObject = z.ZodObject>(
  descriptor: DriverDescriptor<Settings>,
): DriverDescriptor<Settings> => descriptor;
