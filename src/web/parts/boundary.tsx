import { Component, type ComponentChildren } from 'preact';

interface Props {
  /** Drawn in place of the children when one of them throws. It must be plain. */
  readonly instead: ComponentChildren;
  readonly children: ComponentChildren;
}

/** Confines an exception while something is drawn: the rest of the page stays. A new `key` tries again. */
export class Boundary extends Component<Props, { readonly hasFailed: boolean }> {
  override state = { hasFailed: false };

  static override getDerivedStateFromError = () => ({ hasFailed: true });

  override componentDidCatch(error: unknown): void {
    reportError(error); // for the console of a developer
  }

  override render() {
    return this.state.hasFailed ? this.props.instead : this.props.children;
  }
}
