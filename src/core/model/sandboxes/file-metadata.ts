export type FileMetadata = Readonly<Record<string, string>>;

export const fileMetadataLimits = {
  keys: 128,
  keyBytes: 246,
  /** The maximum for all keys and values of one file together. */
  bytes: 4_096,
  /** The maximum for the same data as JSON, where a character can take six bytes. */
  jsonBytes: 32 * 1024,
} as const;
