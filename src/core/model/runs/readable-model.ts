/** Shortens a model that is a file: `local//models/qwen3.gguf` becomes `local/qwen3`. */
export function toReadableModel(ref: string): string {
  const [, provider, file] = /^([^/]+)\/(?:.*\/)?([^/]+)\.gguf$/i.exec(ref) ?? [];
  return file === undefined ? ref : `${provider}/${file}`;
}
