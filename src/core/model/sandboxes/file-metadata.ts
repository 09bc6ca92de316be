export type FileMetadata = Readonly<Record<string, string>>;

export const fileMetadataLimits = {
  keys: 128,
  keyBytes: 246,
  /** The maximum total size of one file's keys and values. */
  bytes: 4_096,
  /** Maximum size as JSON, where a character can take six bytes. */
  jsonBytes: 32 * 1024,
} as const;
