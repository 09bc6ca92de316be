import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { t } from '../../text/text.ts';
import { createWordMatcher } from '../word-search.ts';
import { Icon, type IconName } from './icon.tsx';

export interface ListItem {
  readonly key: string;
  readonly title?: string;
  readonly icon?: IconName;
  readonly code?: string;
  readonly lines?: readonly string[];
  /** Whether the item needs the user's attention. */
  readonly waits?: boolean;
  readonly isChosen?: boolean;
  /** Whether the row is disabled. Its lines explain why. */
  readonly isOff?: boolean;
  readonly action?: ComponentChildren;
  readonly more?: ComponentChildren;
  readonly open?: () => void;
}

interface Props {
  readonly items: readonly ListItem[] | undefined;
  readonly none?: string;
  readonly label?: string;
  /** False: the page has its own search. */
  readonly isSearched?: boolean;
}
const searchedFrom = 12; // items

export function List({ items = [], none, label, isSearched = true }: Props) {
  const [text, setText] = useState('');
  if (items.length === 0) return none === undefined ? null : <p class="quiet">{none}</p>;
  const fits = createWordMatcher(text);
  const found = items.filter(({ title = '', code = '', lines = [] }) => fits([title, code, ...lines].join('\n')));
  return (
    <>
      {isSearched && items.length >= searchedFrom && (
        <input
          type="search"
          class="field"
          aria-label={t('list.search')}
          placeholder={t('list.search')}
          value={text}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
        />
      )}
      <ul class="list grid" aria-label={label}>
        {found.map((item) => (
          <li key={item.key} class="row box wrap breaks">
            <Row {...item} />
            {item.action}
            {item.more}
          </li>
        ))}
      </ul>
      {found.length === 0 && <p class="quiet">{t('list.nothing')}</p>}
    </>
  );
}

function Row({ title, icon, code, lines = [], waits = false, isChosen, isOff = false, open }: ListItem) {
  const content = (
    <>
      <span>
        {icon && <Icon name={icon} size={16} />} {title !== undefined && <strong>{title}</strong>}{' '}
        {code !== undefined && <code>{code}</code>}
      </span>
      {lines.map((line) => (
        <span key={line} class={waits ? 'wait-text' : 'quiet'}>
          {line}
        </span>
      ))}
    </>
  );
  if (!open) return <div>{content}</div>;
  return (
    <button type="button" aria-pressed={isChosen} disabled={isOff} onClick={open}>
      {content}
    </button>
  );
}
