import { type ComponentChildren, createElement } from 'preact';
import { memo } from 'preact/compat';
import { useEffect, useRef, useState } from 'preact/hooks';
import { loadWorkspacePaths, workspacePaths } from '../conversation/completion/workspace-paths.ts';
import { conversationState } from '../data/log.ts';
import { query, toErrorText } from '../data/server.ts';
import { currentSessionId } from '../data/sessions.ts';
import type { FormulaNode } from '../parsing/formula.ts';
import type { MarkdownCell, MarkdownNode, MarkdownTree } from '../parsing/markdown.ts';
import { runParseTask } from '../parsing/parse.ts';
import { ErrorBoundary } from '../parts/boundary.tsx';
import { Button } from '../parts/kit/button.tsx';
import { t } from '../text/text.ts';
import { imageTypeOf } from '../work/files/preview.ts';
import { showPreviewAt } from '../work/preview/state.ts';
import { type PreviewLocation, parsePreviewLocation } from '../work/preview/target.ts';
import { openFileInPane, openResult } from '../work/results.ts';
import { CodeBlock } from './code.tsx';
import { Diagram } from './diagram.tsx';
import { PlainText } from './plain.tsx';

// Draws Markdown as elements, never as HTML, so no sanitizer is needed. Text beyond the worker's limits stays plain.

const maxText = 200_000; // maximum characters that the worker parses
const signs = /[*_`#|~$[\]<>\\]|^[ \t]*([-+]|\d+[.)])\s/m;
const maxShort = 8_000; // characters; up to this length, all blocks are laid out together

interface Props {
  readonly text: string;
  /** Undefined: images are shown as their names. */
  readonly sessionId?: string | undefined;
}

export function Markdown({ text, sessionId }: Props) {
  const tree = useMarkdownTree(text);
  const plain = <PlainText text={text} />;
  const isKept = tree === 'unread' && signs.test(text.slice(0, maxShort));
  return (
    <div class={`markdown${text.length > maxShort ? ' long' : ''}${isKept ? ' unread-text' : ''}`}>
      {tree && tree !== 'unread' ? (
        <ErrorBoundary instead={plain}>
          <Tree tree={tree} sessionId={sessionId} />
          {text.length > maxText && <PlainText text={text.slice(maxText)} />}
        </ErrorBoundary>
      ) : (
        plain
      )}
    </div>
  );
}

const Tree = memo(({ tree, sessionId }: { tree: MarkdownTree; sessionId: string | undefined }) => (
  <>{tree.map((node, key) => draw(node, { key, sessionId, dir: 'auto' }))}</>
));

const drawn = (nodes: MarkdownTree, sessionId: string | undefined): ComponentChildren =>
  nodes.map((node, key) => draw(node, { key, sessionId }));

interface NodeContext {
  readonly key: number;
  readonly sessionId: string | undefined;
  /** Set for top-level blocks. Nested blocks inherit their direction. */
  readonly dir?: 'auto' | undefined;
}

const elements = { paragraph: 'p', quote: 'blockquote', strong: 'strong', em: 'em', del: 'del' } as const;

function draw(node: MarkdownNode, { key, sessionId, dir }: NodeContext): ComponentChildren {
  if (typeof node === 'string') return sessionId === undefined ? node : linkSandboxAddresses(node);
  const inner = (nodes: MarkdownTree) => drawn(nodes, sessionId);
  switch (node.kind) {
    case 'heading': {
      // The page itself uses the first two levels.
      const Heading = `h${Math.min(6, node.depth + 2)}` as 'h3';
      return (
        <Heading key={key} dir={dir} class={`level-${node.depth}`}>
          {inner(node.inner)}
        </Heading>
      );
    }
    case 'plain':
      return <PlainText key={key} text={node.text} />;
    case 'code':
      if (node.language === 'mermaid') return <Diagram key={key} source={node.code} />;
      return <CodeBlock key={key} code={node.code} language={node.language} />;
    case 'formula':
      return <Formula key={key} tex={node.tex} isBlock={node.isBlock} />;
    case 'codespan':
      return <CodeSpan key={key} code={node.code} sessionId={sessionId} />;
    case 'note':
      return <sup key={key}>{node.text}</sup>;
    case 'rule':
      return <hr key={key} />;
    case 'break':
      return <br key={key} />;
    case 'checkbox':
      return (
        <input
          key={key}
          type="checkbox"
          checked={node.isChecked}
          disabled
          aria-label={t(node.isChecked ? 'mark.completed' : 'mark.pending')}
        />
      );
    case 'list': {
      const items = node.items.map((item, at) => (
        <li key={at} class={item.isTask ? 'task' : undefined}>
          {inner(item.inner)}
        </li>
      ));
      const List = (node.start === undefined ? 'ul' : 'ol') as 'ol';
      return (
        <List key={key} dir={dir} start={node.start}>
          {items}
        </List>
      );
    }
    case 'table':
      return <Table key={key} {...node} sessionId={sessionId} dir={dir} />;
    case 'link': {
      const place = currentSessionId.peek() === undefined ? undefined : parsePreviewLocation(node.href);
      if (place)
        return (
          <PreviewLink key={key} place={place}>
            {node.inner.map((one, at) => draw(one, { key: at, sessionId: undefined }))}
          </PreviewLink>
        );
      return /^(https?|mailto):/i.test(node.href) ? (
        <a key={key} href={node.href} target="_blank" rel="noopener noreferrer">
          {inner(node.inner)}
        </a>
      ) : (
        <span key={key} title={node.href}>
          {inner(node.inner)}
        </span>
      );
    }
    case 'image':
      return sessionId !== undefined && !/^[a-z][a-z0-9+.-]*:/i.test(node.href) ? (
        <WorkspaceImage key={key} sessionId={sessionId} path={decodePath(node.href)} label={node.label} />
      ) : (
        <span key={key}>{node.label || node.href}</span>
      );
    default: {
      const Name = elements[node.kind];
      return (
        <Name key={key} dir={dir}>
          {inner(node.inner)}
        </Name>
      );
    }
  }
}

const fileForm = /^(\.\/|\/)?[\w@+~-][\w@.+~-]*(\/[\w@.+~-]+)*$/;
const address = /(?:https?:\/\/)?(?:localhost|127\.0\.0\.1|0\.0\.0\.0):\d{1,5}(?:\/[\w./~%?&=#+-]*[\w/~%=#+-])?/gi;

function CodeSpan({ code, sessionId }: { code: string; sessionId: string | undefined }) {
  const plain = <code dir="ltr">{code}</code>;
  if (sessionId === undefined || sessionId !== currentSessionId.value) return plain;
  const place = parsePreviewLocation(code);
  if (place) return <PreviewLink place={place}>{plain}</PreviewLink>;
  return fileForm.test(code) && code.includes('.') ? <FileLink name={code} sessionId={sessionId} /> : plain;
}

function FileLink({ name, sessionId }: { name: string; sessionId: string }) {
  const run = conversationState.run.value.kind; // when the run ends, the files are listed again
  useEffect(() => void loadWorkspacePaths(sessionId), [sessionId, run]);
  const target = name.replace(/^\.\//, '');
  const path = workspacePaths.value.paths.find((one) => one === target || target.endsWith(`/${one}`));
  const code = <code dir="ltr">{name}</code>;
  if (path === undefined) return code;
  return (
    <a
      href={`#${sessionId}`}
      title={t('openFile', { path })}
      onClick={(event) => {
        event.preventDefault();
        void openResult(sessionId, path);
      }}
    >
      {code}
    </a>
  );
}

const PreviewLink = ({ place, children }: { place: PreviewLocation; children: ComponentChildren }) => (
  <a
    href={`http://localhost:${place.port}${place.path}`}
    title={t('preview.port', { port: place.port })}
    onClick={(event) => {
      event.preventDefault();
      showPreviewAt(place);
    }}
  >
    {children}
  </a>
);

function linkSandboxAddresses(text: string): ComponentChildren {
  if (currentSessionId.peek() === undefined || !text.includes(':')) return text;
  const parts: ComponentChildren[] = [];
  let from = 0;
  for (const { 0: found, index } of text.matchAll(address)) {
    const place = parsePreviewLocation(found);
    if (!place) continue;
    parts.push(text.slice(from, index), <PreviewLink place={place}>{found}</PreviewLink>);
    from = index + found.length;
  }
  return from === 0 ? text : [...parts, text.slice(from)];
}

function decodePath(href: string): string {
  try {
    return decodeURI(href);
  } catch {
    return href;
  }
}

function Table({ head, rows, sessionId, dir }: Omit<NodeContext, 'key'> & Extract<MarkdownNode, { kind: 'table' }>) {
  const cell = (Name: 'th' | 'td', one: MarkdownCell, at: number) => (
    <Name key={at} class={one.align ? `align-${one.align}` : undefined}>
      {drawn(one.inner, sessionId)}
    </Name>
  );
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table scrolls, also by keyboard
    <div class="table" dir={dir} role="group" aria-label={t('table')} tabIndex={0}>
      <table>
        <thead>
          <tr>{head.map((one, at) => cell('th', one, at))}</tr>
        </thead>
        <tbody>
          {rows.map((row, at) => (
            <tr key={at}>{row.map((one, column) => cell('td', one, column))}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Formula({ tex, isBlock }: { tex: string; isBlock: boolean }) {
  const [tree, setTree] = useState<FormulaNode>();
  useEffect(() => {
    const ended = new AbortController();
    void runParseTask('formula', { tex, isBlock }, ended.signal).then((read) => ended.signal.aborted || setTree(read));
    return () => ended.abort();
  }, [tex, isBlock]);
  const plain = <code class={isBlock ? 'formula-source pre' : undefined}>{tex}</code>;
  const drawn = tree && <ErrorBoundary instead={plain}>{drawFormula(tree, 0)}</ErrorBoundary>;
  if (!isBlock) return <span>{drawn ?? plain}</span>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a wide formula scrolls, also by keyboard
    <div class="formula scrolls" role="group" aria-label={t('formula')} tabIndex={0}>
      {drawn ?? plain}
    </div>
  );
}

/** The worker returns only MathML elements, without links or styles. */
const drawFormula = (node: FormulaNode, key: number): ComponentChildren =>
  typeof node === 'string' ? node : createElement(node.name, { key, ...node.attributes }, node.inner.map(drawFormula));

/** The user decides whether to load an image that would start a stopped sandbox. */
function WorkspaceImage({ sessionId, path, label }: Readonly<Record<'sessionId' | 'path' | 'label', string>>) {
  const [state, setState] = useState<{ url?: string; text?: string; mayLoad?: boolean }>({});
  const load = async () => {
    const { content } = await query('files.read', { sessionId, path, encoding: 'base64' });
    const bytes = Uint8Array.from(atob(content), (sign) => sign.charCodeAt(0));
    setState({ url: URL.createObjectURL(new Blob([bytes], { type: imageTypeOf(path) ?? 'image/png' })) });
  };
  const tryLoad = () => load().catch((thrown: unknown) => setState({ text: toErrorText(thrown) }));
  useEffect(() => {
    query('sandbox.status', { sessionId }).then(
      ({ state: sandbox }) => (sandbox === 'running' ? tryLoad() : setState({ mayLoad: true })),
      () => setState({ mayLoad: true }),
    );
  }, [sessionId, path]);
  useEffect(() => {
    const { url } = state;
    return () => url && URL.revokeObjectURL(url);
  }, [state.url]);
  if (state.url)
    return (
      <button
        type="button"
        class="picture round"
        title={t('openFile', { path })}
        onClick={() => openFileInPane(sessionId, path)}
      >
        <img src={state.url} alt={label || path} />
      </button>
    );
  if (state.mayLoad) return <Button label={t('showPicture', { path })} onClick={tryLoad} />;
  return <span class="quiet">{state.text ? `${path}: ${state.text}` : path}</span>;
}

const maxKept = 400;
const maxKeptText = 2_000; // characters; drawing a long cached tree would block a frame
const pauseMs = 40;

const kept = new Map<string, MarkdownTree | undefined>();

function keep(text: string, tree: MarkdownTree | undefined): void {
  if (text.length > maxKeptText && tree !== undefined) return;
  kept.delete(text);
  kept.set(text, tree);
  const [oldest] = kept.keys();
  if (kept.size > maxKept && oldest !== undefined) kept.delete(oldest);
}

/** `unread`: not parsed yet. Undefined: could not be parsed. While the text grows, returns the tree parsed so far. */
function useMarkdownTree(text: string): MarkdownTree | 'unread' | undefined {
  const [parsed, setParsed] = useState(() => (kept.has(text) ? { text, tree: kept.get(text) } : undefined));
  const latest = useRef(text);
  const isBusy = useRef(false);
  const ended = useRef(new AbortController());
  useEffect(() => {
    latest.current = text;
    if (!isBusy.current && parsed?.text !== text) void follow();
  }, [text]);
  useEffect(() => () => ended.current.abort(), []);
  const follow = async () => {
    isBusy.current = true;
    const { signal } = ended.current;
    for (let read: string | undefined; read !== latest.current && !signal.aborted; ) {
      read = latest.current;
      const began = performance.now();
      const tree = kept.has(read) ? kept.get(read) : await runParseTask('markdown', { text: read }, signal);
      if (signal.aborted) return;
      const tookMs = performance.now() - began;
      if (read === latest.current) keep(read, tree);
      setParsed({ text: read, tree });
      if (read !== latest.current) await new Promise((resolve) => setTimeout(resolve, Math.max(pauseMs, tookMs * 2)));
    }
    isBusy.current = false;
  };
  return parsed && text.startsWith(parsed.text) ? parsed.tree : 'unread';
}
