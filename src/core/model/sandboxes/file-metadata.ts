export type FileMetadata = Readonly<Record<string, string>>;

export const fileMetadataLimits = {
  keys: 128,
  keyBytes: 246,
  /** All keys and values of one file. */
  bytes: 4_096,
  /** The same data as JSON, where a character can take six bytes. */
  jsonBytes: 32 * 1024,
} as const;
