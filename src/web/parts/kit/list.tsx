import type { ComponentChildren } from 'preact';

export interface ListItem {
  readonly key: string;
  readonly title: string;
  /** Facts about it, one below the other. */
  readonly lines?: readonly string[];
  /** Something about it waits for a person. */
  readonly waits?: boolean;
  /** In a list of which one is chosen. */
  readonly isChosen?: boolean;
  /** Off: the row cannot be chosen, and its lines say why. */
  readonly isOff?: boolean;
  /** Beside the row. */
  readonly action?: ComponentChildren;
  readonly open: () => void;
}

/** Rows that open or choose something: a name, and lines about it. */
export const List = ({ items, none }: { items: readonly ListItem[] | undefined; none?: string }) =>
  items?.length === 0 ? (
    none !== undefined && <p class="quiet">{none}</p>
  ) : (
    <ul class="list">
      {items?.map(({ key, title, lines = [], waits = false, isChosen, isOff = false, action, open }) => (
        <li key={key}>
          <button type="button" aria-pressed={isChosen} disabled={isOff} onClick={open}>
            <strong>{title}</strong>
            {lines.map((line) => (
              <span key={line} class={waits ? 'wait-text' : 'quiet'}>
                {line}
              </span>
            ))}
          </button>
          {action}
        </li>
      ))}
    </ul>
  );
