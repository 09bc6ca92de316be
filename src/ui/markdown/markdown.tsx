import { lexer, type Token, type Tokens } from 'marked';
import type { ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';
import { t } from '../text/text.ts';
import { Code } from './code.tsx';
import { WorkspaceImage } from './workspace-image.tsx';

// Draws Markdown as elements, never as HTML: a tag in the text stays text, and only links to http, https and mailto become
// links. So there is nothing to sanitize.

const maxText = 200_000;

interface Props {
  readonly text: string;
  /** The session whose workspace the images come from; undefined: images are shown as their names. */
  readonly sessionId?: string | undefined;
}

export function Markdown({ text, sessionId }: Props) {
  const tokens = useMemo(() => lexer(text.slice(0, maxText), { gfm: true, breaks: true }), [text]);
  return (
    <div class="markdown">
      <Blocks tokens={tokens} sessionId={sessionId} />
      {text.length > maxText && <p class="quiet">{t('moreCharacters', { n: text.length - maxText })}</p>}
    </div>
  );
}

interface Parts {
  readonly tokens: readonly Token[];
  readonly sessionId: string | undefined;
}

const Blocks = ({ tokens, sessionId }: Parts) => <>{tokens.map((token, n) => block(token, n, sessionId))}</>;

function block(token: Token, key: number, sessionId: string | undefined): ComponentChildren {
  const inner = (tokens: readonly Token[] | undefined) => inline(tokens ?? [], sessionId);
  switch (token.type) {
    case 'space':
    case 'def':
      return null;
    case 'heading': {
      // The page itself has the first two levels.
      const Heading = `h${Math.min(6, token.depth + 2)}` as 'h3';
      return (
        <Heading key={key} class={`level-${token.depth}`}>
          {inner(token.tokens)}
        </Heading>
      );
    }
    case 'code':
      return <Code key={key} code={token.text} language={token.lang?.split(/\s/)[0]} />;
    case 'blockquote':
      return (
        <blockquote key={key}>
          <Blocks tokens={token.tokens ?? []} sessionId={sessionId} />
        </blockquote>
      );
    case 'list':
      return <List key={key} list={token as Tokens.List} sessionId={sessionId} />;
    case 'table':
      return <Table key={key} table={token as Tokens.Table} sessionId={sessionId} />;
    case 'hr':
      return <hr key={key} />;
    case 'html':
      return <p key={key}>{withBreaks(token.text.trimEnd())}</p>;
    case 'text':
      return <span key={key}>{token.tokens ? inner(token.tokens) : decoded(token.text)}</span>;
    case 'checkbox':
      return (
        <input
          key={key}
          type="checkbox"
          checked={token.checked}
          disabled
          aria-label={t(token.checked ? 'done' : 'open')}
        />
      );
    default:
      return <p key={key}>{'tokens' in token ? inner(token.tokens) : decoded(token.raw)}</p>;
  }
}

function List({ list, sessionId }: { list: Tokens.List; sessionId: string | undefined }) {
  const items = list.items.map((item, n) => (
    <li key={n} class={item.task ? 'task' : undefined}>
      <Blocks tokens={item.tokens} sessionId={sessionId} />
    </li>
  ));
  return list.ordered ? <ol start={Number(list.start) || 1}>{items}</ol> : <ul>{items}</ul>;
}

function Table({ table, sessionId }: { table: Tokens.Table; sessionId: string | undefined }) {
  const cell = (Name: 'th' | 'td', one: Tokens.TableCell, n: number) => (
    <Name key={n} class={one.align ? `align-${one.align}` : undefined}>
      {inline(one.tokens, sessionId)}
    </Name>
  );
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table scrolls, also by keyboard
    <div class="table" role="group" aria-label={t('table')} tabIndex={0}>
      <table>
        <thead>
          <tr>{table.header.map((one, n) => cell('th', one, n))}</tr>
        </thead>
        <tbody>
          {table.rows.map((row, n) => (
            <tr key={n}>{row.map((one, m) => cell('td', one, m))}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  '#39': "'",
  nbsp: '\u00a0',
};
const decoded = (text: string): string =>
  text.replace(/&(amp|lt|gt|quot|#39|nbsp);/g, (_whole, name: string) => entities[name] ?? '');

function withBreaks(text: string): ComponentChildren {
  return decoded(text)
    .split('\n')
    .flatMap((line, n) => (n === 0 ? [line] : [<br key={n} />, line]));
}

function inline(tokens: readonly Token[], sessionId: string | undefined): ComponentChildren {
  return tokens.map((token, key) => {
    const inner = () => inline(('tokens' in token && token.tokens) || [], sessionId);
    switch (token.type) {
      case 'strong':
        return <strong key={key}>{inner()}</strong>;
      case 'em':
        return <em key={key}>{inner()}</em>;
      case 'del':
        return <del key={key}>{inner()}</del>;
      case 'codespan':
        return <code key={key}>{decoded(token.text)}</code>;
      case 'br':
        return <br key={key} />;
      case 'link':
        return /^(https?|mailto):/i.test(token.href) ? (
          <a key={key} href={token.href} target="_blank" rel="noopener noreferrer">
            {inner()}
          </a>
        ) : (
          <span key={key} title={token.href}>
            {inner()}
          </span>
        );
      case 'image':
        return sessionId !== undefined && !/^[a-z][a-z0-9+.-]*:/i.test(token.href) ? (
          <WorkspaceImage key={key} sessionId={sessionId} path={decodeURI(token.href)} label={token.text} />
        ) : (
          <span key={key}>{token.text || token.href}</span>
        );
      case 'checkbox':
        return block(token, key, sessionId);
      default:
        return <span key={key}>{withBreaks('text' in token ? token.text : token.raw)}</span>;
    }
  });
}
