import type { ComponentChildren } from 'preact';

interface Props {
  readonly text: string;
  readonly role?: 'status' | 'alert';
  readonly children?: ComponentChildren;
}

export const EmptyState = ({ text, role, children }: Props) => (
  <div class="empty" role={role}>
    <p class="quiet">{text}</p>
    {children}
  </div>
);
