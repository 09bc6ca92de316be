import type { Extension } from '@codemirror/state';
import { detectLanguage } from '../preview.ts';

const legacy = async (name: 'shell' | 'ruby' | 'lua' | 'dockerfile' | 'ini'): Promise<Extension> => {
  const { StreamLanguage } = await import('@codemirror/language');
  switch (name) {
    case 'shell':
      return StreamLanguage.define((await import('@codemirror/legacy-modes/mode/shell')).shell);
    case 'ruby':
      return StreamLanguage.define((await import('@codemirror/legacy-modes/mode/ruby')).ruby);
    case 'lua':
      return StreamLanguage.define((await import('@codemirror/legacy-modes/mode/lua')).lua);
    case 'dockerfile':
      return StreamLanguage.define((await import('@codemirror/legacy-modes/mode/dockerfile')).dockerFile);
    default:
      return StreamLanguage.define((await import('@codemirror/legacy-modes/mode/toml')).toml);
  }
};

const loaders = new Map<string, (path: string) => Promise<Extension>>(
  Object.entries({
    typescript: async (path: string) =>
      (await import('@codemirror/lang-javascript')).javascript({ typescript: true, jsx: path.endsWith('x') }),
    javascript: async () => (await import('@codemirror/lang-javascript')).javascript({ jsx: true }),
    python: async () => (await import('@codemirror/lang-python')).python(),
    xml: async () => (await import('@codemirror/lang-html')).html(),
    css: async () => (await import('@codemirror/lang-css')).css(),
    scss: async () => (await import('@codemirror/lang-css')).css(),
    json: async () => (await import('@codemirror/lang-json')).json(),
    markdown: async () => (await import('@codemirror/lang-markdown')).markdown(),
    yaml: async () => (await import('@codemirror/lang-yaml')).yaml(),
    rust: async () => (await import('@codemirror/lang-rust')).rust(),
    go: async () => (await import('@codemirror/lang-go')).go(),
    c: async () => (await import('@codemirror/lang-cpp')).cpp(),
    cpp: async () => (await import('@codemirror/lang-cpp')).cpp(),
    java: async () => (await import('@codemirror/lang-java')).java(),
    kotlin: async () => (await import('@codemirror/lang-java')).java(),
    sql: async () => (await import('@codemirror/lang-sql')).sql(),
    bash: () => legacy('shell'),
    ruby: () => legacy('ruby'),
    lua: () => legacy('lua'),
    dockerfile: () => legacy('dockerfile'),
    ini: () => legacy('ini'),
  }),
);

/** Undefined: plain text, which includes languages that fail to load. */
export async function loadLanguage(path: string): Promise<Extension | undefined> {
  return await loaders
    .get(detectLanguage(path))?.(path)
    .catch((error: unknown) => {
      reportError(error);
      return undefined;
    });
}
