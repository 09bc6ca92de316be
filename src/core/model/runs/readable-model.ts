/** Shortens a model that is a file or a folder: `local//models/qwen3.gguf` becomes `local/qwen3`. */
export function toReadableModel(ref: string): string {
  const [, provider, path = ''] = /^([^/]+)\/(.+)$/.exec(ref) ?? [];
  if (!path.startsWith('/') && !/\.gguf$/i.test(path)) return ref;
  const name = path.split('/').findLast((part) => part !== '') ?? path;
  return `${provider}/${name.replace(/\.gguf$/i, '')}`;
}
