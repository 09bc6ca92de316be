import type { ComponentChildren } from 'preact';

interface Props {
  readonly text: string;
  readonly role?: 'status' | 'alert';
  /** The next step. */
  readonly children?: ComponentChildren;
}

/** Shown in place of missing content: the reason, and a next step. */
export const EmptyState = ({ text, role, children }: Props) => (
  <div class="empty" role={role}>
    <p class="quiet">{text}</p>
    {children}
  </div>
);
