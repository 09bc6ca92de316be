import { Component, type ComponentChildren } from 'preact';
import { t } from '../text/text.ts';
import { Button } from './kit/button.tsx';
import { EmptyState } from './kit/empty.tsx';

interface Props {
  /** Must not throw. Absent: a line with a retry button. */
  readonly instead?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** Catches exceptions thrown while the children are rendered. To retry, change the `key`. */
export class ErrorBoundary extends Component<Props, { readonly hasFailed: boolean }> {
  override state = { hasFailed: false };

  static override getDerivedStateFromError = () => ({ hasFailed: true });

  override componentDidCatch(error: unknown): void {
    reportError(error);
  }

  override render() {
    if (!this.state.hasFailed) return this.props.children;
    if (this.props.instead !== undefined) return this.props.instead;
    return (
      <EmptyState text={t('notDrawn')} role="alert">
        <Button icon="retry" label={t('tryAgain')} onClick={() => this.setState({ hasFailed: false })} />
      </EmptyState>
    );
  }
}
