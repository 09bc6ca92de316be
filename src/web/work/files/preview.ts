export type FileKind =
  | 'image'
  | 'svg'
  | 'html'
  | 'pdf'
  | 'video'
  | 'audio'
  | 'notebook'
  | 'markdown'
  | 'csv'
  | 'text'
  | 'binary';

const byExtension = <Value extends string>(table: Partial<Record<Value, string>>): ReadonlyMap<string, Value> =>
  new Map(
    (Object.entries(table) as [Value, string][]).flatMap(([value, extensions]) =>
      extensions.split(' ').map((extension) => [extension, value] as const),
    ),
  );
const images = byExtension({
  'image/png': 'png',
  'image/jpeg': 'jpg jpeg',
  'image/gif': 'gif',
  'image/webp': 'webp',
  'image/avif': 'avif',
  'image/bmp': 'bmp',
  'image/x-icon': 'ico',
  'image/svg+xml': 'svg',
});
const endings = byExtension<FileKind>({ markdown: 'md markdown', html: 'html htm', notebook: 'ipynb', csv: 'csv tsv' });
/** Files that browsers display natively, recognized by their extension alone. */
const media = byExtension<FileKind>({ pdf: 'pdf', video: 'mp4 webm mov ogv', audio: 'mp3 wav ogg m4a flac' });
const endingOf = (path: string) => /\.([a-z0-9]+)$/i.exec(path)?.[1]?.toLowerCase() ?? '';

export const imageTypeOf = (path: string): string | undefined => images.get(endingOf(path));

export function detectFileKind(path: string, beginning: Uint8Array): FileKind {
  const image = imageTypeOf(path);
  if (image) return image === 'image/svg+xml' ? 'svg' : 'image';
  const shown = media.get(endingOf(path));
  if (shown) return shown;
  if (beginning.subarray(0, 8_000).includes(0)) return 'binary';
  return endings.get(endingOf(path)) ?? 'text';
}

export const csvSeparatorOf = (path: string): string => (endingOf(path) === 'tsv' ? '\t' : ',');

const languages = byExtension<string>({
  typescript: 'ts tsx',
  javascript: 'js mjs cjs jsx',
  python: 'py',
  ruby: 'rb',
  rust: 'rs',
  go: 'go',
  java: 'java',
  kotlin: 'kt',
  c: 'c h',
  cpp: 'cpp',
  csharp: 'cs',
  bash: 'sh bash zsh',
  json: 'json',
  yaml: 'yaml yml',
  ini: 'toml ini',
  xml: 'html xml svg',
  css: 'css',
  scss: 'scss',
  sql: 'sql',
  markdown: 'md',
  php: 'php',
  lua: 'lua',
});
/** Empty: plain text. */
export function detectCodeLanguage(path: string): string {
  if (/(^|\/)Dockerfile$/.test(path)) return 'dockerfile';
  return /(^|\/)Makefile$/.test(path) ? 'makefile' : (languages.get(endingOf(path)) ?? '');
}
