import type { BuildCommand, Driver, ImageBuilder, SandboxLink, SandboxSpec } from '../../../drivers/driver.ts';
import type { Clock } from '../../../src/core/contracts/clock.ts';
import { createIdSource, sandboxIdOf } from '../../../src/core/model/ids.ts';
import { type BuildPolicy, TemplateBuildManager } from '../../../src/sessions/builds/template-builds.ts';
import { CopyStore } from '../../../src/sessions/forks/copies.ts';
import { createInMemoryStore } from '../../../src/storage/memory/store.ts';
import { memoryBlobs } from '../stores/memory-blobs.ts';

/** The outside of builds: what ran in their containers, and the images that were kept. */
export interface BuildBackend {
  /** The last argument of each command, which for RUN is the command itself. */
  readonly ran: {
    readonly user: string;
    readonly argv: readonly string[];
    readonly env: object;
    readonly input: string;
  }[];
  readonly started: SandboxSpec[];
  readonly images: Set<string>;
  readonly kept: object[];
  removed: number;
  /** Decides the exit code of a command; the last argument is what it gets. */
  answer: (command: string, run: BuildCommand) => number | Promise<number>;
}

const policy: BuildPolicy = {
  allow: 'on',
  images: new Map([
    ['e2bdev/base', 'corral/sandbox'],
    ['corral/sandbox', 'corral/sandbox'],
  ]),
  maxSeconds: 60,
  atOnce: 2,
  ownerCount: 3,
  ownerFileBytes: 1_000,
};

/** Built templates over containers that run nothing. */
export function buildBench(
  clock: Clock,
  more: {
    policy?: Partial<BuildPolicy>;
    noBuilds?: string;
    inUse?: () => readonly string[];
    admit?: () => Promise<void>;
  } = {},
) {
  const backend: BuildBackend = { ran: [], started: [], images: new Set(), kept: [], removed: 0, answer: () => 0 };
  const building: ImageBuilder = {
    async startBuild(spec) {
      backend.started.push(spec);
      return {
        env: { PATH: '/usr/bin' },
        attach: async () => ({ [Symbol.asyncDispose]: async () => {} }) as object as SandboxLink,
        async run(command) {
          const { argv, user, env, stdin } = command;
          const parts: Uint8Array[] = [];
          for await (const part of stdin ?? []) parts.push(part);
          backend.ran.push({ user, argv, env, input: Buffer.concat(parts).toString() });
          return await backend.answer(argv.at(-1) ?? '', command);
        },
        async keep(image) {
          backend.kept.push(image);
          backend.images.add(image.name);
        },
        async [Symbol.asyncDispose]() {
          backend.removed += 1;
        },
      };
    },
    builtImages: async () => [...backend.images],
    removeBuiltImage: async (name) => void backend.images.delete(name),
    sweepBuilds: async () => 0,
  };
  const capabilities = more.noBuilds === undefined ? {} : { noBuilds: more.noBuilds };
  const { records } = createInMemoryStore();
  const blobs = memoryBlobs();
  const ids = createIdSource();
  const builds = new TemplateBuildManager({
    policy: { ...policy, ...more.policy },
    driver: { name: 'fake', capabilities, ...building } as object as Driver,
    instance: 'test',
    records,
    blobs,
    copies: new CopyStore({ records, blobs, clock, newId: () => ids.short() }),
    clock,
    ids,
    closing: new AbortController().signal,
    specOf: (id, image) => ({ id: sandboxIdOf(id), sessionId: id, image }) as SandboxSpec,
    reach: async () => {},
    admit: more.admit ?? (async () => {}),
    reserved: (name) => name === 'base',
    imagesInUse: async () => new Set(more.inUse?.() ?? []),
    warn: () => {},
  });
  return { builds, service: builds.service, backend, records, blobs };
}

export const fakeTemplateBuilds = (clock: Clock) => buildBench(clock).service;
