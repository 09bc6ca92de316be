// Chooses a file's preview by its name and its first bytes.

export type FileKind =
  | 'image'
  | 'html'
  | 'pdf'
  | 'video'
  | 'audio'
  | 'notebook'
  | 'markdown'
  | 'csv'
  | 'text'
  | 'binary';

const images = new Map<string, string>(
  Object.entries({
    png: 'image/png',
    jpg: 'image/jpeg',
    jpeg: 'image/jpeg',
    gif: 'image/gif',
    webp: 'image/webp',
    avif: 'image/avif',
    bmp: 'image/bmp',
    ico: 'image/x-icon',
    svg: 'image/svg+xml',
  }),
);
const endings = new Map<string, FileKind>(
  Object.entries({
    md: 'markdown',
    markdown: 'markdown',
    html: 'html',
    htm: 'html',
    ipynb: 'notebook',
    csv: 'csv',
    tsv: 'csv',
  }),
);
/** Files that browsers display themselves, recognized by their extension alone. */
const media = new Map<string, FileKind>(
  Object.entries({
    pdf: 'pdf',
    ...{ mp4: 'video', webm: 'video', mov: 'video', ogv: 'video' },
    ...{ mp3: 'audio', wav: 'audio', ogg: 'audio', m4a: 'audio', flac: 'audio' },
  }),
);
const endingOf = (path: string) => /\.([a-z0-9]+)$/i.exec(path)?.[1]?.toLowerCase() ?? '';

export const imageTypeOf = (path: string): string | undefined => images.get(endingOf(path));

export function detectFileKind(path: string, beginning: Uint8Array): FileKind {
  if (imageTypeOf(path)) return 'image';
  const shown = media.get(endingOf(path));
  if (shown) return shown;
  if (beginning.subarray(0, 8_000).includes(0)) return 'binary';
  return endings.get(endingOf(path)) ?? 'text';
}

export const csvSeparatorOf = (path: string): string => (endingOf(path) === 'tsv' ? '\t' : ',');

const languages = new Map<string, string>(
  Object.entries({
    ts: 'typescript',
    tsx: 'typescript',
    js: 'javascript',
    mjs: 'javascript',
    cjs: 'javascript',
    jsx: 'javascript',
    py: 'python',
    rb: 'ruby',
    rs: 'rust',
    go: 'go',
    java: 'java',
    kt: 'kotlin',
    c: 'c',
    h: 'c',
    cpp: 'cpp',
    cs: 'csharp',
    sh: 'bash',
    bash: 'bash',
    zsh: 'bash',
    json: 'json',
    yaml: 'yaml',
    yml: 'yaml',
    toml: 'ini',
    ini: 'ini',
    html: 'xml',
    xml: 'xml',
    svg: 'xml',
    css: 'css',
    scss: 'scss',
    sql: 'sql',
    md: 'markdown',
    php: 'php',
    lua: 'lua',
  }),
);
/** Name of the highlighter's language. Empty: plain text. */
export function detectCodeLanguage(path: string): string {
  if (/(^|\/)Dockerfile$/.test(path)) return 'dockerfile';
  return /(^|\/)Makefile$/.test(path) ? 'makefile' : (languages.get(endingOf(path)) ?? '');
}
