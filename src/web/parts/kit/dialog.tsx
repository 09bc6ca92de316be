import { signal } from '@preact/signals';
import type { ComponentChildren, RefObject, VNode } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { t } from '../../text/text.ts';
import { ErrorBoundary } from '../boundary.tsx';
import { isTouchDevice } from '../touch.ts';
import { Button, IconButton } from './button.tsx';

/** The unique key prevents a dialog from reusing the element of the previous one. */
const shown = signal<{ readonly dialog: VNode; readonly key: number } | undefined>(undefined);
let opened = 0;

export const showDialog = (dialog: VNode): void => {
  shown.value = { dialog, key: ++opened };
};
export const closeDialog = (): void => {
  shown.value = undefined;
};
/** Render only once per page. */
export const DialogHost = () =>
  shown.value && (
    <ErrorBoundary key={shown.value.key} instead={<FailedDialog />}>
      {shown.value.dialog}
    </ErrorBoundary>
  );

const FailedDialog = () => (
  <Dialog title={t('dialogNotDrawn')}>
    <Button label={t('close')} onClick={closeDialog} />
  </Dialog>
);

interface Props {
  readonly title: string;
  readonly wide?: boolean;
  readonly children: ComponentChildren;
  /** Also called after Escape. */
  readonly onClose?: () => void;
}

export function Dialog({ title, wide = false, children, onClose }: Props) {
  const ref = useRef<HTMLDialogElement>(null);
  const own = useRef(shown.peek());
  // A late close event from an earlier dialog must not close the current one.
  const closed = () => {
    if (shown.peek() === own.current) closeDialog();
    onClose?.();
  };
  useModal(ref, focusFirst);
  return (
    <dialog
      ref={ref}
      tabIndex={-1}
      class={wide ? 'dialog full wide' : 'dialog full'}
      aria-label={title}
      onClose={closed}
    >
      <header class="row between">
        <h2>{title}</h2>
        <IconButton icon="close" label={t('close')} onClick={() => ref.current?.close()} />
      </header>
      <div class="stack dialog-body roomy scrolls">
        <ErrorBoundary>{children}</ErrorBoundary>
      </div>
    </dialog>
  );
}

/** Element to focus after the current dialog or its replacement is gone. */
let pendingReturn: HTMLElement | null = null;

/** Looks inside the editor, which has a shadow root. */
function findFocusedElement(): HTMLElement | null {
  let now = document.activeElement;
  while (now?.shadowRoot?.activeElement) now = now.shadowRoot.activeElement;
  return now as HTMLElement | null;
}

/** Returns focus when the dialog is removed, unless focus has moved on. */
export function useModal(ref: RefObject<HTMLDialogElement | null>, enter?: (dialog: HTMLDialogElement) => void): void {
  const before = useRef<HTMLElement>(null);
  // Runs before the next paint, so that the next keystrokes go to the dialog.
  useLayoutEffect(() => {
    if (!ref.current) return;
    const now = findFocusedElement();
    before.current = now === document.body ? pendingReturn : now;
    ref.current.showModal();
    enter?.(ref.current);
    return () => {
      pendingReturn = before.current;
    };
  }, []);
  // Runs after removal, because nothing behind an open dialog can receive focus.
  useEffect(
    () => () => {
      pendingReturn = null;
      const now = findFocusedElement();
      if (now !== before.current && now !== document.body) return;
      before.current?.blur?.(); // after Escape, Chromium returns focus without the selection, and typing does nothing
      before.current?.focus?.();
    },
    [],
  );
}

/**
 * Focuses the checked choice, or else the first field or list entry, or else the first answer, which is the safe one.
 * On touch devices, focuses the dialog itself.
 */
function focusFirst(dialog: HTMLDialogElement): void {
  const find = (selector: string) => dialog.querySelector<HTMLElement>(selector);
  const first =
    find('form [type=radio]:checked') ??
    find('form :is(input, select, textarea), .dialog-body > ul button') ??
    find('.dialog-body > .choices button');
  (isTouchDevice() ? dialog : (first ?? dialog)).focus();
}

interface Question {
  readonly title: string;
  readonly text: string;
  readonly yes: string;
  readonly act: () => void;
  /** Called if the user cancels, to show the dialog that the question replaced. */
  readonly back?: () => void;
}

export const confirmAction = ({ title, text, yes, act, back }: Question): void =>
  showDialog(
    <Dialog title={title} {...(back && { onClose: back })}>
      <p>{text}</p>
      <div class="choices">
        <Button label={t('cancel')} onClick={back ?? closeDialog} />
        <Button
          kind="danger"
          label={yes}
          onClick={() => {
            closeDialog();
            act();
          }}
        />
      </div>
    </Dialog>,
  );
