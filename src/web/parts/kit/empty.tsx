import type { ComponentChildren } from 'preact';

interface Props {
  readonly text: string;
  readonly role?: 'status' | 'alert';
  readonly children?: ComponentChildren;
}

/** Replaces missing content with the reason and a next step. */
export const EmptyState = ({ text, role, children }: Props) => (
  <div class="empty" role={role}>
    <p class="quiet">{text}</p>
    {children}
  </div>
);
