// `corral/client`: the typed client of a Corral server, for browsers and Node.
export { TRPCClientError } from '@trpc/client';
export type { TrpcErrorData as ErrorData } from '../api/procedure/errors.ts';
export type { Resync } from '../api/procedure/schemas.ts';
export type { AppRouter } from '../api/router.ts';
export type { AttemptDiff, Attempts, AttemptsOptions, BoxAttempts } from './attempts.ts';
export type { FileContent } from './bodies.ts';
export { type CorralClient, type CorralClientOptions, createCorralClient } from './client.ts';
export {
  Box,
  Corral,
  type Egress,
  type ForkOptions,
  type ListOptions,
  type NamedBoxOptions,
  type NewBox,
  type RunOptions,
  type SandboxSize,
  type ServerOptions,
} from './corral.ts';
export { CorralError, type CorralErrorCode } from './errors.ts';
export type { ExecBytesOptions, ExecOptions, ExecResult } from './exec.ts';
export type { FileEntry } from './files.ts';
export type { Memory, MemoryOptions, Note, NoteText, NoteVersion } from './memory.ts';
export type { ListeningPort, Port, Preview, PreviewOptions } from './port.ts';
export type { GoalEnd, Run, RunResult } from './run.ts';
export type {
  BuildLogEntry,
  BuildOptions,
  BuiltTemplate,
  CopySource,
  TemplateBuild,
  Templates,
} from './templates.ts';
export type { Terminal, TerminalEnd, TerminalOptions } from './terminal.ts';
export type { Event, Inputs, Outputs, SandboxStatus, Session, Snapshot } from './types.ts';
export type { Volume, VolumeEntry, VolumeMount, Volumes } from './volumes.ts';
export type { FileChange, WatchOptions } from './watch.ts';
